/* What the C files of the client share. protos/frames.md says how a frame is laid out; the numbers below are its. */
#ifndef ARCUATE_H
#define ARCUATE_H

#define R_NO_REMAP
#include <R.h>
#include <Rinternals.h>
#include <stddef.h>
#include <stdint.h>

enum { K_NULL, K_BOOL, K_INT, K_FLOAT, K_COMPLEX, K_TEXT, K_BYTES, K_MISSING, K_LIST, K_MAPPING, K_ARRAY, K_LABELLED,
       K_DATASET, K_TABLE, K_CATEGORICAL, K_DATETIME, K_DATE, K_DURATION, K_SPARSE, K_FUNCTION, K_HANDLE, KINDS };
enum { D_NONE, D_BOOL, D_I1, D_I2, D_I4, D_I8, D_U1, D_U2, D_U4, D_U8, D_F2, D_F4, D_F8, D_C8, D_C16, D_TEXT,
       D_DATETIME, D_DATE, D_DURATION, DTYPES };
enum { U_NONE, U_S, U_MS, U_US, U_NS, U_MIN, U_H, U_D, U_W, U_MONTH, U_Y, U_PS, U_FS, U_AS, UNITS };

#define LIST_FORCED 2
#define LIST_SHAPED 4
#define LIST_STRUCTS 8
#define ARRAY_MASK 1
#define ARRAY_FORTRAN 2
#define ARRAY_SEQUENCE 4
#define ARRAY_TUPLE 8
#define ARRAY_PANDAS 32
#define ARRAY_NUMPY 64
#define INT_UNSIGNED 1
#define SPARSE_WIDE 1
#define MAX_DEPTH 64
#define MAX_NDIM 64
#define HEADER 64
#define ROW_BYTES 24
#define NA_BITS 0x7FF00000000007A2ULL
#define NAN_BITS 0x7FF8000000000000ULL

extern const int item_size[DTYPES];
extern const char *const dtype_names[DTYPES];
extern const char *const kind_names[KINDS];
extern const char *const unit_names[UNITS];

/* One buffer: of a frame that is read, or of one that is made. */
typedef struct {
    const uint8_t *data;
    uint64_t size;
    uint64_t place; /* 0: in the frame itself */
} Buf;

/* ---- reading: check.c ---- */
typedef struct {
    double message, array, nodes, text, depth;
} Limits;

typedef struct {
    uint32_t n, m;
    uint64_t p, t;
    const uint8_t *value, *pool, *count, *klen, *tlen; /* columns; unaligned reads only */
    const uint8_t *kind, *dtype, *flags, *unit;
    const char **key, **txt;              /* per node; not terminated */
    uint32_t *end, *parent, *order;       /* past its subtree; its parent; its number among the children */
    uint64_t *poolat;
    uint32_t *bufat;
    Buf *bufs;
    Limits limits;
} Nodes;

uint64_t u64_at(const uint8_t *column, uint64_t i);
uint32_t u32_at(const uint8_t *column, uint64_t i);
void load(Nodes *nodes, const uint8_t *frame, uint64_t size, SEXP parts, Limits limits, int levels);
void check_head(const uint8_t *frame, Limits limits);
int key_is(const Nodes *nodes, uint32_t at, const char *key);
Limits limits_of(SEXP x);
const char *node_path(const Nodes *nodes, uint32_t at);
uint64_t elements(const Nodes *nodes, uint32_t at);

/* ---- R objects: to_r.c, labelled.c, times.c ---- */
SEXP read_value(const Nodes *nodes, uint32_t at);
SEXP read_array(const Nodes *nodes, uint32_t at);
SEXP read_labelled(const Nodes *nodes, uint32_t at);
SEXP read_dataset(const Nodes *nodes, uint32_t at);
SEXP read_table(const Nodes *nodes, uint32_t at);
SEXP read_categorical(const Nodes *nodes, uint32_t at);
SEXP read_sparse(const Nodes *nodes, uint32_t at);
SEXP text_node(const Nodes *nodes, uint32_t at);
SEXP text_of(const char *text, size_t size);
void set_dim(SEXP x, const Nodes *nodes, uint32_t at);
const uint8_t *column_major(const Nodes *nodes, uint32_t at, const uint8_t *data, size_t width);
double datetime_seconds(const Nodes *nodes, uint32_t at, int64_t count, int unit, int *note);
double duration_value(const Nodes *nodes, uint32_t at, int64_t count, int unit, const char **name, int *note);
SEXP call_r(const char *name, int n, ...);

/* ---- frames that are made: write.c, from_r.c ---- */
typedef struct {
    uint8_t kind, dtype, flags, unit;
    uint32_t count, klen, tlen;
    uint64_t value;
    const char *key, *text;
} Row;

typedef struct {
    Row *rows;
    size_t n, rows_room;
    uint64_t *pool;
    size_t p, pool_room;
    Buf *bufs;
    size_t m, bufs_room;
    const char *steps[160]; /* where it is, for paths: a key, or NULL and an index */
    R_xlen_t indices[160];
    int level;
    int nesting;
    int native; /* texts without a declared encoding: 0 not known yet, 1 UTF-8, 2 to be converted */
} Writer;

Row *add_row(Writer *w, int kind, const char *key);
void add_pool(Writer *w, uint64_t number);
void add_buf(Writer *w, const void *data, uint64_t size);
void set_text(Row *row, const char *text);
SEXP dump(Writer *w, int checksum, double outside, double part);
void write_value(Writer *w, SEXP x, const char *key, int scalar);
const char *writer_path(const Writer *w);
void forget_plans(void);
void push_step(Writer *w, const char *key, R_xlen_t index);
void pop_step(Writer *w);
const char *utf8(Writer *w, SEXP charsxp);
void write_times(Writer *w, int code, SEXP plan, const char *key, int scalar);
void write_array(Writer *w, SEXP x, SEXP dim, const char *key, int dtype, int unit, const char *zone);

/* ---- all ---- */
void fail(const char *code, const char *path, const char *setting, const char *format, ...);
void remember_writer(const Writer *w);
void remember_nodes(const Nodes *nodes);
SEXP new_vector(SEXPTYPE type, uint64_t n);
uint32_t adler(uint32_t start, const uint8_t *data, size_t size);
int valid_utf8(const uint8_t *data, size_t size);
int all_ascii(const uint8_t *data, size_t size);

#endif
