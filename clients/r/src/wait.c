/* Waits until a socket is ready, some time is over, or a signal has come. */
#include "arcuate.h"

#ifdef _WIN32
#include <winsock2.h>
#define poll WSAPoll
#else
#include <poll.h>
#endif

SEXP C_wait(SEXP reads, SEXP writes, SEXP milliseconds)
{
    R_xlen_t n = XLENGTH(reads), m = XLENGTH(writes);
    struct pollfd *fds = (struct pollfd *)R_alloc((size_t)(n + m) + 1, sizeof(struct pollfd));
    for (R_xlen_t i = 0; i < n + m; i++) {
        fds[i].fd = INTEGER(i < n ? reads : writes)[i < n ? i : i - n];
        fds[i].events = i < n ? POLLIN : POLLOUT;
        fds[i].revents = 0;
    }
    int found = poll(fds, (unsigned)(n + m), (int)Rf_asReal(milliseconds));
    return Rf_ScalarInteger(found);
}
