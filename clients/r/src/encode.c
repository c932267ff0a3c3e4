/* Messages and values to frames. */
#include "arcuate.h"
#include <string.h>

static int one_of(const char *key, const char *const *keys)
{
    for (; *keys; keys++)
        if (strcmp(key, *keys) == 0)
            return 1;
    return 0;
}

/* A field of the protocol: R's scalars become the scalars that messages.md names. `whole`: doubles are integers. */
static void write_field(Writer *w, SEXP x, const char *key, int whole)
{
    Row *row;
    switch (TYPEOF(x)) {
    case NILSXP:
        add_row(w, K_NULL, key);
        break;
    case LGLSXP:
        add_row(w, K_BOOL, key)->value = LOGICAL(x)[0] == 1;
        break;
    case INTSXP:
        add_row(w, K_INT, key)->value = (uint64_t)(int64_t)INTEGER(x)[0];
        break;
    case REALSXP:
        row = add_row(w, whole ? K_INT : K_FLOAT, key);
        if (whole)
            row->value = (uint64_t)(int64_t)REAL(x)[0];
        else
            memcpy(&row->value, REAL(x), 8);
        break;
    case STRSXP:
        set_text(add_row(w, K_TEXT, key), utf8(w, STRING_ELT(x, 0)));
        break;
    default: {
        SEXP names = Rf_getAttrib(x, R_NamesSymbol);
        row = add_row(w, names == R_NilValue && strcmp(key, "options") ? K_LIST : K_MAPPING, key);
        row->count = (uint32_t)XLENGTH(x);
        for (R_xlen_t i = 0; i < XLENGTH(x); i++)
            write_field(w, VECTOR_ELT(x, i), names == R_NilValue ? "" : utf8(w, STRING_ELT(names, i)), whole);
    }
    }
}

SEXP C_encode(SEXP fields, SEXP checksum, SEXP outside, SEXP part)
{
    static const char *const values[] = {"value", "args", "named", "target", NULL};
    static const char *const fractions[] = {"grace", "options", NULL};
    Writer w;
    memset(&w, 0, sizeof w);
    remember_writer(&w);
    forget_plans();
    SEXP names = PROTECT(Rf_getAttrib(fields, R_NamesSymbol));
    add_row(&w, K_MAPPING, "");
    for (R_xlen_t i = 0; i < XLENGTH(fields); i++) {
        const char *key = CHAR(STRING_ELT(names, i));
        SEXP x = VECTOR_ELT(fields, i);
        if (!one_of(key, values)) {
            if (x == R_NilValue)
                continue;
            write_field(&w, x, key, !one_of(key, fractions));
        } else if (strcmp(key, "args") && strcmp(key, "named")) {
            if (strcmp(key, "value") == 0)
                push_step(&w, key, 0);
            write_value(&w, x, key, 1);
            if (strcmp(key, "value") == 0)
                pop_step(&w);
        } else {
            if (x == R_NilValue)
                continue;
            SEXP own = strcmp(key, "named") ? R_NilValue : Rf_getAttrib(x, R_NamesSymbol);
            Row *row = add_row(&w, own == R_NilValue ? K_LIST : K_MAPPING, key);
            row->count = (uint32_t)XLENGTH(x);
            row->flags = own == R_NilValue ? LIST_FORCED : 0;
            push_step(&w, key, 0);
            for (R_xlen_t k = 0; k < XLENGTH(x); k++) {
                const char *name = own == R_NilValue ? "" : utf8(&w, STRING_ELT(own, k));
                push_step(&w, own == R_NilValue ? NULL : name, k);
                write_value(&w, VECTOR_ELT(x, k), name, 1);
                pop_step(&w);
            }
            pop_step(&w);
        }
        w.rows[0].count++;
    }
    SEXP out = PROTECT(dump(&w, Rf_asLogical(checksum), Rf_asReal(outside), Rf_asReal(part)));
    remember_writer(NULL);
    forget_plans();
    UNPROTECT(2);
    return out;
}

SEXP C_encode_value(SEXP x)
{
    Writer w;
    memset(&w, 0, sizeof w);
    remember_writer(&w);
    forget_plans();
    write_value(&w, x, "", 1);
    SEXP out = PROTECT(dump(&w, 1, 0, 0));
    remember_writer(NULL);
    forget_plans();
    UNPROTECT(1);
    return out;
}
