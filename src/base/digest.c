/* The digest of large data, a tree, computed by several threads.
 *
 * It is the tree that docs/format.md gives ("Digests of long strings"), B(person, m) being
 * BLAKE2b-256 with no key, a zero salt and that personalisation, zero-padded to 16 bytes:
 *
 *     size <= 2^20:  B("locache single", data)
 *     otherwise:     B("locache root", LE64(size) || L[0] || L[1] || ...)
 *                    L[i] = B("locache leaf", data[i*2^20 ...])
 *
 * where every leaf holds 2^20 bytes but for the last, which holds the 1 to 2^20 that remain. Leaves
 * depend on nothing but their own bytes: they are hashed four at a time, and those fours by several
 * threads.
 *
 * What comes out depends on the data alone. How many threads there are, whether the processor has
 * vectors, whether memory for the leaves' digests was had and whether the data lies in one piece
 * change only how long it takes: a key must not depend on the machine that made it. */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/lanes.h"
#include "base/system.h"

#include <sodium.h>
#include <stdatomic.h>

/* Large enough that a leaf's fixed cost is nothing, small enough to share among cores. Part of the
 * format: another size is another digest. */
#define LEAF ((size_t)1 << 20)

/* What is not in one piece is gathered in pieces of this size, a piece of each lane at a time:
 * together, 256 KiB, they stay in a processor's own cache from where they are gathered to where
 * they are hashed. */
#define PIECE ((size_t)64 << 10)
_Static_assert(LEAF % PIECE == 0 && PIECE % LC_LANES_BLOCK == 0,
               "a leaf is whole pieces, a piece whole blocks");

/* More than this many saturate the memory of any machine; and as many workers lie on the stack. */
#define THREADS_MAX 16

/* BLAKE2b's personalisation tells the tree's three uses apart: no leaf's digest is a root's,
 * whatever the bytes. */
#define PERSON_SINGLE "locache single\0"
#define PERSON_LEAF "locache leaf\0\0\0"
#define PERSON_ROOT "locache root\0\0\0"
_Static_assert(sizeof PERSON_SINGLE == crypto_generichash_blake2b_PERSONALBYTES,
               "exactly the parameter's size");
_Static_assert(sizeof PERSON_LEAF == crypto_generichash_blake2b_PERSONALBYTES,
               "exactly the parameter's size");
_Static_assert(sizeof PERSON_ROOT == crypto_generichash_blake2b_PERSONALBYTES,
               "exactly the parameter's size");

typedef crypto_generichash_blake2b_state hash_state;

/* The data: in one piece, or asked for piece by piece, as that of a strided array is. */
typedef struct source {
    size_t size;
    const unsigned char *data; /* or, where it is NULL, fill() */
    /* from several threads at once, and in any order */
    void (*fill)(void *context, void *out, size_t offset, size_t size);
    void *context;
} source;

typedef unsigned char node[LOCACHE_DIGEST_SIZE];

static size_t leaves_of(const source *from)
{
    return from->size / LEAF + (from->size % LEAF != 0);
}

/* Memory for one thread to gather in; none for what lies in one piece. */
static size_t room_size(const source *from)
{
    size_t most = LC_LANES * PIECE;
    return from->data != NULL ? 0 : from->size < most ? from->size : most;
}

/* Bytes of the source, in place or gathered in `room`. */
static const unsigned char *bytes_at(const source *from, size_t offset, size_t size,
                                     unsigned char *room)
{
    if (from->data != NULL)
        return from->data + offset;
    from->fill(from->context, room, offset, size);
    return room;
}

/* --------------------------------------------------------------------------------------- leaves */

static void hash_begin(hash_state *state, const char *person)
{
    crypto_generichash_blake2b_init_salt_personal(state, NULL, 0, LOCACHE_DIGEST_SIZE, NULL,
                                                  (const unsigned char *)person);
}

/* One leaf, or all there is, by libsodium: what the lanes are not for. */
static void digest_one(node out, const source *from, size_t offset, size_t size, const char *person,
                       unsigned char *room)
{
    size_t step = from->data != NULL ? size : room_size(from);
    hash_state state;
    hash_begin(&state, person);
    /* No turn at all where size is 0, and step with it. */
    for (size_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? size - at : step;
        crypto_generichash_blake2b_update(&state, bytes_at(from, offset + at, part, room), part);
    }
    crypto_generichash_blake2b_final(&state, out, LOCACHE_DIGEST_SIZE);
}

/* A lane's part of the room, if any. */
static unsigned char *room_of(unsigned char *room, size_t lane)
{
    return room == NULL ? NULL : room + lane * PIECE;
}

/* `count` whole leaves, from the first on; lanes without a leaf do the first one's work again: a
 * lane cannot be left out, and one that repeats another costs nothing more. */
static void digest_whole(node *out, const source *from, size_t first, size_t count,
                         unsigned char *room)
{
    /* In place, a leaf at once, so that the chain values stay in registers all the way. */
    size_t step = from->data != NULL ? LEAF : PIECE;
    lc_lanes lanes;
    lc_lanes_start(&lanes, PERSON_LEAF);
    for (size_t at = 0; at < LEAF; at += step) {
        const unsigned char *pieces[LC_LANES];
        pieces[0] = bytes_at(from, first * LEAF + at, step, room);
        for (size_t i = 1; i < LC_LANES; i++)
            pieces[i] = i < count ? bytes_at(from, (first + i) * LEAF + at, step, room_of(room, i))
                                  : pieces[0];
        lc_lanes_add(&lanes, pieces, step, at + step == LEAF);
    }
    for (unsigned i = 0; i < count; i++)
        lc_lanes_digest(out[i], &lanes, i);
}

/* Leaves from the first on: at most LC_LANES, and those that there are. How many. */
static size_t digest_some(node *out, const source *from, size_t first, unsigned char *room)
{
    size_t rest = leaves_of(from) - first;
    size_t count = rest < LC_LANES ? rest : LC_LANES;
    /* The last leaf may be shorter, and messages side by side are of one size. */
    size_t whole = count == rest && from->size % LEAF != 0 ? count - 1 : count;
    size_t done = 0;
    /* For a single leaf the lanes would be slower than libsodium. */
    if (whole > 1 && lc_lanes_ready()) {
        digest_whole(out, from, first, whole, room);
        done = whole;
    }
    for (; done < count; done++) {
        size_t offset = (first + done) * LEAF;
        size_t size = from->size - offset;
        digest_one(out[done], from, offset, size < LEAF ? size : LEAF, PERSON_LEAF, room);
    }
    return count;
}

/* ----------------------------------------------------------------------------------------- root */

static void root_begin(hash_state *root, uint64_t size)
{
    unsigned char length[8];
    for (unsigned i = 0; i < sizeof length; i++)
        length[i] = (unsigned char)(size >> (8 * i));
    hash_begin(root, PERSON_ROOT);
    crypto_generichash_blake2b_update(root, length, sizeof length);
}

/* By this thread, with no memory but the room: the leaves' digests go into the root as they come.
 * So a digest of data in one piece never fails, whatever memory there is. */
static void digest_alone(node out, const source *from, unsigned char *room)
{
    node nodes[LC_LANES];
    size_t leaves = leaves_of(from);
    hash_state root;
    root_begin(&root, from->size);
    for (size_t first = 0; first < leaves;) {
        size_t count = digest_some(nodes, from, first, room);
        crypto_generichash_blake2b_update(&root, nodes[0], count * sizeof *nodes);
        first += count;
    }
    crypto_generichash_blake2b_final(&root, out, LOCACHE_DIGEST_SIZE);
}

/* -------------------------------------------------------------------------------------- threads */

/* What the threads share. They meet in one counter: each takes the next four leaves, so that a
 * thread that is kept waiting delays only those, and each writes to nodes that are its own. */
typedef struct job {
    const source *from;
    node *nodes; /* of each leaf */
    size_t leaves;
    atomic_size_t next; /* the first leaf that nobody has taken */
} job;

typedef struct worker {
    job *job;
    unsigned char *room;
    pthread_t thread;
} worker;

static void *work(void *context)
{
    const worker *self = context;
    job *shared = self->job;
    for (;;) {
        /* Relaxed: it orders nothing but itself. The caller reads the nodes after joining. */
        size_t first = atomic_fetch_add_explicit(&shared->next, LC_LANES, memory_order_relaxed);
        if (first >= shared->leaves)
            return NULL;
        digest_some(shared->nodes + first, shared->from, first, self->room);
    }
}

/* The threads that help, the caller among them: none that would find no leaves left to take. */
static size_t helpful_threads(size_t leaves)
{
    size_t most = leaves / LC_LANES < THREADS_MAX ? leaves / LC_LANES : THREADS_MAX;
    size_t processors = most > 1 ? lc_processors() : 1;
    return processors < most ? processors : most;
}

/* With as many threads as can be had: without memory or threads the others do the work. They are
 * joined before it returns, since job, source and room are the caller's. */
static void work_together(job *shared, unsigned char *room, size_t threads)
{
    worker workers[THREADS_MAX - 1];
    worker own = {.job = shared};
    size_t each = room_size(shared->from);
    size_t started = 0;
    own.room = room;
    while (started + 1 < threads) {
        worker *next = &workers[started];
        *next = (worker){.job = shared};
        if (each > 0 && (next->room = lc_alloc(each)) == NULL)
            break;
        if (lc_thread_start(&next->thread, work, next) != 0) {
            lc_free(next->room);
            break;
        }
        started++;
    }
    work(&own);
    for (size_t i = 0; i < started; i++) {
        lc_thread_end(workers[i].thread);
        lc_free(workers[i].room);
    }
}

static void digest_tree(node out, const source *from, unsigned char *room)
{
    size_t leaves = leaves_of(from);
    size_t threads = from->size < LOCACHE_DIGEST_PARALLEL ? 1 : helpful_threads(leaves);
    node *nodes = threads > 1 ? lc_alloc(leaves * sizeof *nodes) : NULL;
    if (nodes == NULL) {
        digest_alone(out, from, room);
        return;
    }
    job shared = {.from = from, .nodes = nodes, .leaves = leaves};
    work_together(&shared, room, threads);
    /* In the order of the data, whoever was first. */
    hash_state root;
    root_begin(&root, from->size);
    crypto_generichash_blake2b_update(&root, nodes[0], leaves * sizeof *nodes);
    crypto_generichash_blake2b_final(&root, out, LOCACHE_DIGEST_SIZE);
    lc_free(nodes);
}

static void digest_source(node out, const source *from, unsigned char *room)
{
    lc_sodium_start();
    if (from->size <= LEAF)
        digest_one(out, from, 0, from->size, PERSON_SINGLE, room);
    else
        digest_tree(out, from, room);
}

void locache_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const void *data, size_t size)
{
    /* No data may be NULL, which would say here that it comes from fill(). */
    const source from = {.size = size, .data = size > 0 ? data : (const void *)""};
    digest_source(out, &from, NULL);
}

bool locache_digest_parts(unsigned char out[LOCACHE_DIGEST_SIZE], size_t size,
                          void (*fill)(void *context, void *out, size_t offset, size_t size),
                          void *context)
{
    const source from = {.size = size, .fill = fill, .context = context};
    unsigned char *room = lc_alloc(room_size(&from));
    if (room == NULL)
        return false;
    digest_source(out, &from, room);
    lc_free(room);
    return true;
}
