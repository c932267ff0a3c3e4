/* The checks of the kinds that hold other values; a part of check.c. */

static void walk_value(Nodes *N, Walk *walk, int depth);

static int text_same(const Nodes *N, uint32_t a, uint32_t b)
{
    uint32_t size = u32_at(N->tlen, a);
    return size == u32_at(N->tlen, b) && memcmp(N->txt[a], N->txt[b], size) == 0;
}

static int key_same(const Nodes *N, uint32_t a, uint32_t b)
{
    uint32_t size = u32_at(N->klen, a);
    return size == u32_at(N->klen, b) && memcmp(N->key[a], N->key[b], size) == 0;
}

static int shaped(int kind) { return kind == K_ARRAY || kind == K_CATEGORICAL; }

/* The node whose shape an array or categorical has. */
static uint32_t with_shape(const Nodes *N, uint32_t at) { return N->kind[at] == K_CATEGORICAL ? at + 1 : at; }

static void children(Nodes *N, Walk *walk, uint32_t at, int depth)
{
    uint32_t count = u32_at(N->count, at);
    if (count > N->n - walk->at)
        bad(N, at, "more children are announced than nodes follow");
    if (depth >= walk->most)
        fail("CONVERSION", node_path(N, at), "", "the value nests deeper than %d levels; flatten it, or send the parts one by one",
             (int)N->limits.depth < MAX_DEPTH ? (int)N->limits.depth : MAX_DEPTH);
    for (uint32_t i = 0; i < count; i++) {
        if (walk->at < N->n) {
            N->parent[walk->at] = at;
            N->order[walk->at] = i;
        }
        walk_value(N, walk, depth + 1);
    }
}

static void exactly(Nodes *N, Walk *walk, uint32_t at, int depth, int n, const char *const *keys)
{
    if (u32_at(N->count, at) != (uint32_t)n)
        bad(N, at, "it has another number of children");
    children(N, walk, at, depth);
    uint32_t one = at + 1;
    for (int i = 0; i < n; i++, one = N->end[one])
        if (!key_is(N, one, keys[i]))
            bad(N, one, "its key is not the one that belongs here");
}

static void no_duplicates(const Nodes *N, uint32_t at)
{
    uint32_t count = u32_at(N->count, at), room = 16;
    if (count < 2)
        goto nuls;
    while (room < 2 * (uint64_t)count && room < 0x80000000u)
        room *= 2;
    const void *top = vmaxget();
    uint32_t *table = (uint32_t *)R_alloc(room, 4);
    memset(table, 0, 4 * (size_t)room);
    uint32_t one = at + 1;
    for (uint32_t i = 0; i < count; i++, one = N->end[one]) {
        uint32_t hash = 2166136261u, size = u32_at(N->klen, one);
        for (uint32_t k = 0; k < size; k++)
            hash = (hash ^ (uint8_t)N->key[one][k]) * 16777619u;
        for (hash &= room - 1; table[hash]; hash = (hash + 1) & (room - 1))
            if (key_same(N, table[hash], one))
                bad(N, one, "a key occurs twice");
        table[hash] = one;
    }
    vmaxset(top);
nuls:
    for (uint32_t i = 0, k = at + 1; i < count; i++, k = N->end[k])
        if (memchr(N->key[k], 0, u32_at(N->klen, k)))
            bad(N, k, "the key holds a NUL");
}

static void check_mapping(const Nodes *N, uint32_t at)
{
    if (N->kind[at] != K_MAPPING)
        bad(N, at, "it is no mapping");
}

/* A list of texts, with nulls or without. */
static void check_texts(const Nodes *N, uint32_t at, int nulls)
{
    if (N->kind[at] != K_LIST)
        bad(N, at, "it is no list of texts");
    uint32_t one = at + 1;
    for (uint32_t i = 0; i < u32_at(N->count, at); i++, one = N->end[one])
        if (N->kind[one] != K_TEXT && !(nulls && N->kind[one] == K_NULL))
            bad(N, one, "it is no text");
}

/* Dimensions that were met, by the nodes of their names. */
typedef struct {
    uint32_t *names;
    uint64_t *sizes;
    size_t n, room;
} Dims;

static void check_dims(const Nodes *N, uint32_t dims, uint32_t data, Dims *met, int known)
{
    check_texts(N, dims, 0);
    if (!shaped(N->kind[data]))
        bad(N, data, "the data is neither array nor categorical");
    uint32_t own = with_shape(N, data), count = u32_at(N->count, dims);
    if (count != u32_at(N->count, own))
        bad(N, dims, "another number of names than dimensions");
    for (uint32_t i = 0, name = dims + 1; i < count; i++, name = N->end[name]) {
        uint64_t size = u64_at(N->pool, N->poolat[own] + i);
        size_t k = 0;
        while (k < met->n && !text_same(N, met->names[k], name))
            k++;
        if (k < met->n) {
            if (met->sizes[k] != size)
                bad(N, dims, "a dimension has two lengths");
            continue;
        }
        if (known)
            bad(N, dims, "the array has no such dimension");
        if (met->n == met->room) {
            size_t room = met->room ? 2 * met->room : 8;
            uint32_t *names = (uint32_t *)R_alloc(room, 4);
            uint64_t *sizes = (uint64_t *)R_alloc(room, 8);
            if (met->n) {
                memcpy(names, met->names, 4 * met->n);
                memcpy(sizes, met->sizes, 8 * met->n);
            }
            met->names = names;
            met->sizes = sizes;
            met->room = room;
        }
        met->names[met->n] = name;
        met->sizes[met->n++] = size;
    }
}

/* A mapping of variables: each has dims, data, attrs. */
static void check_variables(const Nodes *N, uint32_t at, Dims *met, int known)
{
    check_mapping(N, at);
    uint32_t one = at + 1;
    for (uint32_t i = 0; i < u32_at(N->count, at); i++, one = N->end[one]) {
        if (N->kind[one] != K_MAPPING || u32_at(N->count, one) != 3)
            bad(N, one, "a variable is no mapping of dims, data and attrs");
        uint32_t dims = one + 1, data = N->end[dims], attrs = N->end[data];
        if (!key_is(N, dims, "dims") || !key_is(N, data, "data") || !key_is(N, attrs, "attrs"))
            bad(N, one, "a variable is no mapping of dims, data and attrs");
        check_dims(N, dims, data, met, known);
        check_mapping(N, attrs);
    }
}

static uint64_t rows_of(const Nodes *N, uint32_t at)
{
    if (N->kind[at] == K_LIST && !(N->flags[at] & LIST_SHAPED))
        return u32_at(N->count, at);
    if (N->kind[at] == K_LIST)
        return u64_at(N->pool, N->poolat[at]) ? u64_at(N->pool, N->poolat[at] + 1) : UINT64_MAX;
    uint32_t own = with_shape(N, at);
    return u32_at(N->count, own) ? u64_at(N->pool, N->poolat[own]) : UINT64_MAX;
}

static void check_table(const Nodes *N, uint32_t at)
{
    uint64_t rows = u64_at(N->value, at);
    uint32_t size = u32_at(N->tlen, at), columns = at + 1, index = N->end[columns], attrs = N->end[index];
    if (size && !(size == 6 && memcmp(N->txt[at], "pandas", 6) == 0) && !(size == 5 && memcmp(N->txt[at], "arrow", 5) == 0))
        bad(N, at, "an unknown container");
    check_mapping(N, columns);
    uint32_t one = columns + 1;
    for (uint32_t i = 0; i < u32_at(N->count, columns); i++, one = N->end[one]) {
        if (!shaped(N->kind[one]) && N->kind[one] != K_LIST)
            bad(N, one, "a column is neither array nor categorical nor list");
        if (rows_of(N, one) != rows)
            bad(N, one, "a column has another number of rows than the table");
    }
    check_mapping(N, attrs);
    if (N->kind[index] == K_NULL)
        return;
    if (N->kind[index] != K_MAPPING || u32_at(N->count, index) != 2 || !key_is(N, index + 1, "names") ||
        !key_is(N, N->end[index + 1], "levels"))
        bad(N, index, "the index is neither null nor a mapping of names and levels");
    uint32_t names = index + 1, levels = N->end[names];
    check_texts(N, names, 1);
    if (N->kind[levels] != K_LIST || u32_at(N->count, levels) != u32_at(N->count, names))
        bad(N, levels, "the levels of the index are no list of as many as there are names");
    one = levels + 1;
    for (uint32_t i = 0; i < u32_at(N->count, levels); i++, one = N->end[one])
        if (!shaped(N->kind[one]) || u32_at(N->count, with_shape(N, one)) != 1 || rows_of(N, one) != rows)
            bad(N, one, "a level of the index is no array of one dimension with the table's rows");
}

static void check_categorical(const Nodes *N, uint32_t at)
{
    uint32_t codes = at + 1, categories = N->end[codes];
    if (N->kind[codes] != K_ARRAY || N->dtype[codes] < D_I1 || N->dtype[codes] > D_I8)
        bad(N, codes, "the codes are no array of signed integers");
    if (N->kind[categories] != K_ARRAY || u32_at(N->count, categories) != 1)
        bad(N, categories, "the categories are no array of one dimension");
    const Buf *buf = &N->bufs[N->bufat[codes]];
    const uint8_t *mask = N->flags[codes] & ARRAY_MASK ? N->bufs[N->bufat[codes] + 1].data : NULL;
    inside(N, codes, buf, item_size[N->dtype[codes]], elements(N, categories), mask);
}

static void check_list(Nodes *N, Walk *walk, uint32_t at, int depth)
{
    unused(N, at, COUNT | TEXT);
    uint32_t count = u32_at(N->count, at), size = u32_at(N->tlen, at), fields = 0;
    int flags = N->flags[at], structs = flags & LIST_STRUCTS;
    if (flags & LIST_SHAPED) {
        if (walk->pooled >= N->p)
            bad(N, at, "the pool holds fewer numbers than the nodes ask for");
        uint64_t ndim = u64_at(N->pool, walk->pooled++);
        if (shape(N, walk, at, ndim, 1) != count)
            bad(N, at, "another number of children than the shape says");
    }
    if (structs && (!(flags & LIST_SHAPED) || (size && N->txt[at][size - 1] != 0)))
        bad(N, at, "a struct array without shape, or whose field names do not end with a NUL");
    if (!structs && size)
        bad(N, at, "a text, which only a struct array has");
    for (uint32_t i = 0; i < size; i++)
        fields += N->txt[at][i] == 0;
    for (const char *a = N->txt[at], *end = a + size; structs && a < end; a += strlen(a) + 1)
        for (const char *b = a + strlen(a) + 1; b < end; b += strlen(b) + 1)
            if (strcmp(a, b) == 0)
                bad(N, at, "two fields of the struct array have the same name");
    children(N, walk, at, depth);
    uint32_t one = at + 1;
    for (uint32_t i = 0; i < count; i++, one = N->end[one]) {
        if (u32_at(N->klen, one))
            bad(N, one, "the element of a list has a key");
        if (!structs)
            continue;
        const char *name = N->txt[at];
        int good = N->kind[one] == K_MAPPING && u32_at(N->count, one) == fields;
        for (uint32_t k = 0, child = one + 1; good && k < fields; k++, child = N->end[child], name += strlen(name) + 1)
            good = key_is(N, child, name);
        if (!good)
            bad(N, one, "an element of a struct array has other fields than the array");
    }
}

static void check_reference(Nodes *N, Walk *walk, uint32_t at, int depth, int handle)
{
    static const char *const info[] = {"info"};
    unused(N, at, COUNT | TEXT);
    uint32_t size = u32_at(N->tlen, at);
    if (!size || memchr(N->txt[at], 0, size))
        bad(N, at, "no id");
    if (!handle && !u32_at(N->count, at))
        return;
    exactly(N, walk, at, depth, 1, info);
    check_mapping(N, at + 1);
    uint32_t one = at + 2;
    for (uint32_t i = 0; i < u32_at(N->count, at + 1); i++, one = N->end[one]) {
        int kind = N->kind[one];
        if (handle && key_is(N, one, "class"))
            check_texts(N, one, 0);
        else if ((key_is(N, one, handle ? "summary" : "name") && kind != K_TEXT) ||
                 (handle && key_is(N, one, "language") && kind != K_TEXT) ||
                 (handle && key_is(N, one, "callable") && kind != K_BOOL))
            bad(N, one, "a field of the info is of another kind");
    }
}

static void walk_parts(Nodes *N, Walk *walk, uint32_t at, int depth)
{
    static const char *const of_labelled[] = {"name", "dims", "data", "coords", "attrs"};
    static const char *const of_dataset[] = {"vars", "coords", "attrs"};
    static const char *const of_table[] = {"columns", "index", "attrs"};
    static const char *const of_categorical[] = {"codes", "categories"};
    Dims met = {NULL, NULL, 0, 0};
    uint32_t one = at + 1;
    switch (N->kind[at]) {
    case K_LIST: check_list(N, walk, at, depth); break;
    case K_MAPPING:
        unused(N, at, COUNT);
        children(N, walk, at, depth);
        no_duplicates(N, at);
        break;
    case K_LABELLED: {
        unused(N, at, COUNT);
        exactly(N, walk, at, depth, 5, of_labelled);
        uint32_t dims = N->end[one], data = N->end[dims], coords = N->end[data];
        if (N->kind[one] != K_TEXT && N->kind[one] != K_NULL)
            bad(N, one, "the name is neither text nor null");
        check_dims(N, dims, data, &met, 0);
        check_variables(N, coords, &met, 1);
        check_mapping(N, N->end[coords]);
        break;
    }
    case K_DATASET: {
        unused(N, at, COUNT);
        exactly(N, walk, at, depth, 3, of_dataset);
        uint32_t coords = N->end[one];
        check_variables(N, one, &met, 0);
        check_variables(N, coords, &met, 0);
        check_mapping(N, N->end[coords]);
        for (uint32_t i = 0, a = one + 1; i < u32_at(N->count, one); i++, a = N->end[a])
            for (uint32_t k = 0, b = coords + 1; k < u32_at(N->count, coords); k++, b = N->end[b])
                if (key_same(N, a, b))
                    bad(N, b, "it is a variable and a coordinate");
        break;
    }
    case K_TABLE:
        unused(N, at, COUNT | VALUE | TEXT);
        exactly(N, walk, at, depth, 3, of_table);
        check_table(N, at);
        break;
    case K_CATEGORICAL:
        unused(N, at, COUNT);
        exactly(N, walk, at, depth, 2, of_categorical);
        check_categorical(N, at);
        break;
    default: check_reference(N, walk, at, depth, N->kind[at] == K_HANDLE);
    }
}
