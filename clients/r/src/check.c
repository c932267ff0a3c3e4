/* The tables of a frame, and every check that protos/frames.md asks of a reader. Nothing is allocated that a count asks
   for before the count was compared with what is there. After it a reader may trust the nodes. */
#include "arcuate.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

uint64_t u64_at(const uint8_t *column, uint64_t i)
{
    uint64_t out;
    memcpy(&out, column + 8 * i, 8);
    return out;
}

uint32_t u32_at(const uint8_t *column, uint64_t i)
{
    uint32_t out;
    memcpy(&out, column + 4 * i, 4);
    return out;
}

Limits limits_of(SEXP x)
{
    const double *v = REAL(x);
    return (Limits){v[0], v[1], v[2], v[3], v[4]};
}

static void malformed(const char *text) { fail("PROTOCOL_ERROR", "", "", "malformed frame: %s", text); }

/* Checks a head of 64 bytes. */
void check_head(const uint8_t *f, Limits limits)
{
    if (memcmp(f, "ARCU", 4) != 0)
        fail("PROTOCOL_ERROR", "", "", "this is no Arcuate frame: it does not begin with ARCU");
    uint16_t major = (uint16_t)(f[4] | f[5] << 8), minor = (uint16_t)(f[6] | f[7] << 8);
    if (major != 1)
        fail("PROTOCOL_ERROR", "", "",
             "the other side speaks frames %d.%d, this side 1.0; install the same major version of Arcuate on both",
             major, minor);
    uint64_t total = u64_at(f, 1), p = u64_at(f, 3), t = u64_at(f, 4), head = u64_at(f, 5);
    uint32_t n = u32_at(f, 4), m = u32_at(f, 5);
    if ((double)total > limits.message)
        fail("LIMIT_EXCEEDED", "", "message",
             "a frame of %.0f bytes exceeds the limit of %.0f bytes; raise the limit 'message'", (double)total, limits.message);
    if ((double)n > limits.nodes)
        fail("LIMIT_EXCEEDED", "", "nodes", "a message of %.0f values exceeds the limit of %.0f; raise the limit 'nodes'",
             (double)n, limits.nodes);
    if ((double)t > limits.text)
        fail("LIMIT_EXCEEDED", "", "text", "a message with %.0f bytes of text exceeds the limit of %.0f; raise the limit 'text'",
             (double)t, limits.text);
    if (n < 1 || p > total / 8 || (uint64_t)m > total / 16 || t > total || (uint64_t)n > total / ROW_BYTES ||
        head != ((HEADER + ROW_BYTES * (uint64_t)n + 8 * p + 16 * (uint64_t)m + t + 63) & ~63ULL) || head > total ||
        total % 64)
        malformed("its counts do not add up to its lengths");
}

int key_is(const Nodes *N, uint32_t at, const char *key)
{
    uint32_t size = u32_at(N->klen, at);
    return size == strlen(key) && memcmp(N->key[at], key, size) == 0;
}

/* The path of a node: $.value[2].name */
const char *node_path(const Nodes *N, uint32_t at)
{
    uint32_t steps[256];
    int depth = 0;
    size_t room = 16;
    for (; at != 0 && depth < 256; at = N->parent[at]) {
        steps[depth++] = at;
        room += 2 * (size_t)u32_at(N->klen, at) + 24;
    }
    if (room > 100000)
        return "$";
    char *path = R_alloc(room, 1), *out = path;
    *out++ = '$';
    while (depth-- > 0) {
        uint32_t one = steps[depth], size = u32_at(N->klen, one);
        if (N->kind[N->parent[one]] == K_LIST) {
            out += snprintf(out, 20, "[%u]", N->order[one]);
            continue;
        }
        const char *key = N->key[one];
        int plain = size > 0 && !(*key >= '0' && *key <= '9');
        for (uint32_t i = 0; i < size && plain; i++)
            plain = (key[i] >= 'a' && key[i] <= 'z') || (key[i] >= 'A' && key[i] <= 'Z') ||
                    (key[i] >= '0' && key[i] <= '9') || key[i] == '_' || (key[i] & 0x80);
        out += sprintf(out, plain ? "." : "['");
        memcpy(out, key, size);
        out += size;
        out += sprintf(out, plain ? "" : "']");
    }
    *out = 0;
    return path;
}

static void bad(const Nodes *N, uint32_t at, const char *text)
{
    const char *path = node_path(N, at);
    fail("PROTOCOL_ERROR", path, "", "malformed %s: %s - at %s", N->kind[at] < KINDS ? kind_names[N->kind[at]] : "value",
         text, path);
}

/* Elements of an array, from its shape, which was checked. */
uint64_t elements(const Nodes *N, uint32_t at)
{
    uint64_t size = 1, ndim = u32_at(N->count, at);
    for (uint64_t i = 0; i < ndim; i++)
        size *= u64_at(N->pool, N->poolat[at] + i);
    return size;
}

typedef struct {
    uint32_t at, taken;
    uint64_t pooled;
    int most;
} Walk;

static void take(const Nodes *N, Walk *walk, uint32_t at, int sized, uint64_t size)
{
    if (walk->taken >= N->m)
        bad(N, at, "there are fewer buffers than the nodes ask for");
    uint64_t found = N->bufs[walk->taken].size;
    if ((double)found > N->limits.array)
        fail("LIMIT_EXCEEDED", "", "array", "an array of %.0f bytes exceeds the limit of %.0f bytes; raise the limit 'array'",
             (double)found, N->limits.array);
    if (sized && found != size)
        bad(N, at, "a buffer has another length than its shape says");
    walk->taken++;
}

static void zeros_and_ones(const Nodes *N, uint32_t at, const Buf *buf)
{
    for (uint64_t i = 0; i < buf->size; i++)
        if (buf->data[i] > 1)
            bad(N, at, "a byte of truth values or of a mask is neither 0 nor 1");
}

/* The shape that comes next in the pool; its number of elements. */
static uint64_t shape(const Nodes *N, Walk *walk, uint32_t at, uint64_t ndim, int width)
{
    if (ndim > MAX_NDIM)
        fail("CONVERSION", node_path(N, at), "", "an array of %.0f dimensions; %d are the most; reshape it", (double)ndim,
             MAX_NDIM);
    if (ndim > N->p - walk->pooled)
        bad(N, at, "the pool holds fewer numbers than the nodes ask for");
    uint64_t size = 1, bound = (uint64_t)(width ? width : 1);
    for (uint64_t i = 0; i < ndim; i++) {
        uint64_t one = u64_at(N->pool, walk->pooled + i);
        if (one && bound > 0x7fffffffffffffffULL / one)
            bad(N, at, "the shape is larger than any memory");
        bound *= one ? one : 1;
        size *= one;
    }
    walk->pooled += ndim;
    return size;
}

enum { DTYPE = 1, UNIT = 2, COUNT = 4, VALUE = 8, TEXT = 16 };

static void unused(const Nodes *N, uint32_t at, int used)
{
    if ((N->dtype[at] && !(used & DTYPE)) || (N->unit[at] && !(used & UNIT)) || (u32_at(N->count, at) && !(used & COUNT)) ||
        (u64_at(N->value, at) && !(used & VALUE)) || (u32_at(N->tlen, at) && !(used & TEXT)))
        bad(N, at, "a field is set that this kind does not use");
}

static void check_zone(const Nodes *N, uint32_t at)
{
    uint32_t size = u32_at(N->tlen, at);
    const char *z = N->txt[at];
    if (size > 128 || (size && z[0] == '/'))
        bad(N, at, "its text is no name of a time zone");
    for (uint32_t i = 0; i < size; i++)
        if (!((z[i] >= 'A' && z[i] <= 'Z') || (z[i] >= 'a' && z[i] <= 'z') || (z[i] >= '0' && z[i] <= '9') ||
              (z[i] && strchr("_+-/:.,<>()", z[i]))) ||
            (i && z[i] == '.' && z[i - 1] == '.'))
            bad(N, at, "its text is no name of a time zone");
}

static void check_unit(const Nodes *N, uint32_t at)
{
    if (N->unit[at] < 1 || N->unit[at] >= UNITS)
        bad(N, at, "an unknown unit");
}

static void narrow(const Nodes *N, uint32_t at, int dtype, uint64_t bits)
{
    double x;
    memcpy(&x, &bits, 8);
    if (x != x || isinf(x) || dtype == D_NONE || dtype == D_F8 || dtype == D_C16)
        return;
    int good = fabs(x) <= 3.4028234663852886e38 && (double)(float)x == x;
    if (dtype == D_F2 && good && x != 0) {
        int exponent;
        frexp(x, &exponent);
        double step = ldexp(1, (exponent < -13 ? -13 : exponent) - 11);
        good = fabs(x) <= 65504 && x / step == floor(x / step);
    }
    if (!good)
        bad(N, at, "a number does not fit its dtype");
}

static void check_int(const Nodes *N, uint32_t at)
{
    unused(N, at, DTYPE | VALUE);
    int dtype = N->dtype[at];
    if (!dtype)
        return;
    if (dtype < D_I1 || dtype > D_U8)
        bad(N, at, "the dtype is none of an integer");
    uint64_t value = u64_at(N->value, at);
    int64_t number = (int64_t)value;
    int bits = 8 * item_size[dtype];
    int good = bits == 64                   ? 1
               : dtype <= D_I8              ? number >= -(1LL << (bits - 1)) && number < 1LL << (bits - 1)
                                            : value < 1ULL << bits;
    if (!good || (N->flags[at] & INT_UNSIGNED))
        bad(N, at, "a number does not fit its dtype");
}

static void check_array(const Nodes *N, Walk *walk, uint32_t at)
{
    int dtype = N->dtype[at], flags = N->flags[at];
    if (dtype < D_BOOL || dtype >= DTYPES)
        bad(N, at, "an unknown dtype");
    uint64_t ndim = u32_at(N->count, at), size = shape(N, walk, at, ndim, item_size[dtype]);
    int timed = dtype == D_DATETIME || dtype == D_DURATION;
    if (timed)
        check_unit(N, at);
    if (dtype == D_DATETIME)
        check_zone(N, at);
    if (u64_at(N->value, at) || (u32_at(N->tlen, at) && dtype != D_DATETIME) || (N->unit[at] && !timed))
        bad(N, at, "a field is set that this dtype does not use");
    if (flags & ARRAY_SEQUENCE) {
        if (ndim != 1 || !(dtype == D_BOOL || dtype == D_I8 || dtype == D_F8 || dtype == D_C16 || dtype == D_TEXT))
            bad(N, at, "a sequence of this dtype or number of dimensions");
    } else if (flags & ARRAY_TUPLE)
        bad(N, at, "a tuple that is no sequence");
    take(N, walk, at, dtype != D_TEXT, size * (uint64_t)item_size[dtype]);
    const Buf *data = &N->bufs[walk->taken - 1];
    if (dtype == D_BOOL)
        zeros_and_ones(N, at, data);
    else if (dtype == D_TEXT) {
        uint64_t ends = 0;
        for (const uint8_t *s = data->data, *end = s + data->size; s < end && (s = memchr(s, 0, (size_t)(end - s))); s++)
            ends++;
        if (ends != size || (data->size && data->data[data->size - 1] != 0))
            bad(N, at, "it holds another number of texts than its shape says");
        if (!all_ascii(data->data, data->size) && !valid_utf8(data->data, data->size))
            bad(N, at, "a text is not UTF-8");
    }
    if (flags & ARRAY_MASK) {
        take(N, walk, at, 1, size);
        zeros_and_ones(N, at, &N->bufs[walk->taken - 1]);
    }
}

static int64_t number_at(const uint8_t *data, int width, uint64_t i)
{
    int16_t two;
    int32_t four;
    int64_t eight;
    switch (width) {
    case 1: return (int8_t)data[i];
    case 2: memcpy(&two, data + 2 * i, 2); return two;
    case 4: memcpy(&four, data + 4 * i, 4); return four;
    default: memcpy(&eight, data + 8 * i, 8); return eight;
    }
}

static void inside(const Nodes *N, uint32_t at, const Buf *buf, int width, uint64_t high, const uint8_t *mask)
{
    for (uint64_t i = 0; i < buf->size / (uint64_t)width; i++) {
        int64_t one = number_at(buf->data, width, i);
        if ((one < 0 || (uint64_t)one >= high) && !(mask && mask[i]))
            bad(N, at, "a code or an index points to nothing");
    }
}

static void check_sparse(const Nodes *N, Walk *walk, uint32_t at)
{
    unused(N, at, DTYPE | UNIT | VALUE);
    int dtype = N->dtype[at], form = N->unit[at], width = N->flags[at] & SPARSE_WIDE ? 8 : 4;
    if (dtype < D_BOOL || dtype > D_C16 || dtype == D_F2 || form > 2)
        bad(N, at, "this dtype or format does not exist");
    shape(N, walk, at, 2, 1);
    uint64_t rows = u64_at(N->pool, walk->pooled - 2), columns = u64_at(N->pool, walk->pooled - 1);
    uint64_t stored = u64_at(N->value, at), outer = form == 1 ? rows : columns;
    if (stored > 1ULL << 58 || outer > 1ULL << 58)
        bad(N, at, "more entries than any memory holds");
    take(N, walk, at, 1, stored * (uint64_t)item_size[dtype]);
    if (dtype == D_BOOL)
        zeros_and_ones(N, at, &N->bufs[walk->taken - 1]);
    take(N, walk, at, 1, stored * (uint64_t)width);
    inside(N, at, &N->bufs[walk->taken - 1], width, form == 1 ? columns : rows, NULL);
    take(N, walk, at, 1, (form == 2 ? stored : outer + 1) * (uint64_t)width);
    const Buf *last = &N->bufs[walk->taken - 1];
    if (form == 2) {
        inside(N, at, last, width, columns, NULL);
        return;
    }
    int64_t before = 0;
    for (uint64_t i = 0; i <= outer; i++) {
        int64_t one = number_at(last->data, width, i);
        if (one < before || (i == 0 && one != 0) || (i == outer && (uint64_t)one != stored))
            bad(N, at, "its pointers do not go from 0 to the number of entries");
        before = one;
    }
}

#include "check_parts.h"

static void walk_value(Nodes *N, Walk *walk, int depth)
{
    uint32_t at = walk->at;
    if (at >= N->n)
        malformed("the counts ask for more nodes than there are");
    walk->at++;
    int kind = N->kind[at];
    N->poolat[at] = walk->pooled;
    N->bufat[at] = walk->taken;
    if (kind >= KINDS)
        fail("UNSUPPORTED", node_path(N, at), "", "this side does not know the kind %d of value; it knows 0 to %d; update it - at %s",
             kind, KINDS - 1, node_path(N, at));
    uint64_t value = u64_at(N->value, at);
    switch (kind) {
    case K_NULL: unused(N, at, 0); break;
    case K_BOOL:
        unused(N, at, DTYPE | VALUE);
        if (value > 1 || N->dtype[at] > D_BOOL)
            bad(N, at, "a truth value is 0 or 1, of dtype none or bool");
        break;
    case K_INT: check_int(N, at); break;
    case K_FLOAT:
        unused(N, at, DTYPE | VALUE);
        if (N->dtype[at] && (N->dtype[at] < D_F2 || N->dtype[at] > D_F8))
            bad(N, at, "the dtype is none of a float");
        narrow(N, at, N->dtype[at], value);
        break;
    case K_COMPLEX:
        unused(N, at, DTYPE);
        if (N->dtype[at] && N->dtype[at] != D_C8 && N->dtype[at] != D_C16)
            bad(N, at, "the dtype is none of a complex number");
        if (N->p - walk->pooled < 2)
            bad(N, at, "the pool holds fewer numbers than the nodes ask for");
        for (int i = 0; i < 2; i++)
            narrow(N, at, N->dtype[at] == D_C8 ? D_F4 : D_NONE, u64_at(N->pool, walk->pooled++));
        break;
    case K_TEXT:
        unused(N, at, TEXT);
        if (memchr(N->txt[at], 0, u32_at(N->tlen, at)))
            bad(N, at, "the text holds a NUL");
        break;
    case K_BYTES:
        unused(N, at, 0);
        take(N, walk, at, 0, 0);
        break;
    case K_MISSING: {
        int timed = N->dtype[at] == D_DATETIME || N->dtype[at] == D_DURATION;
        unused(N, at, timed ? DTYPE | UNIT : DTYPE);
        if (N->dtype[at] >= DTYPES || N->unit[at] >= UNITS)
            bad(N, at, "an unknown dtype or unit");
        break;
    }
    case K_ARRAY: check_array(N, walk, at); break;
    case K_DATETIME:
        unused(N, at, UNIT | VALUE | TEXT);
        check_unit(N, at);
        check_zone(N, at);
        break;
    case K_DATE:
        unused(N, at, VALUE);
        if ((int64_t)value < INT32_MIN || (int64_t)value > INT32_MAX)
            bad(N, at, "more days than a date holds");
        break;
    case K_DURATION:
        unused(N, at, UNIT | VALUE);
        check_unit(N, at);
        break;
    case K_SPARSE: check_sparse(N, walk, at); break;
    default: walk_parts(N, walk, at, depth);
    }
    N->end[at] = walk->at;
}

/* Reads a frame. `parts`: raw vectors that hold the buffers outside it, or NULL. `levels`: what a message adds to depth. */
void load(Nodes *N, const uint8_t *frame, uint64_t size, SEXP parts, Limits limits, int levels)
{
    memset(N, 0, sizeof *N);
    N->limits = limits;
    if (size < HEADER)
        malformed("it is shorter than a header");
    check_head(frame, limits);
    uint64_t total = u64_at(frame, 1), head = u64_at(frame, 5), n = u32_at(frame, 4), m = u32_at(frame, 5);
    if (total != size)
        fail("PROTOCOL_ERROR", "", "", "malformed frame: %.0f bytes announced, %.0f received", (double)total, (double)size);
    if ((frame[48] & 1) && adler(adler(1, frame, 52), frame + 56, head - 56) != u32_at(frame, 13))
        malformed("the checksum of its tables is wrong; it was damaged on the way");
    N->n = (uint32_t)n;
    N->m = (uint32_t)m;
    N->p = u64_at(frame, 3);
    N->t = u64_at(frame, 4);
    N->value = frame + HEADER;
    N->pool = N->value + 8 * n;
    const uint8_t *blen = N->pool + 8 * N->p, *bloc = blen + 8 * m;
    N->count = bloc + 8 * m;
    N->klen = N->count + 4 * n;
    N->tlen = N->klen + 4 * n;
    N->kind = N->tlen + 4 * n;
    N->dtype = N->kind + n;
    N->flags = N->dtype + n;
    N->unit = N->flags + n;
    const char *text = (const char *)N->unit + n;
    N->key = (const char **)R_alloc(n, sizeof(char *));
    N->txt = (const char **)R_alloc(n, sizeof(char *));
    N->end = (uint32_t *)R_alloc(n, 4);
    N->parent = (uint32_t *)R_alloc(n, 4);
    N->order = (uint32_t *)R_alloc(n, 4);
    N->poolat = (uint64_t *)R_alloc(n, 8);
    N->bufat = (uint32_t *)R_alloc(n, 4);
    N->bufs = (Buf *)R_alloc(m + 1, sizeof(Buf));
    int plain = all_ascii((const uint8_t *)text, N->t);
    uint64_t used = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t k = u32_at(N->klen, i), t = u32_at(N->tlen, i);
        if (k + t > N->t - used)
            malformed("the nodes use more text than there is");
        N->key[i] = text + used;
        N->txt[i] = text + used + k;
        if (!plain && (!valid_utf8((const uint8_t *)N->key[i], k) || !valid_utf8((const uint8_t *)N->txt[i], t)))
            malformed("a text is not UTF-8");
        used += k + t;
    }
    if (used != N->t)
        malformed("there is more text than the nodes use");
    uint64_t at = head, places = 0, next = 0, held = parts == R_NilValue ? 0 : (uint64_t)XLENGTH(parts);
    for (uint64_t i = 0; i < m; i++) {
        uint64_t length = u64_at(blen, i), place = u64_at(bloc, i);
        if ((double)length > limits.array)
            fail("LIMIT_EXCEEDED", "", "array",
                 "an array of %.0f bytes exceeds the limit of %.0f bytes; raise the limit 'array'", (double)length, limits.array);
        N->bufs[i].size = length;
        if (place == 0) {
            if (length > total - at)
                malformed("a buffer ends beyond the frame");
            N->bufs[i].data = frame + at;
            at += (length + 63) & ~63ULL;
            if (at > total)
                malformed("a buffer ends beyond the frame");
            continue;
        }
        if (place != ++places || next >= held)
            malformed("a buffer is said to be in a part that is not there");
        SEXP part = VECTOR_ELT(parts, (R_xlen_t)next++);
        N->bufs[i].data = RAW(part);
        if ((uint64_t)XLENGTH(part) == length)
            continue;
        uint64_t first = next - 1, sum = (uint64_t)XLENGTH(part);
        while (sum < length && next < held)
            sum += (uint64_t)XLENGTH(VECTOR_ELT(parts, (R_xlen_t)next++));
        if (sum != length)
            malformed("the parts of a buffer have another length than it");
        uint8_t *whole = (uint8_t *)R_alloc(length, 1), *to = whole;
        for (; first < next; first++) {
            part = VECTOR_ELT(parts, (R_xlen_t)first);
            memcpy(to, RAW(part), (size_t)XLENGTH(part));
            to += XLENGTH(part);
        }
        N->bufs[i].data = whole;
    }
    if (at != total)
        malformed("bytes are left over");
    if (next != held)
        malformed("parts of the message are left over");
    if (u32_at(N->klen, 0))
        malformed("its root has a key");
    N->parent[0] = N->order[0] = 0;
    Walk walk = {0, 0, 0, (int)(limits.depth < MAX_DEPTH ? limits.depth : MAX_DEPTH) + levels};
    walk_value(N, &walk, 0);
    if (walk.at != N->n || walk.pooled != N->p || walk.taken != N->m)
        malformed("nodes, numbers of the pool or buffers are left over");
}
