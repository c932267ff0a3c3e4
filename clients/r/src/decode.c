/* Frames to messages and values, and the pieces of a stream to frames. */
#include "arcuate.h"
#include <string.h>

/* A field of the protocol as R's own: integers as doubles, lists of texts as character vectors. */
static SEXP read_field(const Nodes *N, uint32_t at)
{
    uint64_t value = u64_at(N->value, at);
    if (N->kind[at] == K_INT)
        return Rf_ScalarReal((double)(int64_t)value);
    if (N->kind[at] != K_LIST && N->kind[at] != K_MAPPING)
        return read_value(N, at);
    uint32_t n = u32_at(N->count, at), one = at + 1, texts = 0;
    for (uint32_t i = 0; i < n; i++, one = N->end[one])
        texts += N->kind[one] == K_TEXT;
    int plain = N->kind[at] == K_LIST && texts == n;
    SEXP x = PROTECT(Rf_allocVector(plain ? STRSXP : VECSXP, n)), names = PROTECT(Rf_allocVector(STRSXP, n));
    one = at + 1;
    for (uint32_t i = 0; i < n; i++, one = N->end[one]) {
        if (plain)
            SET_STRING_ELT(x, i, text_node(N, one));
        else
            SET_VECTOR_ELT(x, i, read_field(N, one));
        SET_STRING_ELT(names, i, text_of(N->key[one], u32_at(N->klen, one)));
    }
    if (N->kind[at] == K_MAPPING)
        Rf_setAttrib(x, R_NamesSymbol, names);
    UNPROTECT(2);
    return x;
}

static int is_value(const Nodes *N, uint32_t at)
{
    return key_is(N, at, "value") || key_is(N, at, "values") || key_is(N, at, "args") || key_is(N, at, "named") ||
           key_is(N, at, "data");
}

/* The fields of a message but those that hold values of the user. */
SEXP C_message(SEXP frame, SEXP parts, SEXP limits)
{
    Nodes N;
    load(&N, RAW(frame), (uint64_t)XLENGTH(frame), parts, limits_of(limits), 8);
    remember_nodes(&N);
    if (N.kind[0] != K_MAPPING)
        fail("PROTOCOL_ERROR", "$", "", "malformed message: its root is no mapping");
    uint32_t n = u32_at(N.count, 0), kept = 0, at = 1;
    for (uint32_t i = 0; i < n; i++, at = N.end[at])
        kept += !is_value(&N, at);
    SEXP x = PROTECT(Rf_allocVector(VECSXP, kept)), names = PROTECT(Rf_allocVector(STRSXP, kept));
    at = 1;
    for (uint32_t i = 0, k = 0; i < n; i++, at = N.end[at]) {
        if (is_value(&N, at))
            continue;
        SET_STRING_ELT(names, k, text_of(N.key[at], u32_at(N.klen, at)));
        SET_VECTOR_ELT(x, k++, read_field(&N, at));
    }
    Rf_setAttrib(x, R_NamesSymbol, names);
    remember_nodes(NULL);
    UNPROTECT(2);
    return x;
}

/* One field of a message: as a value of the user, or (`plain`) as a field of the protocol. */
SEXP C_field(SEXP frame, SEXP parts, SEXP limits, SEXP name, SEXP plain)
{
    Nodes N;
    load(&N, RAW(frame), (uint64_t)XLENGTH(frame), parts, limits_of(limits), 8);
    remember_nodes(&N);
    uint32_t n = u32_at(N.count, 0), at = 1;
    for (uint32_t i = 0; i < n; i++, at = N.end[at])
        if (key_is(&N, at, CHAR(STRING_ELT(name, 0)))) {
            SEXP x = PROTECT(Rf_asLogical(plain) ? read_field(&N, at) : read_value(&N, at));
            remember_nodes(NULL);
            UNPROTECT(1);
            return x;
        }
    remember_nodes(NULL);
    return R_NilValue;
}

SEXP C_decode_value(SEXP frame, SEXP limits)
{
    Nodes N;
    load(&N, RAW(frame), (uint64_t)XLENGTH(frame), R_NilValue, limits_of(limits), 0);
    remember_nodes(&N);
    SEXP x = PROTECT(read_value(&N, 0));
    remember_nodes(NULL);
    UNPROTECT(1);
    return x;
}

/* ---- frames out of the pieces of an answer */
typedef struct {
    uint8_t head[HEADER];
    size_t held;
    uint64_t filled, total;
} Stream;

static void stream_gone(SEXP pointer)
{
    Stream *stream = R_ExternalPtrAddr(pointer);
    R_ClearExternalPtr(pointer);
    R_Free(stream);
}

SEXP C_stream(void)
{
    Stream *stream = R_Calloc(1, Stream);
    SEXP pointer = PROTECT(R_MakeExternalPtr(stream, R_NilValue, R_NilValue));
    R_RegisterCFinalizerEx(pointer, stream_gone, TRUE);
    UNPROTECT(1);
    return pointer;
}

/* Whether a head may be one; if not, C_check_head says what is wrong with it. */
static int likely(const uint8_t *head, double most)
{
    uint64_t total = u64_at(head, 1);
    return memcmp(head, "ARCU\1", 5) == 0 && head[5] == 0 && (double)total <= most && total >= HEADER && total % 64 == 0;
}

/* Takes a piece. Returns the frames that are whole with it, NULL if there is none, or a head that cannot be one: nothing
   may be raised here, since curl calls this. */
SEXP C_feed(SEXP pointer, SEXP piece, SEXP limits)
{
    Stream *stream = R_ExternalPtrAddr(pointer);
    const uint8_t *from = RAW(piece);
    size_t left = (size_t)XLENGTH(piece);
    SEXP found = R_NilValue, last = R_NilValue;
    PROTECT_INDEX place;
    PROTECT_WITH_INDEX(found, &place);
    while (stream != NULL && left > 0) {
        if (stream->total == 0) {
            size_t size = HEADER - stream->held < left ? HEADER - stream->held : left;
            memcpy(stream->head + stream->held, from, size);
            stream->held += size;
            from += size;
            left -= size;
            if (stream->held < HEADER)
                break;
            if (!likely(stream->head, REAL(limits)[0])) {
                SEXP head = Rf_allocVector(RAWSXP, HEADER);
                memcpy(RAW(head), stream->head, HEADER);
                UNPROTECT(1);
                return head;
            }
            uint64_t total = u64_at(stream->head, 1);
            SEXP frame = PROTECT(new_vector(RAWSXP, total));
            R_SetExternalPtrProtected(pointer, frame);
            memcpy(RAW(frame), stream->head, HEADER);
            UNPROTECT(1);
            stream->total = total;
            stream->filled = HEADER;
        }
        SEXP frame = R_ExternalPtrProtected(pointer);
        uint64_t size = stream->total - stream->filled;
        if (size > left)
            size = left;
        memcpy(RAW(frame) + stream->filled, from, size);
        stream->filled += size;
        from += size;
        left -= size;
        if (stream->filled == stream->total) {
            SEXP cell = Rf_cons(frame, R_NilValue);
            if (found == R_NilValue)
                REPROTECT(found = cell, place);
            else
                SETCDR(last, cell);
            last = cell;
            R_SetExternalPtrProtected(pointer, R_NilValue);
            stream->held = 0;
            stream->total = 0;
        }
    }
    SEXP out = found == R_NilValue ? R_NilValue : Rf_PairToVectorList(found);
    UNPROTECT(1);
    return out;
}

SEXP C_check_head(SEXP head, SEXP limits)
{
    check_head(RAW(head), limits_of(limits));
    return R_NilValue;
}

/* Whether a frame has begun and is not whole. */
SEXP C_midway(SEXP pointer)
{
    Stream *stream = R_ExternalPtrAddr(pointer);
    return Rf_ScalarLogical(stream != NULL && (stream->held > 0 || stream->total > 0));
}
