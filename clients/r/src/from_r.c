/* R objects to rows. Plain vectors are taken as they are; whatever has attributes is first taken apart by plan() in
   R/values.R, which decides how it travels. */
#include "arcuate.h"
#include <string.h>

enum { P_ARRAY = 1, P_DATETIME, P_DATE, P_DURATION, P_FACTOR, P_LABELLED, P_DATASET, P_TABLE, P_SPARSE, P_HANDLE,
       P_FUNCTION, P_INT64, P_MAPPING, P_SHAPED, P_ERROR, P_VALUE };

/* What plan() returned, until the frame is made: it may hold data that buffers point to. */
static SEXP kept = NULL;

void forget_plans(void)
{
    if (kept == NULL) {
        kept = Rf_cons(R_NilValue, R_NilValue);
        R_PreserveObject(kept);
    }
    SETCDR(kept, R_NilValue);
}

static void write_structure(Writer *w, int code, SEXP plan, const char *key);
static void write_list(Writer *w, SEXP x, SEXP names, SEXP shape, const char *key);
static void write_data(Writer *w, SEXP plan, const char *key, int scalar);

/* The UTF-8 bytes of a text. What is declared to be something else, or is not what it says, is refused. */
const char *utf8(Writer *w, SEXP x)
{
    const char *data = CHAR(x);
    size_t size = (size_t)LENGTH(x);
    if (all_ascii((const uint8_t *)data, size))
        return data;
    cetype_t kind = Rf_getCharCE(x);
    if (kind == CE_LATIN1)
        return Rf_translateCharUTF8(x);
    if (kind == CE_NATIVE) {
        if (w->native == 0)
            w->native = Rf_asLogical(call_r("native_is_utf8", 0)) ? 1 : 2;
        if (w->native == 2) {
            SEXP found = PROTECT(call_r("from_native", 1, PROTECT(Rf_ScalarString(x))));
            SEXP text = STRING_ELT(found, 0);
            UNPROTECT(2);
            if (text != NA_STRING) {
                char *copy = R_alloc((size_t)LENGTH(text) + 1, 1);
                strcpy(copy, CHAR(text));
                return copy;
            }
            kind = CE_BYTES;
        }
    }
    if (kind == CE_BYTES || !valid_utf8((const uint8_t *)data, size))
        fail("CONVERSION", writer_path(w), "",
             "a text is no valid UTF-8; declare its encoding (Encoding<- or iconv), or send it with charToRaw()");
    return data;
}

static uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

static int is_na(double x)
{
    uint64_t bits = double_bits(x);
    return (bits & 0xFFFFFFFFu) == 1954 && (bits & 0x7FF0000000000000ULL) == 0x7FF0000000000000ULL;
}

static void missing_row(Writer *w, const char *key, int dtype) { add_row(w, K_MISSING, key)->dtype = (uint8_t)dtype; }

/* A vector of length 1 without attributes: a scalar of the value model. */
static void write_scalar(Writer *w, SEXP x, const char *key)
{
    switch (TYPEOF(x)) {
    case REALSXP:
        if (is_na(REAL(x)[0]))
            missing_row(w, key, D_F8);
        else
            add_row(w, K_FLOAT, key)->value = double_bits(REAL(x)[0]);
        break;
    case INTSXP:
        if (INTEGER(x)[0] == NA_INTEGER)
            missing_row(w, key, D_I4);
        else
            add_row(w, K_INT, key)->value = (uint64_t)(int64_t)INTEGER(x)[0];
        break;
    case LGLSXP:
        if (LOGICAL(x)[0] == NA_LOGICAL)
            missing_row(w, key, D_NONE);
        else
            add_row(w, K_BOOL, key)->value = LOGICAL(x)[0] != 0;
        break;
    case CPLXSXP:
        if (is_na(COMPLEX(x)[0].r) || is_na(COMPLEX(x)[0].i))
            missing_row(w, key, D_C16);
        else {
            add_row(w, K_COMPLEX, key);
            add_pool(w, double_bits(COMPLEX(x)[0].r));
            add_pool(w, double_bits(COMPLEX(x)[0].i));
        }
        break;
    default:
        if (STRING_ELT(x, 0) == NA_STRING)
            missing_row(w, key, D_TEXT);
        else
            set_text(add_row(w, K_TEXT, key), utf8(w, STRING_ELT(x, 0)));
    }
}

static const uint8_t *texts_data(Writer *w, SEXP x, uint64_t *size, uint8_t **mask)
{
    R_xlen_t n = XLENGTH(x);
    size_t room = 16 * (size_t)n + 16, used = 0;
    char *data = R_alloc(room, 1);
    for (R_xlen_t i = 0; i < n; i++) {
        SEXP char_ = STRING_ELT(x, i);
        const char *text = "";
        if (char_ == NA_STRING) {
            if (*mask == NULL) {
                *mask = (uint8_t *)R_alloc((size_t)n, 1);
                memset(*mask, 0, (size_t)n);
            }
            (*mask)[i] = 1;
        } else {
            push_step(w, NULL, i);
            text = utf8(w, char_);
            pop_step(w);
        }
        size_t length = strlen(text) + 1;
        if (used + length > room) {
            room = 2 * room + length;
            char *more = R_alloc(room, 1);
            memcpy(more, data, used);
            data = more;
        }
        memcpy(data + used, text, length);
        used += length;
    }
    *size = used;
    return (uint8_t *)data;
}

/* A vector as an array row. */
void write_array(Writer *w, SEXP x, SEXP dim, const char *key, int dtype, int unit, const char *zone)
{
    static const int dtypes[26] = {[LGLSXP] = D_BOOL, [INTSXP] = D_I4, [REALSXP] = D_F8, [CPLXSXP] = D_C16,
                                   [STRSXP] = D_TEXT, [RAWSXP] = D_U1};
    R_xlen_t n = XLENGTH(x);
    const void *data = NULL;
    uint64_t size = 0;
    uint8_t *mask = NULL;
    R_xlen_t na = -1;
    switch (TYPEOF(x)) {
    case REALSXP:
    case CPLXSXP: {
        R_xlen_t width = TYPEOF(x) == CPLXSXP ? 2 : 1, count = n * width;
        const double *from = width == 2 ? (const double *)COMPLEX(x) : REAL(x);
        data = from;
        size = 8 * (uint64_t)count;
        double sum = 0;
        for (R_xlen_t i = 0; i < count; i += 4096) { /* NaN makes a sum NaN: the usual block has none */
            R_xlen_t end = i + 4096 < count ? i + 4096 : count;
            double parts[4] = {0, 0, 0, 0};
            R_xlen_t k = i;
            for (; k + 4 <= end; k += 4)
                for (int j = 0; j < 4; j++)
                    parts[j] += from[k + j];
            sum = parts[0] + parts[1] + parts[2] + parts[3];
            for (; k < end; k++)
                sum += from[k];
            if (sum == sum)
                continue;
            for (k = i; k < end && na < 0; k++)
                if (is_na(from[k]))
                    na = k / width;
            if (na >= 0)
                break;
        }
        if (na >= 0) {
            mask = (uint8_t *)R_alloc((size_t)n, 1);
            double *clean = (double *)R_alloc((size_t)count, 8);
            for (R_xlen_t i = 0; i < n; i++) {
                mask[i] = is_na(from[width * i]) || (width == 2 && is_na(from[2 * i + 1]));
                for (R_xlen_t k = width * i; k < width * (i + 1); k++)
                    clean[k] = mask[i] ? 0 : from[k];
            }
            data = clean;
        }
        break;
    }
    case INTSXP: {
        const int *from = INTEGER(x);
        data = from;
        size = 4 * (uint64_t)n;
        for (R_xlen_t i = 0; i < n && na < 0; i++)
            if (from[i] == NA_INTEGER)
                na = i;
        if (na >= 0) {
            mask = (uint8_t *)R_alloc((size_t)n, 1);
            int *clean = (int *)R_alloc((size_t)n, 4);
            for (R_xlen_t i = 0; i < n; i++) {
                mask[i] = from[i] == NA_INTEGER;
                clean[i] = mask[i] ? 0 : from[i];
            }
            data = clean;
        }
        break;
    }
    case LGLSXP: {
        const int *from = LOGICAL(x);
        uint8_t *bytes = (uint8_t *)R_alloc((size_t)n + 1, 1);
        for (R_xlen_t i = 0; i < n; i++) {
            bytes[i] = from[i] != 0 && from[i] != NA_LOGICAL;
            if (from[i] == NA_LOGICAL && na < 0)
                na = i;
        }
        data = bytes;
        size = (uint64_t)n;
        if (na >= 0) {
            mask = (uint8_t *)R_alloc((size_t)n, 1);
            for (R_xlen_t i = 0; i < n; i++)
                mask[i] = from[i] == NA_LOGICAL;
        }
        break;
    }
    case STRSXP:
        data = texts_data(w, x, &size, &mask);
        break;
    default:
        data = RAW(x);
        size = (uint64_t)n;
    }
    Row *row = add_row(w, K_ARRAY, key);
    row->dtype = (uint8_t)(dtype ? dtype : dtypes[TYPEOF(x)]);
    row->unit = (uint8_t)unit;
    set_text(row, zone);
    row->flags = mask ? ARRAY_MASK : 0;
    if (dim == R_NilValue) {
        row->count = 1;
        add_pool(w, (uint64_t)n);
    } else {
        row->count = (uint32_t)XLENGTH(dim);
        if (row->count > 1)
            row->flags |= ARRAY_FORTRAN;
        for (R_xlen_t i = 0; i < XLENGTH(dim); i++)
            add_pool(w, (uint64_t)INTEGER(dim)[i]);
    }
    add_buf(w, data, size);
    if (mask)
        add_buf(w, mask, (uint64_t)n);
}

static void write_function(Writer *w, SEXP x, const char *key)
{
    SEXP id = PROTECT(call_r("register_function", 1, x));
    char *copy = R_alloc((size_t)LENGTH(STRING_ELT(id, 0)) + 1, 1);
    strcpy(copy, CHAR(STRING_ELT(id, 0)));
    set_text(add_row(w, K_FUNCTION, key), copy);
    UNPROTECT(1);
}

static void write_handle(Writer *w, SEXP x, const char *key)
{
    SEXP id = PROTECT(call_r("handle_name", 1, x));
    char *copy = R_alloc((size_t)LENGTH(STRING_ELT(id, 0)) + 1, 1);
    strcpy(copy, CHAR(STRING_ELT(id, 0)));
    Row *row = add_row(w, K_HANDLE, key);
    set_text(row, copy);
    row->count = 1;
    add_row(w, K_MAPPING, "info");
    UNPROTECT(1);
}

static void refuse(Writer *w, SEXP x)
{
    call_r("refuse_value", 1, x); /* raises the condition, with the path */
    fail("CONVERSION", writer_path(w), "", "this value cannot travel");
}

/* Any R object. With `scalar`, a vector of length 1 becomes a scalar; otherwise an array of one element. */
void write_value(Writer *w, SEXP x, const char *key, int scalar)
{
    int type = TYPEOF(x);
    if (ATTRIB(x) == R_NilValue) {
        switch (type) {
        case REALSXP: case INTSXP: case LGLSXP: case CPLXSXP: case STRSXP:
            if (scalar && XLENGTH(x) == 1)
                write_scalar(w, x, key);
            else
                write_array(w, x, R_NilValue, key, 0, 0, "");
            return;
        case NILSXP:
            add_row(w, K_NULL, key);
            return;
        case VECSXP:
            write_list(w, x, R_NilValue, R_NilValue, key);
            return;
        case RAWSXP:
            add_row(w, K_BYTES, key);
            add_buf(w, RAW(x), (uint64_t)XLENGTH(x));
            return;
        }
    }
    if (type == CLOSXP || type == BUILTINSXP || type == SPECIALSXP) {
        if (Rf_inherits(x, "arcuate_handle"))
            write_handle(w, x, key);
        else
            write_function(w, x, key);
        return;
    }
    if (Rf_inherits(x, "arcuate_handle")) {
        write_handle(w, x, key);
        return;
    }
    if (Rf_inherits(x, "arcuate_function")) { /* one of somebody else: it goes as it came */
        set_text(add_row(w, K_FUNCTION, key), utf8(w, STRING_ELT(VECTOR_ELT(x, 0), 0)));
        return;
    }
    SEXP plan = PROTECT(call_r("plan", 1, x));
    SETCDR(kept, Rf_cons(plan, CDR(kept)));
    UNPROTECT(1);
    int code = INTEGER(VECTOR_ELT(plan, 0))[0];
    if (code == P_HANDLE)
        refuse(w, x);
    else if (code <= P_FACTOR || code == P_INT64)
        write_data(w, plan, key, scalar);
    else if (code == P_MAPPING)
        write_list(w, VECTOR_ELT(plan, 1), VECTOR_ELT(plan, 2), R_NilValue, key);
    else if (code == P_VALUE)
        write_value(w, VECTOR_ELT(plan, 1), key, scalar);
    else if (code == P_SHAPED)
        write_list(w, VECTOR_ELT(plan, 1), R_NilValue, VECTOR_ELT(plan, 2), key);
    else if (code >= P_LABELLED && code <= P_SPARSE)
        write_structure(w, code, plan, key);
    else
        fail("CONVERSION", writer_path(w), "", "%s", CHAR(STRING_ELT(VECTOR_ELT(plan, 1), 0)));
}

static int only_scalars(SEXP x)
{
    R_xlen_t n = XLENGTH(x);
    for (R_xlen_t i = 0; i < n; i++) {
        SEXP one = VECTOR_ELT(x, i);
        if (!Rf_isVectorAtomic(one) || XLENGTH(one) != 1 || TYPEOF(one) == RAWSXP)
            return 0;
    }
    return n > 0;
}

static void write_list(Writer *w, SEXP x, SEXP names, SEXP shape, const char *key)
{
    R_xlen_t n = XLENGTH(x);
    if (w->nesting >= MAX_DEPTH)
        fail("CONVERSION", writer_path(w), "",
             "the value nests deeper than %d levels; flatten it, or send the parts one by one", MAX_DEPTH);
    if ((double)n > 4294967295.0)
        fail("CONVERSION", writer_path(w), "", "a list of more than 2^32 - 1 elements cannot travel");
    Row *row = add_row(w, names != R_NilValue ? K_MAPPING : K_LIST, key);
    row->count = (uint32_t)n;
    if (shape != R_NilValue) {
        row->flags = LIST_SHAPED;
        add_pool(w, (uint64_t)XLENGTH(shape));
        for (R_xlen_t i = 0; i < XLENGTH(shape); i++)
            add_pool(w, (uint64_t)INTEGER(shape)[i]);
    }
    if (names == R_NilValue && shape == R_NilValue && only_scalars(x))
        row->flags = LIST_FORCED; /* it stays a list where a list of scalars would become a vector */
    w->nesting++;
    for (R_xlen_t i = 0; i < n; i++) {
        const char *name = names != R_NilValue ? utf8(w, STRING_ELT(names, i)) : "";
        push_step(w, names != R_NilValue ? name : NULL, i);
        write_value(w, VECTOR_ELT(x, i), name, 1);
        pop_step(w);
    }
    w->nesting--;
}

/* An array, a categorical or times, without labels. */
static void write_data(Writer *w, SEXP plan, const char *key, int scalar)
{
    int code = INTEGER(VECTOR_ELT(plan, 0))[0];
    SEXP x = VECTOR_ELT(plan, 1), dim = VECTOR_ELT(plan, 2);
    if (code == P_ARRAY) {
        if (scalar && dim == R_NilValue && XLENGTH(x) == 1 && TYPEOF(x) != RAWSXP)
            write_scalar(w, x, key);
        else
            write_array(w, x, dim, key, 0, 0, "");
        return;
    }
    if (code != P_FACTOR) {
        write_times(w, code, plan, key, scalar && dim == R_NilValue && XLENGTH(x) == 1);
        return;
    }
    Row *row = add_row(w, K_CATEGORICAL, key);
    row->count = 2;
    row->flags = LOGICAL(VECTOR_ELT(plan, 4))[0] != 0;
    R_xlen_t n = XLENGTH(x), levels = XLENGTH(VECTOR_ELT(plan, 3));
    int *codes = (int *)R_alloc((size_t)n + 1, 4);
    uint8_t *mask = NULL;
    for (R_xlen_t i = 0; i < n; i++) {
        int one = INTEGER(x)[i];
        codes[i] = one - 1;
        if (one == NA_INTEGER) {
            if (mask == NULL) {
                mask = (uint8_t *)R_alloc((size_t)n, 1);
                memset(mask, 0, (size_t)n);
            }
            mask[i] = 1;
            codes[i] = 0;
        } else if (one < 1 || one > levels)
            fail("CONVERSION", writer_path(w), "", "a factor has the code %d, but %lld levels", one, (long long)levels);
    }
    size_t at = w->m;
    write_array(w, x, dim, "codes", 0, 0, "");
    w->m = at;
    w->rows[w->n - 1].flags = (uint8_t)((w->rows[w->n - 1].flags & ~ARRAY_MASK) | (mask ? ARRAY_MASK : 0));
    add_buf(w, codes, 4 * (uint64_t)n);
    if (mask)
        add_buf(w, mask, (uint64_t)n);
    write_value(w, VECTOR_ELT(plan, 3), "categories", 0);
}

/* ---- what has parts with names */

static void write_texts(Writer *w, SEXP x, const char *key)
{
    add_row(w, K_LIST, key)->count = (uint32_t)XLENGTH(x);
    for (R_xlen_t i = 0; i < XLENGTH(x); i++)
        if (STRING_ELT(x, i) == NA_STRING)
            add_row(w, K_NULL, "");
        else
            set_text(add_row(w, K_TEXT, ""), utf8(w, STRING_ELT(x, i)));
}

static void write_attrs(Writer *w, SEXP x)
{
    SEXP names = x == R_NilValue ? R_NilValue : Rf_getAttrib(x, R_NamesSymbol);
    if (names == R_NilValue) {
        add_row(w, K_MAPPING, "attrs");
        return;
    }
    push_step(w, "attrs", 0);
    write_list(w, x, names, R_NilValue, "attrs");
    pop_step(w);
}

/* Makes the 1-d array of one element that was written last one without dimensions. */
static void flatten(Writer *w, size_t at, size_t pooled)
{
    if (w->rows[at].kind == K_CATEGORICAL)
        at++;
    if (w->rows[at].kind == K_ARRAY && w->rows[at].count == 1) {
        w->rows[at].count = 0;
        memmove(w->pool + pooled, w->pool + pooled + 1, (w->p - pooled - 1) * 8);
        w->p--;
    }
}

static void write_variables(Writer *w, SEXP x, const char *key)
{
    R_xlen_t n = x == R_NilValue ? 0 : XLENGTH(x);
    add_row(w, K_MAPPING, key)->count = (uint32_t)n;
    SEXP names = n ? Rf_getAttrib(x, R_NamesSymbol) : R_NilValue;
    push_step(w, key, 0);
    w->nesting++;
    for (R_xlen_t i = 0; i < n; i++) {
        const char *name = utf8(w, STRING_ELT(names, i));
        SEXP variable = VECTOR_ELT(x, i), data = VECTOR_ELT(variable, 1);
        push_step(w, name, 0);
        add_row(w, K_MAPPING, name)->count = 3;
        write_texts(w, VECTOR_ELT(variable, 0), "dims");
        size_t at = w->n, pooled = w->p;
        if (TYPEOF(data) == VECSXP) /* taken apart already */
            write_data(w, VECTOR_ELT(data, 0), "data", 0);
        else if (TYPEOF(data) == RAWSXP)
            write_array(w, data, Rf_getAttrib(data, R_DimSymbol), "data", 0, 0, "");
        else
            write_value(w, data, "data", 0);
        if (XLENGTH(VECTOR_ELT(variable, 0)) == 0)
            flatten(w, at, pooled);
        w->nesting++;
        write_attrs(w, VECTOR_ELT(variable, 2));
        w->nesting--;
        pop_step(w);
    }
    w->nesting--;
    pop_step(w);
}

static void write_labelled(Writer *w, SEXP plan, const char *key)
{
    add_row(w, K_LABELLED, key)->count = 5;
    SEXP name = VECTOR_ELT(plan, 1), dims = VECTOR_ELT(plan, 2);
    if (name == R_NilValue)
        add_row(w, K_NULL, "name");
    else
        set_text(add_row(w, K_TEXT, "name"), utf8(w, STRING_ELT(name, 0)));
    write_texts(w, dims, "dims");
    size_t at = w->n, pooled = w->p;
    write_data(w, VECTOR_ELT(plan, 3), "data", 0);
    if (XLENGTH(dims) == 0)
        flatten(w, at, pooled);
    w->nesting++;
    write_variables(w, VECTOR_ELT(plan, 4), "coords");
    write_attrs(w, VECTOR_ELT(plan, 5));
    w->nesting--;
}

static void write_table(Writer *w, SEXP plan, const char *key)
{
    Row *row = add_row(w, K_TABLE, key);
    row->count = 3;
    row->value = (uint64_t)INTEGER(VECTOR_ELT(plan, 1))[0];
    set_text(row, utf8(w, STRING_ELT(VECTOR_ELT(plan, 6), 0)));
    SEXP columns = VECTOR_ELT(plan, 2), names = VECTOR_ELT(plan, 3), index = VECTOR_ELT(plan, 4);
    SEXP nullable = VECTOR_ELT(plan, 7);
    R_xlen_t n = XLENGTH(columns);
    add_row(w, K_MAPPING, "columns")->count = (uint32_t)n;
    w->nesting += 2;
    for (R_xlen_t i = 0; i < n; i++) {
        const char *name = utf8(w, STRING_ELT(names, i));
        SEXP column = VECTOR_ELT(columns, i);
        size_t at = w->n;
        push_step(w, name, 0);
        if (TYPEOF(column) == RAWSXP)
            write_array(w, column, R_NilValue, name, 0, 0, "");
        else
            write_value(w, column, name, 0);
        pop_step(w);
        for (R_xlen_t k = 0; k < XLENGTH(nullable); k++)
            if (w->rows[at].kind == K_ARRAY && strcmp(utf8(w, STRING_ELT(nullable, k)), name) == 0)
                w->rows[at].flags |= ARRAY_PANDAS;
    }
    if (index == R_NilValue)
        add_row(w, K_NULL, "index");
    else {
        add_row(w, K_MAPPING, "index")->count = 2;
        write_texts(w, VECTOR_ELT(index, 0), "names");
        SEXP levels = VECTOR_ELT(index, 1);
        add_row(w, K_LIST, "levels")->count = (uint32_t)XLENGTH(levels);
        for (R_xlen_t i = 0; i < XLENGTH(levels); i++)
            write_value(w, VECTOR_ELT(levels, i), "", 0);
    }
    w->nesting--;
    write_attrs(w, VECTOR_ELT(plan, 5));
    w->nesting--;
}

static void write_sparse(Writer *w, SEXP plan, const char *key)
{
    SEXP x = VECTOR_ELT(plan, 3);
    R_xlen_t n = XLENGTH(x);
    size_t before = w->n, pooled = w->p, taken = w->m;
    write_array(w, x, R_NilValue, key, 0, 0, "");
    if (w->rows[before].flags & ARRAY_MASK)
        fail("CONVERSION", writer_path(w), "",
             "a sparse matrix with NA has no sparse value elsewhere; replace NA, or make it dense (as.matrix)");
    Buf data = w->bufs[taken];
    w->n = before;
    w->p = pooled;
    w->m = taken;
    Row *row = add_row(w, K_SPARSE, key);
    row->dtype = TYPEOF(x) == LGLSXP ? D_BOOL : D_F8;
    row->unit = (uint8_t)INTEGER(VECTOR_ELT(plan, 1))[0];
    row->value = (uint64_t)n;
    for (int i = 0; i < 2; i++)
        add_pool(w, (uint64_t)INTEGER(VECTOR_ELT(plan, 2))[i]);
    add_buf(w, data.data, data.size);
    for (int i = 4; i < 6; i++)
        add_buf(w, INTEGER(VECTOR_ELT(plan, i)), 4 * (uint64_t)XLENGTH(VECTOR_ELT(plan, i)));
}

static void write_structure(Writer *w, int code, SEXP plan, const char *key)
{
    if (code == P_LABELLED)
        write_labelled(w, plan, key);
    else if (code == P_TABLE)
        write_table(w, plan, key);
    else if (code == P_SPARSE)
        write_sparse(w, plan, key);
    else {
        add_row(w, K_DATASET, key)->count = 3;
        w->nesting++;
        write_variables(w, VECTOR_ELT(plan, 1), "vars");
        write_variables(w, VECTOR_ELT(plan, 2), "coords");
        write_attrs(w, VECTOR_ELT(plan, 3));
        w->nesting--;
    }
}
