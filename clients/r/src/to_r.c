/* Checked nodes to R objects. NaN with R's own NA payload becomes an ordinary NaN; what is masked becomes NA. */
#include "arcuate.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

SEXP text_of(const char *text, size_t size)
{
    if (size > 2147483647u)
        fail("CONVERSION", "", "", "R's texts end at 2^31 - 1 bytes");
    return Rf_mkCharLenCE(text, (int)size, CE_UTF8);
}

SEXP text_node(const Nodes *N, uint32_t at) { return text_of(N->txt[at], u32_at(N->tlen, at)); }

static double plain_nan(uint64_t bits)
{
    double x;
    if ((bits & 0xFFFFFFFFu) == 1954 && (bits & 0x7FF0000000000000ULL) == 0x7FF0000000000000ULL)
        bits = NAN_BITS;
    memcpy(&x, &bits, 8);
    return x;
}

static void no_integer(const Nodes *N, uint32_t at, int64_t value, int is_unsigned)
{
    char shown[32];
    if (is_unsigned)
        snprintf(shown, sizeof shown, "%llu", (unsigned long long)value);
    else
        snprintf(shown, sizeof shown, "%lld", (long long)value);
    fail("CONVERSION", node_path(N, at), "",
         "the integer %s is exact neither as R's integer (32 bits) nor as its double (53 bits); R's package bit64 holds "
         "such numbers: ask for it as text and convert it with bit64::as.integer64(), or ask for a float",
         shown);
}

/* Whether a double has exactly this integer. */
static int exact(int64_t value, int is_unsigned)
{
    double x = is_unsigned ? (double)(uint64_t)value : (double)value;
    if (is_unsigned)
        return x < 18446744073709551616.0 && (uint64_t)x == (uint64_t)value;
    return x < 9223372036854775808.0 && (int64_t)x == value;
}

static SEXP read_int(const Nodes *N, uint32_t at)
{
    uint64_t bits = u64_at(N->value, at);
    int is_unsigned = (N->flags[at] & INT_UNSIGNED) || N->dtype[at] == D_U8;
    if (is_unsigned ? bits <= INT32_MAX : (int64_t)bits > INT32_MIN && (int64_t)bits <= INT32_MAX)
        return Rf_ScalarInteger((int)(int64_t)bits);
    double x = is_unsigned ? (double)bits : (double)(int64_t)bits;
    if (!exact((int64_t)bits, is_unsigned))
        no_integer(N, at, (int64_t)bits, is_unsigned);
    return Rf_ScalarReal(x);
}

static SEXP note_text(int note) { return Rf_mkString(unit_names[note]); }

static SEXP made_datetime(const Nodes *N, uint32_t at, SEXP x, int note)
{
    SEXP zone = PROTECT(Rf_ScalarString(text_node(N, at))), unit = PROTECT(note_text(note));
    SEXP out = call_r("make_datetime", 3, x, zone, unit);
    UNPROTECT(2);
    return out;
}

static SEXP made_duration(SEXP x, const char *name, int note)
{
    SEXP units = PROTECT(Rf_mkString(name)), unit = PROTECT(note_text(note));
    SEXP out = call_r("make_duration", 3, x, units, unit);
    UNPROTECT(2);
    return out;
}

static SEXP read_missing(const Nodes *N, uint32_t at)
{
    int dtype = N->dtype[at];
    if (dtype >= D_I1 && dtype <= D_U8)
        return Rf_ScalarInteger(NA_INTEGER);
    if (dtype >= D_F2 && dtype <= D_F8)
        return Rf_ScalarReal(NA_REAL);
    if (dtype == D_TEXT)
        return Rf_ScalarString(NA_STRING);
    if (dtype == D_C8 || dtype == D_C16) {
        Rcomplex x = {.r = NA_REAL, .i = NA_REAL};
        return Rf_ScalarComplex(x);
    }
    if (dtype == D_NONE || dtype == D_BOOL)
        return Rf_ScalarLogical(NA_LOGICAL);
    SEXP x = PROTECT(Rf_ScalarReal(NA_REAL)), out;
    if (dtype == D_DATE)
        out = call_r("make_date", 1, x);
    else if (dtype == D_DATETIME)
        out = made_datetime(N, at, x, N->unit[at] ? N->unit[at] : U_US);
    else
        out = made_duration(x, "secs", 0);
    UNPROTECT(1);
    return out;
}

static void set_names(SEXP x, const Nodes *N, uint32_t at)
{
    R_xlen_t n = XLENGTH(x);
    SEXP names = PROTECT(Rf_allocVector(STRSXP, n));
    uint32_t one = at + 1;
    for (R_xlen_t i = 0; i < n; i++, one = N->end[one])
        SET_STRING_ELT(names, i, text_of(N->key[one], u32_at(N->klen, one)));
    Rf_setAttrib(x, R_NamesSymbol, names);
    UNPROTECT(1);
}

static void set_shape(SEXP x, const Nodes *N, uint32_t at, uint64_t first, uint64_t ndim)
{
    SEXP dim = PROTECT(new_vector(INTSXP, ndim));
    for (uint64_t i = 0; i < ndim; i++) {
        uint64_t one = u64_at(N->pool, first + i);
        if (one > INT32_MAX)
            fail("CONVERSION", node_path(N, at), "", "R's dimensions end at 2^31 - 1; reshape the array");
        INTEGER(dim)[i] = (int)one;
    }
    Rf_setAttrib(x, R_DimSymbol, dim);
    UNPROTECT(1);
}

void set_dim(SEXP x, const Nodes *N, uint32_t at)
{
    if (u32_at(N->count, at) > 1)
        set_shape(x, N, at, N->poolat[at], u32_at(N->count, at));
}

static SEXP read_list(const Nodes *N, uint32_t at)
{
    uint32_t n = u32_at(N->count, at), one = at + 1;
    SEXP x = PROTECT(Rf_allocVector(VECSXP, n));
    for (uint32_t i = 0; i < n; i++, one = N->end[one])
        SET_VECTOR_ELT(x, i, read_value(N, one));
    if (N->kind[at] == K_MAPPING)
        set_names(x, N, at);
    else if ((N->flags[at] & LIST_SHAPED) && u64_at(N->pool, N->poolat[at]) > 0)
        set_shape(x, N, at, N->poolat[at] + 1, u64_at(N->pool, N->poolat[at]));
    UNPROTECT(1);
    return x;
}

static SEXP read_reference(const Nodes *N, uint32_t at)
{
    SEXP id = PROTECT(Rf_ScalarString(text_node(N, at)));
    SEXP info = R_NilValue;
    if (u32_at(N->count, at))
        info = read_value(N, at + 1);
    PROTECT(info);
    SEXP out = call_r(N->kind[at] == K_HANDLE ? "make_handle" : "own_function", 2, id, info);
    UNPROTECT(2);
    return out;
}

SEXP read_value(const Nodes *N, uint32_t at)
{
    SEXP x, out;
    uint64_t value = u64_at(N->value, at);
    int note;
    const char *name;
    switch (N->kind[at]) {
    case K_NULL: return R_NilValue;
    case K_BOOL: return Rf_ScalarLogical(value != 0);
    case K_INT: return read_int(N, at);
    case K_FLOAT: return Rf_ScalarReal(plain_nan(value));
    case K_COMPLEX: {
        Rcomplex z = {.r = plain_nan(u64_at(N->pool, N->poolat[at])), .i = plain_nan(u64_at(N->pool, N->poolat[at] + 1))};
        return Rf_ScalarComplex(z);
    }
    case K_TEXT: return Rf_ScalarString(text_node(N, at));
    case K_BYTES: {
        const Buf *buf = &N->bufs[N->bufat[at]];
        x = new_vector(RAWSXP, buf->size);
        if (buf->size)
            memcpy(RAW(x), buf->data, buf->size);
        return x;
    }
    case K_MISSING: return read_missing(N, at);
    case K_LIST:
    case K_MAPPING: return read_list(N, at);
    case K_ARRAY: return read_array(N, at);
    case K_LABELLED: return read_labelled(N, at);
    case K_DATASET: return read_dataset(N, at);
    case K_TABLE: return read_table(N, at);
    case K_CATEGORICAL: return read_categorical(N, at);
    case K_SPARSE: return read_sparse(N, at);
    case K_DATETIME:
        x = PROTECT(Rf_ScalarReal(datetime_seconds(N, at, (int64_t)value, N->unit[at], &note)));
        out = made_datetime(N, at, x, note);
        UNPROTECT(1);
        return out;
    case K_DATE:
        x = PROTECT(Rf_ScalarReal((double)(int64_t)value));
        out = call_r("make_date", 1, x);
        UNPROTECT(1);
        return out;
    case K_DURATION:
        x = PROTECT(Rf_ScalarReal(duration_value(N, at, (int64_t)value, N->unit[at], &name, &note)));
        out = made_duration(x, name, note);
        UNPROTECT(1);
        return out;
    default: return read_reference(N, at);
    }
}

/* The data of a row-major array in column-major order. */
const uint8_t *column_major(const Nodes *N, uint32_t at, const uint8_t *data, size_t width)
{
    uint64_t ndim = u32_at(N->count, at), n = elements(N, at), index[MAX_NDIM], extent[MAX_NDIM], stride[MAX_NDIM];
    if (ndim < 2 || (N->flags[at] & ARRAY_FORTRAN) || n == 0)
        return data;
    uint8_t *out = (uint8_t *)R_alloc(n, (int)width);
    uint64_t step = 1;
    for (uint64_t i = ndim; i-- > 0;) {
        extent[i] = u64_at(N->pool, N->poolat[at] + i);
        stride[i] = step;
        step *= extent[i];
        index[i] = 0;
    }
    if (ndim == 2 && width == 8) { /* in tiles, that stay in the cache */
        uint64_t rows = extent[0], columns = extent[1];
        for (uint64_t i0 = 0; i0 < rows; i0 += 32)
            for (uint64_t j0 = 0; j0 < columns; j0 += 32)
                for (uint64_t j = j0; j < j0 + 32 && j < columns; j++)
                    for (uint64_t i = i0; i < i0 + 32 && i < rows; i++)
                        memcpy(out + 8 * (j * rows + i), data + 8 * (i * columns + j), 8);
        return out;
    }
    uint64_t from = 0;
    for (uint64_t k = 0; k < n; k++) {
        memcpy(out + k * width, data + from * width, width);
        for (uint64_t i = 0; i < ndim; i++) { /* the first dimension runs fastest */
            from += stride[i];
            if (++index[i] < extent[i])
                break;
            from -= stride[i] * extent[i];
            index[i] = 0;
        }
    }
    return out;
}

static SEXP read_doubles(const uint8_t *data, uint64_t n, int dtype, const uint8_t *mask)
{
    SEXP x = PROTECT(new_vector(REALSXP, n));
    double *to = REAL(x);
    if (dtype == D_F8) {
        for (uint64_t at = 0; at < n; at += 4096) { /* a block is in the cache when it is looked through */
            uint64_t end = at + 4096 < n ? at + 4096 : n;
            memcpy(to + at, data + 8 * at, 8 * (end - at));
            double parts[4] = {0, 0, 0, 0};
            uint64_t k = at;
            for (; k + 4 <= end; k += 4)
                for (int j = 0; j < 4; j++)
                    parts[j] += to[k + j];
            double sum = parts[0] + parts[1] + parts[2] + parts[3];
            for (; k < end; k++)
                sum += to[k];
            if (sum != sum)
                for (k = at; k < end; k++)
                    if (to[k] != to[k])
                        to[k] = plain_nan(u64_at(data, k));
        }
    } else
        for (uint64_t i = 0; i < n; i++) {
            if (dtype == D_F4) {
                float one;
                memcpy(&one, data + 4 * i, 4);
                to[i] = isnan(one) ? R_NaN : (double)one;
            } else {
                uint16_t half;
                memcpy(&half, data + 2 * i, 2);
                int exponent = half >> 10 & 31, fraction = half & 1023;
                double size = exponent == 31 ? (fraction ? R_NaN : R_PosInf)
                              : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                             : ldexp(fraction, -24);
                to[i] = half & 0x8000 ? -size : size;
            }
        }
    for (uint64_t i = 0; mask && i < n; i++)
        if (mask[i])
            to[i] = NA_REAL;
    UNPROTECT(1);
    return x;
}

/* Integers of any width: R's integer when all fit, otherwise doubles when all are exact. */
static SEXP read_integers(const Nodes *N, uint32_t at, const uint8_t *data, uint64_t n, const uint8_t *mask)
{
    int dtype = N->dtype[at], is_unsigned = dtype >= D_U1, width = item_size[dtype], fits = 1;
    SEXP x = PROTECT(new_vector(INTSXP, n));
    int *to = INTEGER(x);
#define EACH(type)                                                                                                             \
    for (uint64_t i = 0; i < n && fits; i++) {                                                                                 \
        type one;                                                                                                              \
        memcpy(&one, data + sizeof(type) * i, sizeof(type));                                                                   \
        if (mask && mask[i])                                                                                                   \
            to[i] = NA_INTEGER;                                                                                                \
        else if (is_unsigned ? (uint64_t)one <= INT32_MAX : (int64_t)one > INT32_MIN && (int64_t)one <= INT32_MAX)             \
            to[i] = (int)one;                                                                                                  \
        else                                                                                                                   \
            fits = 0;                                                                                                          \
    }
    switch (dtype) {
    case D_I1: EACH(int8_t) break;
    case D_I2: EACH(int16_t) break;
    case D_I4: EACH(int32_t) break;
    case D_I8: EACH(int64_t) break;
    case D_U1: EACH(uint8_t) break;
    case D_U2: EACH(uint16_t) break;
    case D_U4: EACH(uint32_t) break;
    default: EACH(uint64_t)
    }
#undef EACH
    UNPROTECT(1);
    if (fits)
        return x;
    x = PROTECT(new_vector(REALSXP, n));
    for (uint64_t i = 0; i < n; i++) {
        int64_t one = 0;
        if (mask && mask[i]) {
            REAL(x)[i] = NA_REAL;
            continue;
        }
        if (width == 8)
            memcpy(&one, data + 8 * i, 8);
        else if (is_unsigned) {
            uint32_t four;
            memcpy(&four, data + 4 * i, 4);
            one = four;
        } else {
            int32_t four;
            memcpy(&four, data + 4 * i, 4);
            one = four;
        }
        REAL(x)[i] = dtype == D_U8 ? (double)(uint64_t)one : (double)one;
        if (!exact(one, dtype == D_U8))
            no_integer(N, at, one, dtype == D_U8);
    }
    UNPROTECT(1);
    return x;
}

static SEXP read_texts(const Nodes *N, uint32_t at, const Buf *buf, uint64_t n, const uint8_t *mask)
{
    SEXP x = PROTECT(Rf_allocVector(STRSXP, (R_xlen_t)n));
    const char *from = (const char *)buf->data;
    const uint8_t *order = NULL; /* of the texts, where the array is row-major */
    if (u32_at(N->count, at) > 1 && !(N->flags[at] & ARRAY_FORTRAN)) {
        uint64_t *numbers = (uint64_t *)R_alloc(n + 1, 8);
        for (uint64_t i = 0; i < n; i++)
            numbers[i] = i;
        order = column_major(N, at, (const uint8_t *)numbers, 8);
    }
    if (order) {
        const char **starts = (const char **)R_alloc(n + 1, sizeof(char *));
        for (uint64_t i = 0; i < n; i++, from += strlen(from) + 1)
            starts[i] = from;
        for (uint64_t i = 0; i < n; i++) {
            const char *text = starts[u64_at(order, i)];
            SET_STRING_ELT(x, (R_xlen_t)i, mask && mask[i] ? NA_STRING : text_of(text, strlen(text)));
        }
    } else
        for (uint64_t i = 0; i < n; i++) {
            size_t size = strlen(from);
            SET_STRING_ELT(x, (R_xlen_t)i, mask && mask[i] ? NA_STRING : text_of(from, size));
            from += size + 1;
        }
    UNPROTECT(1);
    return x;
}

static SEXP read_counts(const Nodes *N, uint32_t at, const uint8_t *data, uint64_t n, const uint8_t *mask)
{
    int dtype = N->dtype[at], note = N->unit[at];
    const char *name = "secs";
    SEXP x = PROTECT(new_vector(REALSXP, n));
    if (n == 0 && dtype == D_DURATION)
        duration_value(N, at, 0, N->unit[at], &name, &note);
    if (n == 0 && dtype == D_DATETIME)
        datetime_seconds(N, at, 0, N->unit[at], &note);
    for (uint64_t i = 0; i < n; i++) {
        int gone = mask && mask[i];
        double one;
        if (dtype == D_DATE) {
            int32_t days;
            memcpy(&days, data + 4 * i, 4);
            one = days;
        } else {
            int64_t count = gone ? 0 : (int64_t)u64_at(data, i);
            one = dtype == D_DATETIME ? datetime_seconds(N, at, count, N->unit[at], &note)
                                      : duration_value(N, at, count, N->unit[at], &name, &note);
        }
        REAL(x)[i] = gone ? NA_REAL : one;
    }
    set_dim(x, N, at);
    SEXP out = dtype == D_DATE       ? call_r("make_date", 1, x)
               : dtype == D_DATETIME ? made_datetime(N, at, x, note)
                                     : made_duration(x, name, note);
    UNPROTECT(1);
    return out;
}

SEXP read_array(const Nodes *N, uint32_t at)
{
    int dtype = N->dtype[at];
    uint64_t n = elements(N, at);
    const Buf *buf = &N->bufs[N->bufat[at]];
    const uint8_t *mask = N->flags[at] & ARRAY_MASK ? column_major(N, at, buf[1].data, 1) : NULL;
    const uint8_t *data = dtype == D_TEXT ? buf->data : column_major(N, at, buf->data, (size_t)item_size[dtype]);
    SEXP x;
    if (dtype == D_TEXT)
        x = PROTECT(read_texts(N, at, buf, n, mask));
    else if (dtype == D_BOOL) {
        x = PROTECT(new_vector(LGLSXP, n));
        for (uint64_t i = 0; i < n; i++)
            LOGICAL(x)[i] = mask && mask[i] ? NA_LOGICAL : data[i];
    } else if (dtype <= D_U8)
        x = PROTECT(read_integers(N, at, data, n, mask));
    else if (dtype <= D_F8)
        x = PROTECT(read_doubles(data, n, dtype, mask));
    else if (dtype <= D_C16) {
        SEXP flat = PROTECT(read_doubles(data, 2 * n, dtype == D_C8 ? D_F4 : D_F8, NULL));
        x = new_vector(CPLXSXP, n);
        UNPROTECT(1);
        PROTECT(x);
        if (n)
            memcpy(COMPLEX(x), REAL(flat), 16 * n);
        for (uint64_t i = 0; mask && i < n; i++)
            if (mask[i])
                COMPLEX(x)[i].r = COMPLEX(x)[i].i = NA_REAL;
    } else {
        x = read_counts(N, at, data, n, mask);
        return x;
    }
    set_dim(x, N, at);
    UNPROTECT(1);
    return x;
}
