/* The digest of large data, a tree, computed by several threads.
 *
 * It is the tree that docs/format.md gives ("Digests"), B(person, m) being BLAKE2b-256 with no key,
 * a zero salt and that personalisation, zero-padded to 16 bytes:
 *
 *     size <= 2^12:  B("locache single", data)
 *     otherwise:     B("locache root", LE64(size) || L[0] || L[1] || ...)
 *                    L[i] = B("locache leaf", data[i*2^12 ...])
 *
 * where every leaf holds 2^12 bytes but for the last, which holds the 1 to 2^12 that remain. Leaves
 * depend on nothing but their own bytes: as many are hashed at a time as a register holds words
 * (lanes.h), and that by several threads.
 *
 * What comes out depends on the data alone. How many threads there are, whether the processor has
 * vectors, whether memory for the leaves' digests was had and whether the data lies in one piece
 * change only how long it takes: a key must not depend on the machine that made it. */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/lanes.h"
#include "base/sodium.h"
#include "base/system.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

/* So small that one for each lane, 32 KiB, is in a processor's nearest cache; so large that what a
 * leaf costs by itself, and the 32 bytes that the root hashes for it, are a fortieth of all. Part
 * of the format: another size is another digest. */
#define LEAF ((size_t)4 << 10)

/* What a thread takes at a time, 256 KiB: so many that taking them costs nothing, so few that all
 * threads end at about the same time. */
#define TAKEN ((size_t)64)
_Static_assert(TAKEN % LC_LANES_MOST == 0, "nobody but the last one has an idle lane");

/* A thread is worth starting for this much: it is hashed in 1.5 ms, and a thread starts in 0.05. */
#define THREAD_SHARE (LOCACHE_DIGEST_PARALLEL / 2)
/* More than this many saturate the memory of any machine; and as many workers lie on the stack. */
#define THREADS_MAX 16

/* BLAKE2b's personalisation tells the tree's three uses apart: no leaf's digest is a root's,
 * whatever the bytes. */
#define PERSON_SINGLE "locache single\0"
#define PERSON_LEAF "locache leaf\0\0\0"
#define PERSON_ROOT "locache root\0\0\0"
_Static_assert(sizeof PERSON_SINGLE == LC_PERSON_SIZE, "exactly the parameter's size");
_Static_assert(sizeof PERSON_LEAF == LC_PERSON_SIZE, "exactly the parameter's size");
_Static_assert(sizeof PERSON_ROOT == LC_PERSON_SIZE, "exactly the parameter's size");

typedef crypto_generichash_blake2b_state hash_state;
typedef unsigned char node[LOCACHE_DIGEST_SIZE];

/* The data: where it lies, or asked for piece by piece, as that of a strided array is. */
typedef struct source {
    size_t size;
    const lc_span *spans; /* size bytes in all; or, where it is NULL, fill() */
    /* from several threads at once, and in any order */
    void (*fill)(void *context, void *out, size_t offset, size_t size);
    void *context;
} source;

/* A thread's way through the source, from front to back. */
typedef struct reader {
    const source *from;
    unsigned char *room; /* room_size() bytes to gather in; NULL: none */
    const lc_span *span; /* where it is, and what is before that */
    size_t before;
} reader;

static size_t leaves_of(const source *from)
{
    return from->size / LEAF + (from->size % LEAF != 0);
}

/* Memory for one thread to gather in: a leaf for each lane that there may be. None for what lies in
 * one piece. */
static size_t room_size(const source *from)
{
    size_t most = LC_LANES_MOST * LEAF;
    if (from->spans != NULL && from->spans->size == from->size)
        return 0;
    return from->size < most ? from->size : most;
}

static reader reader_of(const source *from, unsigned char *room)
{
    return (reader){.from = from, .room = room, .span = from->spans};
}

/* ---------------------------------------------------------------------------------------- bytes */

/* Of the `size` bytes at an offset, those that lie together, or all in `room`; not none. */
static lc_span part_at(reader *in, size_t offset, size_t size, unsigned char *room)
{
    if (in->span == NULL) {
        in->from->fill(in->from->context, room, offset, size);
        return (lc_span){room, size};
    }
    while (offset - in->before >= in->span->size) {
        in->before += in->span->size;
        in->span++;
    }
    size_t at = offset - in->before;
    size_t rest = in->span->size - at;
    return (lc_span){(const unsigned char *)in->span->data + at, rest < size ? rest : size};
}

/* A whole leaf, in place or gathered in `room`. */
static const unsigned char *leaf_at(reader *in, size_t leaf, unsigned char *room)
{
    lc_span part = part_at(in, leaf * LEAF, LEAF, room);
    /* Where there is no room, all lies together, and a leaf is never in two pieces. */
    if (part.size == LEAF || room == NULL)
        return part.data;
    for (size_t at = 0;;) {
        memcpy(room + at, part.data, part.size);
        at += part.size;
        if (at == LEAF)
            return room;
        part = part_at(in, leaf * LEAF + at, LEAF - at, room);
    }
}

/* --------------------------------------------------------------------------------------- leaves */

static void hash_begin(hash_state *state, const char *person)
{
    crypto_generichash_blake2b_init_salt_personal(state, NULL, 0, LOCACHE_DIGEST_SIZE, NULL,
                                                  (const unsigned char *)person);
}

/* One leaf, or all there is, by libsodium: what the lanes are not for. */
static void digest_one(node out, reader *in, size_t offset, size_t size, const char *person)
{
    hash_state state;
    hash_begin(&state, person);
    for (size_t at = 0; at < size;) {
        lc_span part = part_at(in, offset + at, size - at, in->room);
        crypto_generichash_blake2b_update(&state, part.data, part.size);
        at += part.size;
    }
    crypto_generichash_blake2b_final(&state, out, LOCACHE_DIGEST_SIZE);
}

/* `count` whole leaves, from the first on; lanes without a leaf do the first one's work again: a
 * lane cannot be left out, and one that repeats another costs nothing more. */
static void digest_whole(node *out, reader *in, size_t first, size_t count)
{
    const unsigned char *leaves[LC_LANES_MOST] = {NULL};
    node digests[LC_LANES_MOST];
    for (size_t i = 0; i < LC_LANES_MOST; i++)
        leaves[i] = i >= count
                        ? leaves[0]
                        : leaf_at(in, first + i, in->room == NULL ? NULL : in->room + i * LEAF);
    lc_lanes_digest(digests, leaves, LEAF, PERSON_LEAF);
    memcpy(out, digests, count * sizeof *digests);
}

/* Leaves from the first on: at most one for each lane, and those that there are. How many. */
static size_t digest_some(node *out, reader *in, size_t first)
{
    const source *from = in->from;
    size_t rest = leaves_of(from) - first;
    size_t lanes = lc_lanes_count();
    size_t count = rest < lanes ? rest : lanes > 0 ? lanes : 1;
    /* The last leaf may be shorter, and messages side by side are of one size. */
    size_t whole = count == rest && from->size % LEAF != 0 ? count - 1 : count;
    size_t done = 0;
    /* For a single leaf the lanes would be slower than libsodium; and without room, a leaf that
     * lies in two pieces is beyond them. */
    if (whole > 1 && lanes > 0 && (in->room != NULL || room_size(from) == 0)) {
        digest_whole(out, in, first, whole);
        done = whole;
    }
    for (; done < count; done++) {
        size_t offset = (first + done) * LEAF;
        size_t size = from->size - offset;
        digest_one(out[done], in, offset, size < LEAF ? size : LEAF, PERSON_LEAF);
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
 * So a digest of data that lies somewhere never fails, whatever memory there is. */
static void digest_alone(node out, const source *from, unsigned char *room)
{
    node nodes[TAKEN];
    reader in = reader_of(from, room);
    size_t leaves = leaves_of(from);
    hash_state root;
    root_begin(&root, from->size);
    for (size_t first = 0; first < leaves;) {
        size_t count = 0;
        while (count < TAKEN && first + count < leaves)
            count += digest_some(nodes + count, &in, first + count);
        crypto_generichash_blake2b_update(&root, nodes[0], count * sizeof *nodes);
        first += count;
    }
    crypto_generichash_blake2b_final(&root, out, LOCACHE_DIGEST_SIZE);
}

/* -------------------------------------------------------------------------------------- threads */

/* What the threads share. They meet in one counter: each takes the next leaves, so that a thread
 * that is kept waiting delays only those, and each writes to nodes that are its own. */
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
    reader in = reader_of(shared->from, self->room);
    for (;;) {
        /* Relaxed: it orders nothing but itself. The caller reads the nodes after joining. */
        size_t first = atomic_fetch_add_explicit(&shared->next, TAKEN, memory_order_relaxed);
        for (size_t end = first + TAKEN; first < end;) {
            if (first >= shared->leaves)
                return NULL;
            first += digest_some(shared->nodes + first, &in, first);
        }
    }
}

/* The threads that help, the caller among them. */
static size_t helpful_threads(size_t size)
{
    size_t most = size / THREAD_SHARE < THREADS_MAX ? size / THREAD_SHARE : THREADS_MAX;
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
        if (lc_thread_start(&next->thread, 0, work, next) != 0) {
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
    size_t threads = from->size < LOCACHE_DIGEST_PARALLEL ? 1 : helpful_threads(from->size);
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
    reader in = reader_of(from, room);
    lc_sodium_start();
    if (from->size <= LEAF)
        digest_one(out, &in, 0, from->size, PERSON_SINGLE);
    else
        digest_tree(out, from, room);
}

/* --------------------------------------------------------------------------------- entry points */

void locache_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const void *data, size_t size)
{
    const lc_span whole = {data, size};
    digest_source(out, &(source){.size = size, .spans = &whole}, NULL);
}

void lc_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const lc_span *spans, size_t count)
{
    source from = {.size = 0, .spans = spans};
    for (size_t i = 0; i < count; i++)
        from.size += spans[i].size;
    /* What is small goes through libsodium, which takes it in any pieces. Without memory the rest
     * does, too. */
    unsigned char *room =
        from.size > LEAF && room_size(&from) > 0 ? lc_alloc(room_size(&from)) : NULL;
    digest_source(out, &from, room);
    lc_free(room);
}

/* Up to one for each lane, no more than a leaf each. */
static void digest_side_by_side(node *out, const void *const *data, size_t size, size_t count)
{
    const unsigned char *messages[LC_LANES_MOST];
    node digests[LC_LANES_MOST];
    for (size_t i = 0; i < LC_LANES_MOST; i++)
        messages[i] = data[i < count ? i : 0];
    lc_lanes_digest(digests, messages, size, PERSON_SINGLE);
    memcpy(out, digests, count * sizeof *digests);
}

void locache_digest_each(unsigned char (*out)[LOCACHE_DIGEST_SIZE], const void *const *data,
                         size_t size, size_t count)
{
    size_t lanes = size > 0 && size <= LEAF ? lc_lanes_count() : 0;
    size_t done = 0;
    for (size_t some; lanes > 0 && count - done > 1; done += some) {
        some = count - done < lanes ? count - done : lanes;
        digest_side_by_side(out + done, data + done, size, some);
    }
    for (; done < count; done++)
        locache_digest(out[done], data[done], size);
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
