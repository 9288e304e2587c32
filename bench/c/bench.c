/* `make bench`, the part in C: a memoized function against a direct call, the bare system calls,
 * SQLite and LMDB.
 *
 *     bench DIRECTORY JSON
 *
 * All contenders take turns, ROUNDS times over, each round in a directory of its own below
 * DIRECTORY, so that a machine whose speed drifts slows all alike. A round stores KEYS results,
 * opens the store again, gets each of them once, then gets one of them over and over, when its file
 * is old enough that locache believes what it remembers. Nobody waits for the disk. Shown are
 * medians over the rounds, with the lowest and highest; the ratios are medians over the rounds too,
 * each of two neighbours in time. */
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 25,
    KEYS = 100,
    HITS = 2000,
    FILE_SIZE =
        /* what locache's entry of such a call comes to, and so what the bare system calls write and
         * read */
    158,
    MAP_SIZE = 1 << 24 /* LMDB's, more than all keys need */
};

/* The last: on a disk in memory. */
enum { AGAIN, FIRST, PUT, IN_MEMORY, ROWS };

static const char *const titles[ROWS] = {"repeated hit", "first hit", "put", "put on tmpfs"};
static const char *const row_names[ROWS] = {"hit", "first_hit", "put", "put_in_memory"};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static void must(bool ok, const char *what)
{
    if (!ok)
        fail(what, strerror(errno));
}

static void check(int64_t result, int x)
{
    if (result != (int64_t)x * NUM)
        fail("get", "not what was put");
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* -------------------------------------------------------------------------------- a direct call */

static __attribute__((noinline)) int direct(int x, int num)
{
    __asm__ volatile(""); /* or the call has no effect, and is left out */
    return x * num;
}

static void direct_again(int x)
{
    check(direct(x, NUM), x);
}

/* --------------------------------------------------------------------------------- system calls */

static int files = -1;

static void files_open(const char *dir)
{
    files = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(files >= 0, dir);
}

static void files_close(void)
{
    close(files);
}

static void files_put(int x)
{
    char body[FILE_SIZE] = {0};
    char temporary[32];
    char name[32];
    int64_t result = (int64_t)x * NUM;
    memcpy(body, &result, sizeof result);
    snprintf(temporary, sizeof temporary, ".tmp-%d", x);
    snprintf(name, sizeof name, "x=%d_num=%d", x, NUM);
    int fd = openat(files, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, body, sizeof body) == FILE_SIZE && close(fd) == 0 &&
             renameat(files, temporary, files, name) == 0,
         "temporary file and rename");
}

static void files_get(int x)
{
    char body[4096];
    char name[32];
    struct stat status;
    int64_t result;
    snprintf(name, sizeof name, "x=%d_num=%d", x, NUM);
    int fd = openat(files, name, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &status) == 0 && read(fd, body, sizeof body) == FILE_SIZE &&
             close(fd) == 0,
         name);
    memcpy(&result, body, sizeof result);
    check(result, x);
}

static void files_stat(int x)
{
    struct stat status;
    (void)x;
    must(fstatat(files, "x=0_num=3", &status, AT_SYMLINK_NOFOLLOW) == 0, "fstatat");
}

/* ------------------------------------------------------------------------------------ the macro */

LOCACHE_PERSIST(int, work, (int, x), (int, num))
{
    return x * num;
}

/* Misses, for the first time; hits from then on. */
static void macro_call(int x)
{
    check(work(x, NUM), x);
}

/* ------------------------------------------------------------------------------------ locache.h */

static locache *handle;

static void must_locache(locache_status status, const char *what, const locache_error *error)
{
    if (status != LOCACHE_OK)
        fail(what, status == LOCACHE_MISS ? "a miss" : error->message);
}

static void api_open(const char *dir)
{
    char path[LOCACHE_PATH_MAX];
    locache_error error;
    snprintf(path, sizeof path, "%s/bench.cache", dir);
    must_locache(open_work(&handle, path, &error), "locache_open", &error);
}

static void api_close(void)
{
    locache_close(handle);
}

static void api_put(int x)
{
    locache_error error;
    must_locache(put_work(handle, x, &error), "locache_put", &error);
}

static void api_get(int x)
{
    locache_error error;
    locache_value *value;
    int64_t result = 0;
    must_locache(get_work(&value, handle, x, &error), "locache_get", &error);
    must_locache(locache_value_int(&result, value), "locache_value_int", &error);
    locache_value_free(value);
    check(result, x);
}

/* --------------------------------------------------------------------------------------- SQLite */

static sqlite3 *database;
static sqlite3_stmt *select_one;
static sqlite3_stmt *insert_one;

static void must_sqlite(int code, int expected)
{
    if (code != expected)
        fail("SQLite", sqlite3_errmsg(database));
}

static void sqlite_open(const char *dir, const char *synchronous)
{
    char path[LOCACHE_PATH_MAX];
    char pragma[64];
    snprintf(path, sizeof path, "%s/cache.db", dir);
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous=%s", synchronous);
    must_sqlite(sqlite3_open(path, &database), SQLITE_OK);
    must_sqlite(sqlite3_exec(database, "PRAGMA journal_mode=WAL", NULL, NULL, NULL), SQLITE_OK);
    must_sqlite(sqlite3_exec(database, pragma, NULL, NULL, NULL), SQLITE_OK);
    must_sqlite(
        sqlite3_exec(database,
                     "CREATE TABLE IF NOT EXISTS work(x INTEGER, num INTEGER, result INTEGER, "
                     "PRIMARY KEY(x, num)) WITHOUT ROWID",
                     NULL, NULL, NULL),
        SQLITE_OK);
    must_sqlite(sqlite3_prepare_v2(database, "SELECT result FROM work WHERE x=? AND num=?", -1,
                                   &select_one, NULL),
                SQLITE_OK);
    must_sqlite(sqlite3_prepare_v2(database, "INSERT OR REPLACE INTO work VALUES(?, ?, ?)", -1,
                                   &insert_one, NULL),
                SQLITE_OK);
}

static void sqlite_open_off(const char *dir)
{
    sqlite_open(dir, "OFF");
}

static void sqlite_open_normal(const char *dir)
{
    sqlite_open(dir, "NORMAL");
}

static void sqlite_close(void)
{
    sqlite3_finalize(select_one);
    sqlite3_finalize(insert_one);
    must_sqlite(sqlite3_close(database), SQLITE_OK);
}

static void sqlite_put(int x)
{
    must_sqlite(sqlite3_bind_int(insert_one, 1, x), SQLITE_OK);
    must_sqlite(sqlite3_bind_int(insert_one, 2, NUM), SQLITE_OK);
    must_sqlite(sqlite3_bind_int64(insert_one, 3, (int64_t)x * NUM), SQLITE_OK);
    must_sqlite(sqlite3_step(insert_one), SQLITE_DONE);
    must_sqlite(sqlite3_reset(insert_one), SQLITE_OK);
}

static void sqlite_get(int x)
{
    must_sqlite(sqlite3_bind_int(select_one, 1, x), SQLITE_OK);
    must_sqlite(sqlite3_bind_int(select_one, 2, NUM), SQLITE_OK);
    must_sqlite(sqlite3_step(select_one), SQLITE_ROW);
    check(sqlite3_column_int64(select_one, 0), x);
    must_sqlite(sqlite3_reset(select_one), SQLITE_OK);
}

/* ----------------------------------------------------------------------------------------- LMDB */

static MDB_env *environment;
static MDB_dbi table;
static MDB_txn *reading;

static void must_lmdb(int code)
{
    if (code != 0)
        fail("LMDB", mdb_strerror(code));
}

static void lmdb_open(const char *dir)
{
    MDB_txn *txn;
    must_lmdb(mdb_env_create(&environment));
    must_lmdb(mdb_env_set_mapsize(environment, MAP_SIZE));
    must_lmdb(mdb_env_open(environment, dir, MDB_NOSYNC, 0600));
    must_lmdb(mdb_txn_begin(environment, NULL, 0, &txn));
    must_lmdb(mdb_dbi_open(txn, NULL, 0, &table));
    must_lmdb(mdb_txn_commit(txn));
    /* Kept and renewed, which is what its manual advises for speed. */
    must_lmdb(mdb_txn_begin(environment, NULL, MDB_RDONLY, &reading));
    mdb_txn_reset(reading);
}

static void lmdb_close(void)
{
    mdb_txn_abort(reading);
    mdb_env_close(environment);
}

static void lmdb_put(int x)
{
    int arguments[2] = {x, NUM};
    int64_t result = (int64_t)x * NUM;
    MDB_val key = {sizeof arguments, arguments};
    MDB_val data = {sizeof result, &result};
    MDB_txn *txn;
    must_lmdb(mdb_txn_begin(environment, NULL, 0, &txn));
    must_lmdb(mdb_put(txn, table, &key, &data, 0));
    must_lmdb(mdb_txn_commit(txn));
}

static void lmdb_get(int x)
{
    int arguments[2] = {x, NUM};
    int64_t result;
    MDB_val key = {sizeof arguments, arguments};
    MDB_val data;
    must_lmdb(mdb_txn_renew(reading));
    must_lmdb(mdb_get(reading, table, &key, &data));
    memcpy(&result, data.mv_data, sizeof result);
    mdb_txn_reset(reading);
    check(result, x);
}

/* ------------------------------------------------------------------------------------ measuring */

typedef struct contender {
    const char *name;
    void (*open)(const char *dir); /* may be NULL, with close */
    void (*close)(void);
    void (*run[ROWS])(int x); /* NULL: it has no such row */
} contender;

enum { DIRECT, MACRO, API, FILES, SQLITE_OFF, SQLITE_NORMAL, LMDB, CONTENDERS };

static const contender contenders[CONTENDERS] = {
    [DIRECT] = {"direct call", NULL, NULL, {[AGAIN] = direct_again}},
    [MACRO] = {"LOCACHE_PERSIST", NULL, NULL, {[AGAIN] = macro_call}},
    [API] = {"locache.h", api_open, api_close, {api_get, api_get, api_put}},
    [FILES] = {"system calls", files_open, files_close, {files_stat, files_get, files_put}},
    [SQLITE_OFF] = {"SQLite OFF",
                    sqlite_open_off,
                    sqlite_close,
                    {sqlite_get, sqlite_get, sqlite_put}},
    [SQLITE_NORMAL] = {"SQLite NORMAL",
                       sqlite_open_normal,
                       sqlite_close,
                       {sqlite_get, sqlite_get, sqlite_put}},
    [LMDB] = {"LMDB", lmdb_open, lmdb_close, {lmdb_get, lmdb_get, lmdb_put}},
};

typedef struct figures {
    double of[CONTENDERS][ROWS][ROUNDS]; /* nanoseconds per operation; 0 where there is none */
} figures;

/* Nanoseconds per call of run(0), run(step), ... */
static double measure(void (*run)(int x), int count, int step)
{
    if (run == NULL)
        return 0;
    double start = now();
    for (int i = 0; i < count; i++)
        run(i * step);
    return (now() - start) / count;
}

static void reopen(const contender *one, const char *dir)
{
    if (one->open == NULL)
        return;
    one->close();
    one->open(dir);
}

static void take_turn(figures *out, int which, int round, const char *top)
{
    char dir[LOCACHE_PATH_MAX];
    const contender *one = &contenders[which];
    snprintf(dir, sizeof dir, "%s/%d-%d", top, which, round);
    must(mkdir(dir, 0700) == 0, dir);
    if (one->open != NULL)
        one->open(dir);
    /* The first of all makes directories, or looks for what an earlier process left. */
    (one->run[PUT] != NULL ? one->run[PUT] : one->run[AGAIN])(-1);
    out->of[which][PUT][round] = measure(one->run[PUT], KEYS, 1);
    reopen(one, dir);
    out->of[which][FIRST][round] = measure(one->run[FIRST], KEYS, 1);
    one->run[AGAIN](0);
    nanosleep(&(struct timespec){.tv_nsec = SETTLED}, NULL);
    one->run[AGAIN](0);
    out->of[which][AGAIN][round] = measure(one->run[AGAIN], HITS, 0);
    if (one->open != NULL)
        one->close();
}

/* What a put takes where files cost least, beside the system calls that it makes. */
static void take_turn_in_memory(figures *out, int which, int round, const char *top)
{
    static figures there;
    take_turn(&there, which, round, top);
    out->of[which][IN_MEMORY][round] = there.of[which][PUT][round];
}

/* -------------------------------------------------------------------------------------- showing */

typedef struct summary {
    double median;
    double low;
    double high;
} summary;

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static summary summarise(const double values[ROUNDS])
{
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof sorted[0], compare);
    return (summary){.median = sorted[ROUNDS / 2], .low = sorted[0], .high = sorted[ROUNDS - 1]};
}

typedef struct target {
    int which;
    int row;
    double most; /* times the bare system calls */
    const char *bare;
} target;

static const target targets[] = {
    {MACRO, AGAIN, 1.3, "fstatat"},
    {API, AGAIN, 1.3, "fstatat"},
    {API, FIRST, 2.0, "openat+fstat+read+close"},
    {API, PUT, 1.5, "temporary file and rename"},
    {API, IN_MEMORY, 1.3, "temporary file and rename"},
};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static double ratio(const figures *all, const target *goal)
{
    double ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        ratios[i] = all->of[goal->which][goal->row][i] / all->of[FILES][goal->row][i];
    return summarise(ratios).median;
}

static void in_units(char out[16], double nanoseconds)
{
    if (nanoseconds < 1e4)
        snprintf(out, 16, nanoseconds < 10 ? "%.1f ns" : "%.0f ns", nanoseconds);
    else
        snprintf(out, 16, "%.0f us", nanoseconds / 1e3);
}

static void print_cells(const figures *all, int row, bool spread)
{
    printf("%-14s", spread ? "" : titles[row]);
    for (int i = 0; i < CONTENDERS; i++) {
        char low[16];
        char high[16];
        char cell[40] = "";
        summary shown = summarise(all->of[i][row]);
        in_units(low, spread ? shown.low : shown.median);
        in_units(high, shown.high);
        if (shown.high > 0)
            snprintf(cell, sizeof cell, spread ? "%s-%s" : "%s", low, high);
        printf("%18s", cell);
    }
    putchar('\n');
}

static void print_table(const figures *all)
{
    printf("In C; medians of %d rounds, with the lowest and highest; SQLite " SQLITE_VERSION
           " by prepared statements in WAL\n"
           "mode, synchronous OFF and NORMAL; LMDB %d.%d.%d with MDB_NOSYNC\n\n%-14s",
           ROUNDS, MDB_VERSION_MAJOR, MDB_VERSION_MINOR, MDB_VERSION_PATCH, "");
    for (int i = 0; i < CONTENDERS; i++)
        printf("%18s", contenders[i].name);
    putchar('\n');
    for (int row = 0; row < ROWS; row++) {
        print_cells(all, row, false);
        print_cells(all, row, true);
    }
    putchar('\n');
    for (int i = 0; i < TARGETS; i++) {
        double measured = ratio(all, &targets[i]);
        printf("  %-7s %s, %s: %.2f x the bare %s (target: at most %.1f x)\n",
               measured <= targets[i].most ? "met" : "MISSED", titles[targets[i].row],
               contenders[targets[i].which].name, measured, targets[i].bare, targets[i].most);
    }
}

static void write_json(const char *path, const figures *all)
{
    FILE *out = fopen(path, "w");
    must(out != NULL, path);
    fprintf(out, "{\"rounds\": %d,\n \"figures\": {", ROUNDS);
    for (int i = 0; i < CONTENDERS; i++) {
        const char *between = "";
        fprintf(out, "%s\n  \"%s\": {", i > 0 ? "," : "", contenders[i].name);
        for (int row = 0; row < ROWS; row++) {
            summary of_row = summarise(all->of[i][row]);
            if (of_row.high == 0)
                continue;
            fprintf(out, "%s\"%s\": {\"median\": %.1f, \"low\": %.1f, \"high\": %.1f}", between,
                    row_names[row], of_row.median, of_row.low, of_row.high);
            between = ", ";
        }
        fputc('}', out);
    }
    fputs("},\n \"targets\": [", out);
    for (int i = 0; i < TARGETS; i++) {
        double measured = ratio(all, &targets[i]);
        fprintf(out,
                "%s\n  {\"row\": \"%s\", \"of\": \"%s\", \"over\": \"%s\", \"measured\": %.3f, "
                "\"target\": %.1f, "
                "\"met\": %s}",
                i > 0 ? "," : "", row_names[targets[i].row], contenders[targets[i].which].name,
                targets[i].bare, measured, targets[i].most,
                measured <= targets[i].most ? "true" : "false");
    }
    fputs("]}\n", out);
    must(fclose(out) == 0, path);
}

int main(int argc, char **argv)
{
    static figures measured;
    char dir[LOCACHE_PATH_MAX];
    locache_error error;
    if (argc != 4)
        fail("usage", "bench DIRECTORY JSON DIRECTORY-IN-MEMORY");
    snprintf(dir, sizeof dir, "%s/macro.cache", argv[1]);
    must_locache(locache_set_dir(dir, &error), "locache_set_dir", &error);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CONTENDERS; i++)
            take_turn(&measured, (round + i) % CONTENDERS, round, argv[1]);
        take_turn_in_memory(&measured, round % 2 == 0 ? API : FILES, round, argv[3]);
        take_turn_in_memory(&measured, round % 2 == 0 ? FILES : API, round, argv[3]);
    }
    print_table(&measured);
    write_json(argv[2], &measured);
}
