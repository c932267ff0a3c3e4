/* Names, checksums, UTF-8, and how an error leaves C: as a condition of the package. */
#include "arcuate.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

const int item_size[DTYPES] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16, 0, 8, 4, 8};
const char *const dtype_names[DTYPES] = {"none", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4",
                                         "f8", "c8", "c16", "text", "datetime", "date", "duration"};
const char *const kind_names[KINDS] = {"null", "bool", "int", "float", "complex", "text", "bytes", "missing", "list",
                                       "mapping", "array", "labelled", "dataset", "table", "categorical", "datetime",
                                       "date", "duration", "sparse", "function", "handle"};
const char *const unit_names[UNITS] = {"", "s", "ms", "us", "ns", "m", "h", "D", "W", "M", "Y", "ps", "fs", "as"};

static SEXP home = NULL;
static const Writer *last_writer = NULL;
static const Nodes *last_nodes = NULL;

SEXP C_setup(SEXP namespace)
{
    if (home != NULL)
        R_ReleaseObject(home);
    home = namespace;
    R_PreserveObject(home);
    return R_NilValue;
}

void remember_writer(const Writer *w)
{
    last_writer = w;
    last_nodes = NULL;
}

void remember_nodes(const Nodes *nodes)
{
    last_nodes = nodes;
    last_writer = NULL;
}

/* The path of the value that is being written: R code that refuses one does not know where it is. */
SEXP C_where(void)
{
    return Rf_mkString(last_writer != NULL ? writer_path(last_writer) : "");
}

/* Calls a function of the package. The arguments must be protected by the caller. */
SEXP call_r(const char *name, int n, ...)
{
    va_list args;
    SEXP call = PROTECT(Rf_allocList(n + 1));
    SET_TYPEOF(call, LANGSXP);
    SETCAR(call, Rf_install(name));
    SEXP at = CDR(call);
    va_start(args, n);
    for (int i = 0; i < n; i++, at = CDR(at)) {
        SEXP x = va_arg(args, SEXP);
        int code = TYPEOF(x) == SYMSXP || TYPEOF(x) == LANGSXP || TYPEOF(x) == PROMSXP;
        SETCAR(at, code && x != R_MissingArg ? Rf_lang2(Rf_install("quote"), x) : x);
    }
    va_end(args);
    SEXP out = Rf_eval(call, home);
    UNPROTECT(1);
    return out;
}

void fail(const char *code, const char *path, const char *setting, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    SEXP message = PROTECT(Rf_ScalarString(Rf_mkCharCE(text, CE_UTF8)));
    SEXP name = PROTECT(Rf_mkString(code));
    SEXP where = PROTECT(Rf_ScalarString(Rf_mkCharCE(path, CE_UTF8)));
    SEXP which = PROTECT(Rf_mkString(setting));
    call_r("stop_from_c", 4, name, message, where, which);
    Rf_error("%s", text); /* not reached */
}

uint32_t adler(uint32_t start, const uint8_t *data, size_t size)
{
    uint32_t a = start & 0xffff, b = start >> 16;
    while (size > 0) {
        size_t piece = size < 5552 ? size : 5552;
        size -= piece;
        while (piece--) {
            a += *data++;
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}

int all_ascii(const uint8_t *data, size_t size)
{
    uint64_t word;
    for (; size >= 8; data += 8, size -= 8) {
        memcpy(&word, data, 8);
        if (word & 0x8080808080808080ULL)
            return 0;
    }
    for (; size > 0; data++, size--)
        if (*data & 0x80)
            return 0;
    return 1;
}

/* Strict: no surrogates, nothing above U+10FFFF, no overlong forms. */
int valid_utf8(const uint8_t *s, size_t size)
{
    const uint8_t *end = s + size;
    while (s < end) {
        uint8_t c = *s++;
        if (c < 0x80)
            continue;
        int more = c >= 0xC2 && c <= 0xDF ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c <= 0xF4 ? 3 : 0;
        if (more == 0 || end - s < more)
            return 0;
        uint8_t low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
        uint8_t high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
        if (s[0] < low || s[0] > high)
            return 0;
        for (int i = 1; i < more; i++)
            if ((s[i] & 0xC0) != 0x80)
                return 0;
        s += more;
    }
    return 1;
}

/* A vector. The pages of a large one are asked for 2 MiB at a time: clearing them one by one takes longer than the copy. */
SEXP new_vector(SEXPTYPE type, uint64_t n)
{
    SEXP x = Rf_allocVector(type, (R_xlen_t)n);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    uint64_t size = n * (type == CPLXSXP ? 16 : type == REALSXP ? 8 : type == RAWSXP ? 1 : 4);
    if (size >= 8u << 20 && (type == REALSXP || type == CPLXSXP || type == INTSXP || type == LGLSXP || type == RAWSXP)) {
        uintptr_t step = 2u << 20, data = (uintptr_t)DATAPTR(x), from = (data + step - 1) & ~(step - 1);
        uintptr_t end = (data + size) & ~(step - 1);
        if (end > from)
            (void)madvise((void *)from, end - from, MADV_HUGEPAGE); /* a wish: nothing depends on it */
    }
#endif
    return x;
}
