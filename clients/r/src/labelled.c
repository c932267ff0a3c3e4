/* Labelled, tabular, categorical and sparse values: their parts into a list, then one function of R/values.R. */
#include "arcuate.h"
#include <string.h>

static SEXP texts(const Nodes *N, uint32_t at)
{
    uint32_t n = u32_at(N->count, at), one = at + 1;
    SEXP x = PROTECT(Rf_allocVector(STRSXP, n));
    for (uint32_t i = 0; i < n; i++, one = N->end[one])
        SET_STRING_ELT(x, i, N->kind[one] == K_NULL ? NA_STRING : text_node(N, one));
    UNPROTECT(1);
    return x;
}

/* A mapping of variables as a named list of list(dims, data, attrs). */
static SEXP variables(const Nodes *N, uint32_t at)
{
    uint32_t n = u32_at(N->count, at), one = at + 1;
    SEXP x = PROTECT(Rf_allocVector(VECSXP, n)), names = PROTECT(Rf_allocVector(STRSXP, n));
    for (uint32_t i = 0; i < n; i++, one = N->end[one]) {
        SET_STRING_ELT(names, i, text_of(N->key[one], u32_at(N->klen, one)));
        SEXP variable = Rf_allocVector(VECSXP, 3);
        SET_VECTOR_ELT(x, i, variable);
        uint32_t dims = one + 1, data = N->end[dims];
        SET_VECTOR_ELT(variable, 0, texts(N, dims));
        SET_VECTOR_ELT(variable, 1, read_value(N, data));
        SET_VECTOR_ELT(variable, 2, read_value(N, N->end[data]));
    }
    Rf_setAttrib(x, R_NamesSymbol, names);
    UNPROTECT(2);
    return x;
}

SEXP read_labelled(const Nodes *N, uint32_t at)
{
    uint32_t name = at + 1, dims = N->end[name], data = N->end[dims], coords = N->end[data];
    SEXP a = PROTECT(read_value(N, name)), b = PROTECT(texts(N, dims)), c = PROTECT(read_value(N, data));
    SEXP d = PROTECT(variables(N, coords)), e = PROTECT(read_value(N, N->end[coords]));
    SEXP out = call_r("make_labelled", 5, a, b, c, d, e);
    UNPROTECT(5);
    return out;
}

SEXP read_dataset(const Nodes *N, uint32_t at)
{
    uint32_t coords = N->end[at + 1];
    SEXP a = PROTECT(variables(N, at + 1)), b = PROTECT(variables(N, coords)), c = PROTECT(read_value(N, N->end[coords]));
    SEXP out = call_r("make_dataset", 3, a, b, c);
    UNPROTECT(3);
    return out;
}

SEXP read_table(const Nodes *N, uint32_t at)
{
    uint64_t rows = u64_at(N->value, at);
    if (rows > INT32_MAX)
        fail("CONVERSION", node_path(N, at), "", "R's data.frame ends at 2^31 - 1 rows; ask for the table in parts");
    uint32_t columns = at + 1, index = N->end[columns], one = columns + 1;
    SEXP a = PROTECT(Rf_ScalarInteger((int)rows)), b = PROTECT(read_value(N, columns)), c = R_NilValue;
    R_xlen_t marked = 0;
    SEXP nullable = PROTECT(Rf_allocVector(STRSXP, XLENGTH(b)));
    for (uint32_t i = 0; i < u32_at(N->count, columns); i++, one = N->end[one])
        if (N->kind[one] == K_ARRAY && (N->flags[one] & (ARRAY_PANDAS | ARRAY_NUMPY)) == ARRAY_PANDAS)
            SET_STRING_ELT(nullable, marked++, text_of(N->key[one], u32_at(N->klen, one)));
    SEXP f = PROTECT(Rf_lengthgets(nullable, marked));
    if (N->kind[index] != K_NULL) {
        c = Rf_allocVector(VECSXP, 2);
        PROTECT(c);
        SET_VECTOR_ELT(c, 0, texts(N, index + 1));
        SET_VECTOR_ELT(c, 1, read_value(N, N->end[index + 1]));
        UNPROTECT(1);
    }
    PROTECT(c);
    SEXP d = PROTECT(read_value(N, N->end[index])), e = PROTECT(Rf_ScalarString(text_node(N, at)));
    SEXP out = call_r("make_table", 6, a, b, c, d, e, f);
    UNPROTECT(7);
    return out;
}

SEXP read_categorical(const Nodes *N, uint32_t at)
{
    uint32_t codes = at + 1, categories = N->end[codes];
    SEXP x = PROTECT(read_array(N, codes)); /* i8 codes that are in range fit R's integer */
    if (TYPEOF(x) != INTSXP)
        x = Rf_coerceVector(x, INTSXP);
    UNPROTECT(1);
    PROTECT(x);
    for (R_xlen_t i = 0; i < XLENGTH(x); i++)
        if (INTEGER(x)[i] != NA_INTEGER)
            INTEGER(x)[i]++;
    SEXP levels = PROTECT(read_value(N, categories)), ordered = PROTECT(Rf_ScalarLogical(N->flags[at] & 1));
    SEXP out = call_r(N->dtype[categories] == D_TEXT ? "make_factor" : "make_typed_factor", 3, x, levels, ordered);
    UNPROTECT(3);
    return out;
}

static SEXP indices(const Nodes *N, uint32_t at, const Buf *buf)
{
    int width = N->flags[at] & SPARSE_WIDE ? 8 : 4;
    R_xlen_t n = (R_xlen_t)(buf->size / (uint64_t)width);
    SEXP x = PROTECT(Rf_allocVector(INTSXP, n));
    for (R_xlen_t i = 0; i < n; i++) {
        int64_t one = width == 8 ? (int64_t)u64_at(buf->data, (uint64_t)i) : (int32_t)u32_at(buf->data, (uint64_t)i);
        if (one > INT32_MAX)
            fail("CONVERSION", node_path(N, at), "", "R's sparse matrices hold at most 2^31 - 1 entries");
        INTEGER(x)[i] = (int)one;
    }
    UNPROTECT(1);
    return x;
}

SEXP read_sparse(const Nodes *N, uint32_t at)
{
    int dtype = N->dtype[at];
    if (dtype == D_C8 || dtype == D_C16)
        fail("CONVERSION", node_path(N, at), "",
             "R's package Matrix has no complex sparse matrices; ask for the real and the imaginary part, or a dense array");
    if (dtype != D_BOOL && dtype != D_F8 && dtype != D_F4)
        fail("CONVERSION", node_path(N, at), "",
             "R's package Matrix has no sparse matrices of %s; ask for f8, or a dense array", dtype_names[dtype]);
    const Buf *buf = &N->bufs[N->bufat[at]];
    uint64_t stored = u64_at(N->value, at), *shape = (uint64_t[2]){0, 0};
    SEXP dim = PROTECT(Rf_allocVector(INTSXP, 2)), x;
    for (int i = 0; i < 2; i++) {
        shape[i] = u64_at(N->pool, N->poolat[at] + (uint64_t)i);
        if (shape[i] > INT32_MAX)
            fail("CONVERSION", node_path(N, at), "", "R's sparse matrices end at 2^31 - 1 rows and columns");
        INTEGER(dim)[i] = (int)shape[i];
    }
    if (dtype == D_BOOL) {
        x = PROTECT(Rf_allocVector(LGLSXP, (R_xlen_t)stored));
        for (uint64_t i = 0; i < stored; i++)
            LOGICAL(x)[i] = buf->data[i];
    } else {
        x = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)stored));
        for (uint64_t i = 0; i < stored; i++) {
            double one;
            float four;
            if (dtype == D_F4) {
                memcpy(&four, buf->data + 4 * i, 4);
                one = four;
            } else
                memcpy(&one, buf->data + 8 * i, 8);
            REAL(x)[i] = one != one ? R_NaN : one;
        }
    }
    SEXP format = PROTECT(Rf_ScalarInteger(N->unit[at]));
    SEXP first = PROTECT(indices(N, at, buf + 1)), second = PROTECT(indices(N, at, buf + 2));
    SEXP out = call_r("make_sparse", 5, format, dim, x, first, second);
    UNPROTECT(5);
    return out;
}
