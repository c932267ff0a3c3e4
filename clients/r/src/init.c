/* What R may call. */
#include "arcuate.h"
#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>

SEXP C_setup(SEXP);
SEXP C_where(void);
SEXP C_encode(SEXP, SEXP, SEXP, SEXP);
SEXP C_encode_value(SEXP);
SEXP C_message(SEXP, SEXP, SEXP);
SEXP C_field(SEXP, SEXP, SEXP, SEXP, SEXP);
SEXP C_decode_value(SEXP, SEXP);
SEXP C_stream(void);
SEXP C_feed(SEXP, SEXP, SEXP);
SEXP C_check_head(SEXP, SEXP);
SEXP C_midway(SEXP);
SEXP C_wait(SEXP, SEXP, SEXP);
SEXP C_zmq_open(SEXP);
SEXP C_zmq_keys(void);
SEXP C_zmq_watch(SEXP, SEXP);

static const R_CallMethodDef calls[] = {
    {"C_setup", (DL_FUNC)&C_setup, 1},
    {"C_where", (DL_FUNC)&C_where, 0},
    {"C_encode", (DL_FUNC)&C_encode, 4},
    {"C_encode_value", (DL_FUNC)&C_encode_value, 1},
    {"C_message", (DL_FUNC)&C_message, 3},
    {"C_field", (DL_FUNC)&C_field, 5},
    {"C_decode_value", (DL_FUNC)&C_decode_value, 2},
    {"C_stream", (DL_FUNC)&C_stream, 0},
    {"C_feed", (DL_FUNC)&C_feed, 3},
    {"C_check_head", (DL_FUNC)&C_check_head, 2},
    {"C_midway", (DL_FUNC)&C_midway, 1},
    {"C_wait", (DL_FUNC)&C_wait, 3},
    {"C_zmq_open", (DL_FUNC)&C_zmq_open, 1},
    {"C_zmq_keys", (DL_FUNC)&C_zmq_keys, 0},
    {"C_zmq_watch", (DL_FUNC)&C_zmq_watch, 2},
    {NULL, NULL, 0},
};

attribute_visible void R_init_arcuate(DllInfo *dll)
{
    R_registerRoutines(dll, NULL, calls, NULL, NULL);
    R_useDynamicSymbols(dll, FALSE);
    R_forceSymbols(dll, TRUE);
}
