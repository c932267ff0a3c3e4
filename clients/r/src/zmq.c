/* Two functions of the libzmq that pbdZMQ has loaded, which pbdZMQ does not offer: a pair of keys for CURVE, and the
   monitor that tells a lost connection. Where the library does not give them out (Windows), the client goes without. */
#include "arcuate.h"

#ifndef _WIN32
#include <dlfcn.h>
static void *library = NULL;
static void *found(const char *name) { return library != NULL ? dlsym(library, name) : NULL; }
#else
static void *found(const char *name)
{
    (void)name;
    return NULL;
}
#endif

/* Opens the library of pbdZMQ, by its path, once more; symbols are looked for in what it needs too. */
SEXP C_zmq_open(SEXP path)
{
#ifndef _WIN32
    if (library == NULL)
        library = dlopen(CHAR(STRING_ELT(path, 0)), RTLD_LAZY | RTLD_LOCAL);
#else
    (void)path;
#endif
    return Rf_ScalarLogical(found("zmq_curve_keypair") != NULL && found("zmq_socket_monitor") != NULL);
}

SEXP C_zmq_keys(void)
{
    int (*make)(char *, char *) = NULL;
    *(void **)&make = found("zmq_curve_keypair");
    char public_key[41] = "", secret_key[41] = "";
    if (make == NULL || make(public_key, secret_key) != 0)
        return R_NilValue;
    SEXP out = PROTECT(Rf_allocVector(STRSXP, 2));
    SET_STRING_ELT(out, 0, Rf_mkChar(public_key));
    SET_STRING_ELT(out, 1, Rf_mkChar(secret_key));
    UNPROTECT(1);
    return out;
}

/* Has a socket tell its events to a PAIR socket of the same context at this address. */
SEXP C_zmq_watch(SEXP socket, SEXP address)
{
    int (*watch)(void *, const char *, int) = NULL;
    *(void **)&watch = found("zmq_socket_monitor");
    void *link = TYPEOF(socket) == EXTPTRSXP ? R_ExternalPtrAddr(socket) : NULL;
    if (watch == NULL || link == NULL)
        return Rf_ScalarLogical(0);
    return Rf_ScalarLogical(watch(link, CHAR(STRING_ELT(address, 0)), 0xFFFF) == 0);
}
