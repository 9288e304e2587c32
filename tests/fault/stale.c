/* Entries change in every way that files can, and the very next look at each must show it: is what
 * a handle gives from memory ever older than a change that was done before it was asked?
 *
 *     stale DIRECTORY PAIRS SETTLE HANDLES [SEED]
 *
 * makes a cache in DIRECTORY and PAIRS pairs of a change and a look. Most look at results that were
 * surely in memory: many are changed, SETTLE milliseconds pass, all are looked at, which leaves
 * them in memory; then they are changed, and looked at. The others come at once one after the
 * other, where the file system's clock may not have moved. The changes are made in this process and
 * in another one. The entries are divided among HANDLES handles: few entries to a handle, and it
 * keeps all of them open; many, and it asks by name.
 *
 *     stale DIRECTORY once SETTLE HANDLES [SEED]
 *
 * changes entries that a first run with "fill" instead of "once" has made, each once: those of an
 * overlay's lower layer.
 *
 * Ends with 1 where anything stale was seen, a result was lost, or too few looks were answered from
 * memory. */
#include "base/fault.h"
#include "changes.h"

#include <ftw.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

/* ------------------------------------------------------------------------------------ the world */

enum {
    ENTRIES = 768,    /* in a batch: more than a process keeps open */
    HANDLES_MAX = 64, /* with 12 entries each */
    HELD_LEAST = 256, /* files and directories that a process may keep open, whatever its limit */
    WARM = 4          /* looks, after which an entry is among those that are used much */
};

/* What handles of this test's own kind remember: there is one for each variant. */
typedef struct object {
    atomic_long holders;
    int variant;
} object;

static object objects[VARIANTS];

typedef struct world {
    /* the function's directory, and where it is moved to */
    char directory[256], cache[288], home[304], aside[304];
    entry entries[ENTRIES];
    locache *handles[HANDLES_MAX + 1];
    size_t handle_count;
    locache *other; /* whose puts and removals are other programs' */
    int to_child, from_child;
    useconds_t settle;
    unsigned long long random;
    unsigned long pairs, stale, lost, settled_looks, settled_hits, young_looks, young_hits;
    size_t held; /* entries, at most */
} world;

static atomic_ulong reads; /* of files, by this process */

static int count_reads(const char *call)
{
    reads += strcmp(call, "read") == 0;
    return 0;
}

static size_t below(world *w, size_t bound)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(w->random >> 33) % bound;
}

static void retain(void *held)
{
    ((object *)held)->holders++;
}

static void release(void *held)
{
    ((object *)held)->holders--;
}

static locache *open_handle(const world *w, bool recalls)
{
    locache *cache;
    locache_error error;
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options, .function = "stale", .identity = &identity};
    locache_identity_explicit(&identity, "1");
    if (recalls) {
        options.retain = retain;
        options.release = release;
    }
    must_be_ok(locache_open(&cache, w->cache, &options, &error), &error, "locache_open");
    return cache;
}

/* ---------------------------------------------------------------------------- the other process */

typedef struct command {
    unsigned short entry;
    unsigned char kind, variant;
} command;

enum { RESET_ALL = CHANGES, PUT_ALL };

static void transfer(ssize_t (*how)(int, void *, size_t), int fd, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t some = how(fd, (char *)data + done, size - done);
        if (some <= 0)
            exit(3);
        done += (size_t)some;
    }
}

static ssize_t write_some(int fd, void *data, size_t size)
{
    return write(fd, data, size);
}

static void obey(const world *w, locache *other, const command *order)
{
    locache_error error;
    if (order->kind == RESET_ALL)
        must_be_ok(locache_reset(other, &error), &error, "locache_reset");
    else if (order->kind == PUT_ALL)
        for (size_t i = 0; i < ENTRIES; i++)
            put(other, &w->entries[i], order->variant, NULL);
    else
        make_change(other, &w->entries[order->entry], (change)order->kind, order->variant);
}

static _Noreturn void serve(const world *w, int in, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    locache *other = open_handle(w, false);
    for (;;) {
        unsigned count;
        static command orders[ENTRIES];
        if (read(in, &count, sizeof count) != (ssize_t)sizeof count)
            break;
        transfer(read, in, orders, count * sizeof *orders);
        for (unsigned i = 0; i < count; i++)
            obey(w, other, &orders[i]);
        transfer(write_some, out, &count, sizeof count);
    }
    locache_close(other);
    exit(0);
}

static pid_t start_other(world *w)
{
    int there[2], back[2];
    must(pipe(there) == 0 && pipe(back) == 0, "pipe");
    fflush(NULL);
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        close(there[1]);
        close(back[0]);
        serve(w, there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    w->to_child = there[1];
    w->from_child = back[0];
    return child;
}

static void order(const world *w, command *orders, unsigned count)
{
    transfer(write_some, w->to_child, &count, sizeof count);
    transfer(write_some, w->to_child, orders, count * sizeof *orders);
    transfer(read, w->from_child, &count, sizeof count);
}

/* ------------------------------------------------------------------------------------ the looks */

static int variant_of(locache_value *value)
{
    size_t size;
    const unsigned char *body = locache_value_body(&size, value);
    must(size == BODY && body[0] < VARIANTS && body[0] == body[BODY - 1],
         "a body that nobody stored");
    return body[0];
}

static int look(const entry *e)
{
    void *held;
    if (e->recalls && locache_recall(&held, e->handle, e->key, e->key_size) == LOCACHE_OK) {
        int variant = ((object *)held)->variant;
        release(held);
        return variant;
    }
    locache_value *value;
    locache_error error;
    locache_status status = locache_get(&value, e->handle, e->key, e->key_size, &error);
    if (status == LOCACHE_MISS)
        return NONE;
    must_be_ok(status, &error, "locache_get");
    int variant = variant_of(value);
    if (e->recalls) {
        locache_stamp stamp;
        locache_value_stamp(&stamp, value);
        locache_remember(e->handle, e->key, e->key_size, &stamp, &objects[variant], 64);
    }
    locache_value_free(value);
    return variant;
}

/* As the function's own program does where the result is missing. */
static void compute(entry *e, int variant)
{
    locache_stamp stamp;
    put(e->handle, e, variant, &stamp);
    if (e->recalls)
        locache_remember(e->handle, e->key, e->key_size, &stamp, &objects[variant], 64);
    e->now = variant;
}

static void judge(world *w, const entry *e, int seen, const char *what)
{
    w->pairs++;
    if (seen == e->now)
        return;
    unsigned long *count = seen == NONE ? &w->lost : &w->stale;
    if ((*count)++ < 20)
        fprintf(stderr, "%s after %s: %d where %d is, %s\n", seen == NONE ? "lost" : "stale", what,
                seen, e->now, e->path);
}

static void check(world *w, const entry *e, const char *what)
{
    judge(w, e, look(e), what);
}

/* ---------------------------------------------------------------------------------- the batches */

static void settle(const world *w)
{
    usleep(w->settle);
}

/* Descriptors as those that entries are held by. */
static size_t held_now(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 2 * ENTRIES; fd++) {
        int flags = fcntl(fd, F_GETFL);
        count += flags >= 0 && (flags & O_PATH);
    }
    return count;
}

/* All in memory, and believed: answered without reading. */
static void warm(world *w)
{
    settle(w);
    for (size_t i = 0; i < ENTRIES; i++)
        check(w, &w->entries[i], "nothing");
    w->pairs -= ENTRIES;
    unsigned long before = reads;
    for (size_t i = 0; i < (size_t)WARM * ENTRIES; i++) {
        const entry *e = &w->entries[i % ENTRIES];
        must(look(e) == e->now, "a second look that differs from the first");
    }
    w->settled_looks += (unsigned long)WARM * ENTRIES;
    w->settled_hits += (unsigned long)WARM * ENTRIES - (reads - before);
    if (held_now() > w->held)
        w->held = held_now();
}

static int another(world *w, int variant)
{
    return variant == NONE ? (int)below(w, VARIANTS)
                           : (variant + 1 + (int)below(w, VARIANTS - 1)) % VARIANTS;
}

static void mend(world *w, entry *e)
{
    unlink(e->side);
    if (e->now == NONE)
        compute(e, another(w, NONE));
}

static change some_change(world *w)
{
    return (change)below(w, CHANGES);
}

/* Every entry changes, all of them before the first look, or each just before its look; here, or in
 * the other process. */
static void batch(world *w, bool one_by_one, bool elsewhere)
{
    static command orders[ENTRIES];
    for (size_t i = 0; i < ENTRIES; i++) {
        entry *e = &w->entries[i];
        mend(w, e);
        orders[i] = (command){(unsigned short)i, (unsigned char)some_change(w),
                              (unsigned char)another(w, e->now)};
        prepare(e, (change)orders[i].kind);
    }
    warm(w);
    if (!one_by_one && elsewhere)
        order(w, orders, ENTRIES);
    for (size_t i = 0; i < ENTRIES && (one_by_one || !elsewhere); i++) {
        entry *e = &w->entries[i];
        if (elsewhere)
            order(w, &orders[i], 1);
        else
            make_change(w->other, e, (change)orders[i].kind, orders[i].variant);
        e->now = after((change)orders[i].kind, e->now, orders[i].variant);
        if (one_by_one)
            check(w, e, change_names[orders[i].kind]);
    }
    for (size_t i = 0; i < ENTRIES && !one_by_one; i++) {
        entry *e = &w->entries[i];
        if (elsewhere)
            e->now = after((change)orders[i].kind, e->now, orders[i].variant);
        check(w, e, change_names[orders[i].kind]);
    }
}

/* Changes and looks as fast as they come: a clock that stands still shows none of them. */
static void hurry(world *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = below(w, ENTRIES);
        entry *e = &w->entries[n];
        mend(w, e);
        int way = (int)below(w, 3);
        if (way == 0)
            compute(e, another(w, e->now));
        else if (way == 1)
            make_change(w->other, e, WRITE, e->now = another(w, e->now));
        change kind = some_change(w);
        prepare(e, kind);
        unsigned long before = reads;
        check(w, e, "what was stored just now");
        check(w, e, "nothing");
        w->pairs--;
        w->young_looks += 2;
        w->young_hits += 2 - (reads - before);
        int variant = another(w, e->now);
        if (below(w, 8) == 0)
            order(w, &(command){(unsigned short)n, (unsigned char)kind, (unsigned char)variant}, 1);
        else
            make_change(w->other, e, kind, variant);
        e->now = after(kind, e->now, variant);
        check(w, e, change_names[kind]);
    }
}

/* ---------------------------------------------------------------------------- whole directories */

static int remove_one(const char *path, const struct stat *seen, int flag, struct FTW *walk)
{
    (void)seen;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void all_are(world *w, int variant)
{
    for (size_t i = 0; i < ENTRIES; i++)
        w->entries[i].now = variant;
}

static void check_all(world *w, const char *what)
{
    for (size_t i = 0; i < ENTRIES; i++)
        check(w, &w->entries[i], what);
}

static void mend_all(world *w)
{
    for (size_t i = 0; i < ENTRIES; i++)
        mend(w, &w->entries[i]);
}

static void reset(world *w)
{
    order(w, &(command){0, RESET_ALL, 0}, 1);
    all_are(w, NONE);
    check_all(w, "reset");
}

/* A handle that finds its directory gone may look for the new one at once, or when it stores
 * something. */
static void remove_and_remake(world *w, const char *path)
{
    must(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, path);
    all_are(w, NONE);
    check_all(w, "the directory removed");
    int variant = (int)below(w, VARIANTS);
    order(w, &(command){0, PUT_ALL, (unsigned char)variant}, 1);
    for (size_t i = 0; i < ENTRIES; i++) {
        int seen = look(&w->entries[i]);
        w->entries[i].now = seen == NONE ? NONE : variant;
        judge(w, &w->entries[i], seen, "the directory made again");
    }
    for (size_t i = 0; i < w->handle_count; i++)
        compute(&w->entries[i], variant);
    all_are(w, variant);
    check_all(w, "storing into the directory made again");
}

/* A handle goes on with its directory where that is moved to, as it does when another version of
 * the function runs. */
static void move_away_and_back(world *w)
{
    must(rename(w->home, w->aside) == 0, w->aside);
    check_all(w, "the directory moved");
    /* into the same directory, or into a new one of that name */
    order(w, &(command){0, PUT_ALL, 0}, 1);
    for (size_t i = 0; i < ENTRIES; i += 2) {
        char path[700];
        entry *e = &w->entries[i];
        e->now = another(w, e->now);
        snprintf(path, sizeof path, "%s%s", w->aside, e->path + strlen(w->home));
        write_at(path, O_CREAT | O_TRUNC, &e->images[e->now], 0);
    }
    bool remade = access(w->home, F_OK) == 0;
    if (!remade)
        for (size_t i = 1; i < ENTRIES; i += 2)
            w->entries[i].now = 0;
    check_all(w, "a change in the directory where it is now");
    if (remade)
        must(nftw(w->home, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, w->home);
    must(rename(w->aside, w->home) == 0, w->home);
    check_all(w, "the directory moved back");
}

static void whole_directories(world *w)
{
    mend_all(w);
    warm(w);
    reset(w);
    mend_all(w);
    warm(w);
    remove_and_remake(w, w->home);
    warm(w);
    remove_and_remake(w, w->cache);
    warm(w);
    move_away_and_back(w);
}

/* ------------------------------------------------------------------------------------ the whole */

static void make_key(entry *e, int64_t x)
{
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, e->key, sizeof e->key);
    locache_key_begin(&writer, 1);
    locache_key_name(&writer, "x", 1);
    locache_cbor_write_int(&writer, x);
    must(locache_cbor_writer_status(&writer) == LOCACHE_OK, "a key");
    e->key_size = writer.length;
    locache_cbor_writer_clear(&writer);
}

static void read_image(image *out, const char *path)
{
    struct stat seen;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &seen) == 0, path);
    out->size = (size_t)seen.st_size;
    out->data = malloc(out->size);
    must(out->data != NULL && read(fd, out->data, out->size) == seen.st_size, path);
    close(fd);
}

/* The bytes of every variant are taken from files that were stored, in a cache beside. */
static void make_entries(world *w)
{
    world *beside = calloc(1, sizeof *beside);
    must(beside != NULL, "memory");
    snprintf(beside->cache, sizeof beside->cache, "%s/images.cache", w->directory);
    locache *maker = open_handle(beside, false);
    for (size_t i = 0; i < ENTRIES; i++) {
        entry *e = &w->entries[i];
        make_key(e, (int64_t)i);
        e->handle = w->handles[i % w->handle_count];
        e->recalls = i % w->handle_count % 2 == 0;
        snprintf(e->path, sizeof e->path, "%s/x=%zu", w->home, i);
        snprintf(e->side, sizeof e->side, "%s/side/%zu", w->directory, i);
        char path[LOCACHE_PATH_MAX];
        must(locache_path(path, maker, e->key, e->key_size, NULL) == LOCACHE_OK, "locache_path");
        for (int variant = 0; variant < VARIANTS; variant++) {
            put(maker, e, variant, NULL);
            read_image(&e->images[variant], path);
        }
        must(unlink(path) == 0, path);
    }
    locache_close(maker);
    nftw(beside->cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(beside);
}

static void set_up(world *w, const char *directory, unsigned long settle_ms, size_t handles)
{
    must(strlen(directory) < 200 && handles >= 1 && handles <= HANDLES_MAX, "the arguments");
    snprintf(w->directory, sizeof w->directory, "%s", directory);
    snprintf(w->cache, sizeof w->cache, "%s/stale.cache", directory);
    snprintf(w->home, sizeof w->home, "%s/stale", w->cache);
    snprintf(w->aside, sizeof w->aside, "%s/aside", w->directory);
    char side[300];
    snprintf(side, sizeof side, "%s/side", directory);
    must(mkdir(side, 0700) == 0 || errno == EEXIST, side);
    /* The user's own registry of caches is not to fill with these. */
    must(setenv("XDG_STATE_HOME", side, 1) == 0, "setenv");
    w->settle = (useconds_t)(settle_ms * 1000);
    for (int i = 0; i < VARIANTS; i++)
        objects[i].variant = i;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max; /* a part of them is what handles may keep */
    setrlimit(RLIMIT_NOFILE, &limit);
    for (w->handle_count = 0; w->handle_count < handles; w->handle_count++)
        w->handles[w->handle_count] = open_handle(w, w->handle_count % 2 == 0);
    w->other = open_handle(w, false);
    make_entries(w);
    lc_fault_hook = count_reads;
}

static void fill(world *w, int variant)
{
    for (size_t i = 0; i < ENTRIES; i++)
        put(w->other, &w->entries[i], variant, NULL);
}

/* Every entry was stored by "fill" with the result 0, and changes for the first time. */
static void once(world *w)
{
    all_are(w, 0);
    batch(w, below(w, 2), below(w, 2));
    reset(w);
}

static void many(world *w, unsigned long pairs)
{
    all_are(w, NONE);
    for (unsigned round = 0; w->pairs < pairs; round++) {
        batch(w, round & 1, round & 2);
        if (round % 3 == 0)
            hurry(w, ENTRIES);
        if (round % 16 == 3)
            whole_directories(w);
    }
}

static void tear_down(world *w)
{
    for (size_t i = 0; i < w->handle_count; i++)
        locache_close(w->handles[i]);
    locache_close(w->other);
    for (int i = 0; i < VARIANTS; i++)
        must(objects[i].holders == 0, "an object that is still held");
    for (size_t i = 0; i < ENTRIES; i++)
        for (int variant = 0; variant < VARIANTS; variant++)
            free(w->entries[i].images[variant].data);
    free(w);
}

/* How many entries could be kept open beside directories: a sixteenth of what the process may open,
 * and three quarters of the low numbers at most. */
static size_t may_hold(const world *w)
{
    struct statfs found;
    struct rlimit limit;
    must(statfs(w->directory, &found) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0, w->directory);
    if (found.f_type == OVERLAYFS_SUPER_MAGIC)
        return 0;
    size_t share = limit.rlim_cur / 16 > HELD_LEAST ? limit.rlim_cur / 16 : HELD_LEAST;
    size_t low = limit.rlim_cur / 8 < 1000 ? limit.rlim_cur / 8 : 1000;
    size_t most = share < low / 4 * 3 ? share : low / 4 * 3;
    size_t directories = w->handle_count < 64 ? w->handle_count : 64;
    most = most > directories ? most - directories : 0;
    return most < ENTRIES ? most : ENTRIES;
}

static int conclude(world *w, pid_t child)
{
    int status;
    close(w->to_child);
    must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
         "the other process");
    printf("%lu pairs: %lu stale, %lu lost; from memory: %lu of %lu settled looks, %lu of %lu "
           "young ones; %zu held\n",
           w->pairs, w->stale, w->lost, w->settled_hits, w->settled_looks, w->young_hits,
           w->young_looks, w->held);
    /* All but those that the machine was too slow or too busy for. */
    bool from_memory = w->settled_hits >= w->settled_looks - w->settled_looks / 20;
    if (!from_memory)
        fprintf(stderr, "stale: this looked at files, not at what is in memory\n");
    bool by_descriptor = w->held >= may_hold(w) - may_hold(w) / 20;
    if (!by_descriptor)
        fprintf(stderr, "stale: %zu could be kept open\n", may_hold(w));
    return w->stale == 0 && w->lost == 0 && from_memory && by_descriptor ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: stale DIRECTORY PAIRS|fill|once SETTLE HANDLES [SEED]\n");
        return 2;
    }
    world *w = calloc(1, sizeof *w);
    must(w != NULL, "memory");
    w->random = argc > 5 ? strtoull(argv[5], NULL, 10) : (unsigned long long)time(NULL);
    printf("seed %llu\n", w->random);
    set_up(w, argv[1], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    if (strcmp(argv[2], "fill") == 0) {
        fill(w, 0);
        tear_down(w);
        return 0;
    }
    pid_t child = start_other(w);
    if (strcmp(argv[2], "once") == 0)
        once(w);
    else
        many(w, strtoul(argv[2], NULL, 10));
    int status = conclude(w, child);
    tear_down(w);
    return status;
}
