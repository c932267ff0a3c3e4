/* Rows to the bytes of a frame. Everything is R_alloc'ed: it goes when the call from R ends, also after an error. */
#include "arcuate.h"
#include <stdio.h>
#include <string.h>

static void *grown(void *old, size_t used, size_t room, size_t size)
{
    void *fresh = R_alloc(room, (int)size);
    if (used)
        memcpy(fresh, old, used * size);
    return fresh;
}

Row *add_row(Writer *w, int kind, const char *key)
{
    if (w->n == w->rows_room) {
        w->rows_room = w->rows_room ? 2 * w->rows_room : 32;
        w->rows = grown(w->rows, w->n, w->rows_room, sizeof(Row));
    }
    if (w->n >= 0xffffffffu)
        fail("LIMIT_EXCEEDED", writer_path(w), "nodes", "a message holds at most 2^32 - 1 values; send the data in parts");
    Row *row = &w->rows[w->n++];
    memset(row, 0, sizeof *row);
    row->kind = (uint8_t)kind;
    size_t size = strlen(key);
    if (size > 0xffffffffu)
        fail("CONVERSION", writer_path(w), "", "a name of 4 GiB or more cannot travel");
    row->key = key;
    row->klen = (uint32_t)size;
    row->text = "";
    return row;
}

void set_text(Row *row, const char *text)
{
    row->text = text;
    row->tlen = (uint32_t)strlen(text);
}

void add_pool(Writer *w, uint64_t number)
{
    if (w->p == w->pool_room) {
        w->pool_room = w->pool_room ? 2 * w->pool_room : 16;
        w->pool = grown(w->pool, w->p, w->pool_room, 8);
    }
    w->pool[w->p++] = number;
}

/* The data must stay where it is until the frame is made. */
void add_buf(Writer *w, const void *data, uint64_t size)
{
    if (w->m == w->bufs_room) {
        w->bufs_room = w->bufs_room ? 2 * w->bufs_room : 16;
        w->bufs = grown(w->bufs, w->m, w->bufs_room, sizeof(Buf));
    }
    w->bufs[w->m].data = data;
    w->bufs[w->m].size = size;
    w->bufs[w->m++].place = 0;
}

void push_step(Writer *w, const char *key, R_xlen_t index)
{
    if (w->level < 160) {
        w->steps[w->level] = key;
        w->indices[w->level] = index;
    }
    w->level++;
}

void pop_step(Writer *w) { w->level--; }

const char *writer_path(const Writer *w)
{
    size_t room = 16;
    int n = w->level < 160 ? w->level : 160;
    for (int i = 0; i < n; i++)
        room += (w->steps[i] ? 2 * strlen(w->steps[i]) : 24) + 8;
    char *path = R_alloc(room, 1), *at = path;
    *at++ = '$';
    for (int i = 0; i < n; i++) {
        const char *key = w->steps[i];
        if (key == NULL) {
            at += snprintf(at, 24, "[%lld]", (long long)w->indices[i]);
            continue;
        }
        int plain = *key != 0 && !(*key >= '0' && *key <= '9');
        for (const char *c = key; *c && plain; c++)
            plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' ||
                    (*c & 0x80);
        if (plain)
            at += sprintf(at, ".%s", key);
        else {
            at += sprintf(at, "['");
            for (const char *c = key; *c; c++) {
                if (*c == '\'' || *c == '\\')
                    *at++ = '\\';
                *at++ = *c;
            }
            at += sprintf(at, "']");
        }
    }
    *at = 0;
    return path;
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
    memcpy(at, data, size);
    return at + size;
}

/* The frame of the rows: a raw vector; with buffers of `outside` bytes and more left out, a list of raw vectors: the
   frame, announced if it is large, then those buffers in pieces of at most `part` bytes. */
SEXP dump(Writer *w, int checksum, double outside, double part)
{
    uint64_t n = w->n, m = w->m, p = w->p, t = 0, places = 0, pieces = 0;
    for (size_t i = 0; i < n; i++)
        t += (uint64_t)w->rows[i].klen + w->rows[i].tlen;
    uint64_t used = HEADER + ROW_BYTES * n + 8 * p + 16 * m + t, head = (used + 63) & ~63ULL, total = head;
    for (size_t i = 0; i < m; i++) {
        if (outside > 0 && (double)w->bufs[i].size >= outside) {
            w->bufs[i].place = ++places;
            pieces += (uint64_t)(((double)w->bufs[i].size + part - 1) / part);
        } else
            total += (w->bufs[i].size + 63) & ~63ULL;
    }
    SEXP frame = PROTECT(new_vector(RAWSXP, total));
    uint8_t *base = RAW(frame), *at = base;
    uint16_t version[2] = {1, 0};
    uint32_t n32 = (uint32_t)n, m32 = (uint32_t)m, bits = checksum ? 1 : 0, none = 0;
    uint64_t zero = 0;
    at = put(at, "ARCU", 4);
    at = put(at, version, 4);
    at = put(at, &total, 8);
    at = put(at, &n32, 4);
    at = put(at, &m32, 4);
    at = put(at, &p, 8);
    at = put(at, &t, 8);
    at = put(at, &head, 8);
    at = put(at, &bits, 4);
    at = put(at, &none, 4);
    at = put(at, &zero, 8);
    for (size_t i = 0; i < n; i++)
        at = put(at, &w->rows[i].value, 8);
    if (p)
        at = put(at, w->pool, 8 * p);
    for (size_t i = 0; i < m; i++)
        at = put(at, &w->bufs[i].size, 8);
    for (size_t i = 0; i < m; i++)
        at = put(at, &w->bufs[i].place, 8);
    for (size_t i = 0; i < n; i++)
        at = put(at, &w->rows[i].count, 4);
    for (size_t i = 0; i < n; i++)
        at = put(at, &w->rows[i].klen, 4);
    for (size_t i = 0; i < n; i++)
        at = put(at, &w->rows[i].tlen, 4);
    for (size_t i = 0; i < n; i++)
        *at++ = w->rows[i].kind;
    for (size_t i = 0; i < n; i++)
        *at++ = w->rows[i].dtype;
    for (size_t i = 0; i < n; i++)
        *at++ = w->rows[i].flags;
    for (size_t i = 0; i < n; i++)
        *at++ = w->rows[i].unit;
    for (size_t i = 0; i < n; i++) {
        at = put(at, w->rows[i].key, w->rows[i].klen);
        at = put(at, w->rows[i].text, w->rows[i].tlen);
    }
    memset(at, 0, head - used);
    at = base + head;
    for (size_t i = 0; i < m; i++) {
        uint64_t size = w->bufs[i].size;
        if (w->bufs[i].place || !size)
            continue;
        at = put(at, w->bufs[i].data, size);
        uint64_t gap = (64 - size % 64) % 64;
        memset(at, 0, gap);
        at += gap;
    }
    if (checksum) {
        uint32_t sum = adler(adler(1, base, 52), base + 56, head - 56);
        memcpy(base + 52, &sum, 4);
    }
    if (outside <= 0) {
        UNPROTECT(1);
        return frame;
    }
    int announced = total > 65536;
    SEXP out = PROTECT(Rf_allocVector(VECSXP, (R_xlen_t)(1 + announced + pieces)));
    R_xlen_t k = 0;
    if (announced) {
        SEXP first = Rf_allocVector(RAWSXP, 16);
        SET_VECTOR_ELT(out, k++, first);
        memset(RAW(first), 0, 16);
        memcpy(RAW(first), "ARCL", 4);
        memcpy(RAW(first) + 8, &total, 8);
    }
    SET_VECTOR_ELT(out, k++, frame);
    for (size_t i = 0; i < m; i++) {
        if (!w->bufs[i].place)
            continue;
        for (uint64_t from = 0; from < w->bufs[i].size;) {
            uint64_t size = w->bufs[i].size - from;
            if ((double)size > part)
                size = (uint64_t)part;
            SEXP piece = new_vector(RAWSXP, size);
            SET_VECTOR_ELT(out, k++, piece);
            memcpy(RAW(piece), w->bufs[i].data + from, size);
            from += size;
        }
    }
    UNPROTECT(2);
    return out;
}
