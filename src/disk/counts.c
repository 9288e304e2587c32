/* The file of a function's counts: records that processes append, and fold into one now and then.
 *
 * A record is appended in one write, which no two processes do at the same place, so that adding
 * needs no lock and a process that is killed leaves a record or none. Considered and left: words in
 * a shared mapping, added to by the processor. Whoever truncates the file, and a disk without a
 * block for a hole in it, would end every process that adds (SIGBUS), and two machines that share a
 * directory would count each in its own memory.
 *
 * What must hold: no record is counted twice, and none is lost by a fold. Who folds holds a lock
 * against others who do, not against those who add:
 *
 *     1  he reads the records, and writes their sum to a new file, which takes the name;
 *     2  he appends a seal to the old file, which has no name any more;
 *     3  what was appended to it between his reading and the seal, he adds to the new file.
 *
 * Who has added looks whether his file still has its name. Where it has not, the seal tells: before
 * it, or where there is none yet, his record is counted by who folds; behind it, he adds it once
 * more. A process that is killed between 1 and 3 loses what others added meanwhile.
 *
 * A record is whole, by its checksum, or it does not count: what a full disk cut off, what a power
 * cut left, and what two machines wrote over each other is passed over, byte by byte. */
#include "disk/counts.h"
#include "base/alloc.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/owner.h"
#include "disk/share.h"

#include <fcntl.h>
#include <string.h>

#define RECORD 128
#define AT_CHECKSUM (RECORD - LC_CHECKSUM_SIZE)
#define SECOND INT64_C(1000000000)
/* Folded from so many bytes on: reading them takes some ten microseconds. */
#define FOLD_FROM (256 * RECORD)
/* No more is read: what is as large is no file of ours, or of a directory without locks, where
 * nobody folds. */
#define READ_MAX ((size_t)1 << 20)
/* Records of the last seconds stay as they are, so that it can be told who uses the cache now. */
#define RECENT (10 * SECOND)
#define RECENT_MAX 64
/* A file that is replaced or deleted as often as it is opened: somebody does so in a loop. */
#define ATTEMPTS 8

enum { KIND_COUNTS = 1, KIND_SEAL = 2 };

/* Words of a record, little-endian, after the magic. */
enum { AT_KIND = 1, AT_PROCESS, AT_SINCE, AT_UNTIL, AT_NUMBERS };
_Static_assert((AT_NUMBERS + LC_COUNTS) * 8 <= AT_CHECKSUM, "what is left is zeros");

static const unsigned char magic[8] = {'L', 'O', 'C', 'C', 'N', 'T', 'S', 1};

/* -------------------------------------------------------------------------------------- records */

static void set_word(unsigned char *record, unsigned at, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++)
        record[8 * at + i] = (unsigned char)(word >> (8 * i));
}

static uint64_t unpack_word(const unsigned char *record, unsigned at)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)record[8 * at + i] << (8 * i);
    return word;
}

static void build(unsigned char out[RECORD], uint64_t kind, const lc_counts *of)
{
    memset(out, 0, RECORD);
    memcpy(out, magic, sizeof magic);
    set_word(out, AT_KIND, kind);
    set_word(out, AT_PROCESS, of->process);
    set_word(out, AT_SINCE, (uint64_t)of->since);
    set_word(out, AT_UNTIL, (uint64_t)of->until);
    for (unsigned i = 0; i < LC_COUNTS; i++)
        set_word(out, AT_NUMBERS + i, of->numbers[i]);
    lc_checksum(out + AT_CHECKSUM, &(lc_span){out, AT_CHECKSUM}, 1);
}

/* The kind of the record that begins there; 0: none does. */
static uint64_t parse(lc_counts *out, const unsigned char *record)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    if (memcmp(record, magic, sizeof magic) != 0)
        return 0;
    lc_checksum(sum, &(lc_span){record, AT_CHECKSUM}, 1);
    if (memcmp(record + AT_CHECKSUM, sum, sizeof sum) != 0)
        return 0;
    out->process = (uint32_t)unpack_word(record, AT_PROCESS);
    out->since = (int64_t)unpack_word(record, AT_SINCE);
    out->until = (int64_t)unpack_word(record, AT_UNTIL);
    for (unsigned i = 0; i < LC_COUNTS; i++)
        out->numbers[i] = unpack_word(record, AT_NUMBERS + i);
    return unpack_word(record, AT_KIND);
}

void lc_counts_join(lc_counts *sum, const lc_counts *more)
{
    for (unsigned i = 0; i < LC_COUNTS; i++) {
        uint64_t room = UINT64_MAX - sum->numbers[i];
        sum->numbers[i] += more->numbers[i] < room ? more->numbers[i] : room;
    }
    if (sum->since == 0 || (more->since != 0 && more->since < sum->since))
        sum->since = more->since;
    if (more->until > sum->until)
        sum->until = more->until;
    sum->process = 0;
}

/* ------------------------------------------------------------------------------------ the bytes */

typedef struct content {
    unsigned char *bytes; /* owned */
    size_t size;
    size_t sound; /* where the last record ends: what follows may be one that is being written */
    bool sealed;
    size_t seal; /* where that begins */
} content;

/* Of an open file, from an offset on. Nothing where it cannot be read. */
static void read_content(content *out, int fd, uint64_t from)
{
    struct stat found;
    *out = (content){.bytes = NULL};
    if (lc_fstat(fd, &found) != 0 || found.st_size <= 0 || (uint64_t)found.st_size <= from)
        return;
    uint64_t rest = (uint64_t)found.st_size - from;
    size_t size = rest < READ_MAX ? (size_t)rest : READ_MAX;
    out->bytes = lc_alloc(size);
    if (out->bytes == NULL)
        return;
    ssize_t got = lc_pread_full(fd, out->bytes, size, from);
    out->size = got > 0 ? (size_t)got : 0;
}

/* Call fn with each record up to the seal, and with where it is. */
static void each_record(content *in,
                        void (*fn)(void *context, const lc_counts *one,
                                   const unsigned char *record),
                        void *context)
{
    lc_counts one;
    for (size_t at = 0; !in->sealed && at + RECORD <= in->size;) {
        uint64_t kind = parse(&one, in->bytes + at);
        if (kind == 0) {
            at++;
            continue;
        }
        in->sealed = kind == KIND_SEAL;
        in->seal = at;
        if (kind == KIND_COUNTS)
            fn(context, &one, in->bytes + at);
        at += RECORD;
        in->sound = at;
    }
}

/* ----------------------------------------------------------------------------------------- fold */

typedef struct folding {
    lc_counts sum;
    int64_t recent_from;
    int64_t now;
    size_t recent_count;
    unsigned char recent[RECENT_MAX * RECORD];
} folding;

static void fold_one(void *context, const lc_counts *one, const unsigned char *record)
{
    folding *in = context;
    bool recent = one->process != 0 && one->until >= in->recent_from && one->until <= in->now;
    if (recent && in->recent_count < RECENT_MAX)
        memcpy(in->recent + RECORD * in->recent_count++, record, RECORD);
    else
        lc_counts_join(&in->sum, one);
}

static void sum_one(void *context, const lc_counts *one, const unsigned char *record)
{
    (void)record;
    lc_counts_join(context, one);
}

static int write_folded(const lc_directory *at, const folding *in)
{
    unsigned char first[RECORD];
    lc_temporary temporary;
    const lc_span spans[] = {{first, RECORD}, {in->recent, in->recent_count * RECORD}};
    build(first, KIND_COUNTS, &in->sum);
    if (lc_temporary_create_meta(&temporary, at->dir) != 0)
        return -1;
    return lc_temporary_share(&temporary, at->mode) == 0 &&
                   lc_temporary_write(&temporary, spans, 2) == 0 &&
                   lc_temporary_publish(&temporary, at->dir, LC_COUNTS_NAME) == 0
               ? 0
               : -1;
}

static bool has_name(const lc_directory *at, int fd)
{
    struct stat own;
    struct stat named;
    return lc_fstat(fd, &own) == 0 && lc_fstatat(at->dir, LC_COUNTS_NAME, &named) == 0 &&
           own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

/* The file's sum in its place. *late: what was added to the old one meanwhile, to be added to the
 * new one. */
static void replace_lock_held(lc_counts *late, const lc_directory *at, int fd)
{
    unsigned char seal[RECORD];
    content read;
    folding *in = lc_alloc(sizeof *in);
    if (in == NULL)
        return;
    memset(in, 0, sizeof *in);
    in->now = lc_now();
    in->recent_from = in->now - RECENT;
    read_content(&read, fd, 0);
    each_record(&read, fold_one, in);
    if (read.bytes != NULL && write_folded(at, in) == 0) {
        size_t from = read.sound;
        build(seal, KIND_SEAL, &(lc_counts){.until = in->now});
        (void)!lc_append(fd, seal, RECORD, read.size);
        lc_free(read.bytes);
        read_content(&read, fd, from);
        each_record(&read, sum_one, late);
    }
    lc_free(read.bytes);
    lc_free(in);
}

static void fold(lc_counts *late, const lc_directory *at, int fd, int64_t size)
{
    /* Where there are no locks, it begins anew instead. */
    if (lc_lock_within(fd, 0, NULL, NULL) == 0) {
        if (has_name(at, fd))
            replace_lock_held(late, at, fd);
        lc_unlock(fd);
    } else if (size > (int64_t)READ_MAX && has_name(at, fd)) {
        lc_counts_forget(at->dir);
    }
}

/* ------------------------------------------------------------------------------------------ add */

/* Is a record that was appended at this place, to a file which has no name any more, counted by who
 * folds? */
static bool is_before_seal(int fd, int64_t place)
{
    content read;
    lc_counts unused = {.since = 0};
    read_content(&read, fd, 0);
    each_record(&read, sum_one, &unused);
    bool before = !read.sealed || (int64_t)read.seal > place;
    lc_free(read.bytes);
    return before;
}

typedef enum added { ADDED, AGAIN, FAILED } added;

/* What has the name may be a link to some other file, which is not written to. */
static added open_to_add(int *out, uint64_t *end, const lc_directory *at, bool make)
{
    struct stat found = {.st_nlink = 1};
    if (!lc_owner_meta(at->dir, at->owner))
        return FAILED;
    *out = lc_openat(at->dir, LC_COUNTS_NAME, O_RDWR | O_APPEND | (make ? O_CREAT : 0), 0600);
    if (*out < 0)
        return FAILED;
    if (make && at->mode != 0)
        (void)!lc_share_file(*out, at->mode); /* another member's has its rights already */
    if (lc_fstat(*out, &found) == 0 &&
        lc_owner_file(*out, &found, &(lc_owner_in){at->dir, at->owner}, at->path, LC_COUNTS_NAME,
                      NULL) == LOCACHE_OK &&
        found.st_nlink == 1) {
        *end = (uint64_t)found.st_size;
        return ADDED;
    }
    lc_close(*out);
    return found.st_nlink == 0 ? AGAIN : FAILED;
}

/* late: NULL, nothing is folded. */
static added append_record(lc_counts *late, const lc_directory *at,
                           const unsigned char record[RECORD], bool make)
{
    struct stat found = {.st_nlink = 1};
    uint64_t end;
    int fd;
    added result = open_to_add(&fd, &end, at, make);
    if (result != ADDED)
        return result;
    if (lc_append(fd, record, RECORD, end) != 0)
        result = FAILED;
    else if (lc_fstat(fd, &found) == 0 && found.st_nlink == 0)
        result = is_before_seal(fd, lc_position(fd) - RECORD) ? ADDED : AGAIN;
    else if (late != NULL && found.st_size >= FOLD_FROM)
        fold(late, at, fd, found.st_size);
    lc_close(fd);
    return result;
}

static int add_one(lc_counts *late, const lc_directory *at, const lc_counts *more, bool make)
{
    unsigned char record[RECORD];
    added result = AGAIN;
    build(record, KIND_COUNTS, more);
    for (int attempt = 0; result == AGAIN && attempt < ATTEMPTS; attempt++)
        result = append_record(late, at, record, make);
    return result == ADDED ? 0 : -1;
}

int lc_counts_add(const lc_directory *at, const lc_counts *more, bool make)
{
    lc_counts late = {.since = 0};
    int result = add_one(&late, at, more, make);
    /* Nothing more can be done where this fails: it was others'. Who adds next folds, if others
     * have filled the new file already: here it would have to be done again for what came late to
     * that. */
    if (late.since != 0)
        (void)!add_one(NULL, at, &late, make);
    return result;
}

/* ----------------------------------------------------------------------------------------- read */

typedef struct reading {
    void (*fn)(void *context, const lc_counts *one);
    void *context;
} reading;

static void tell_one(void *context, const lc_counts *one, const unsigned char *record)
{
    const reading *in = context;
    (void)record;
    in->fn(in->context, one);
}

bool lc_counts_each(const lc_directory *at, void (*fn)(void *context, const lc_counts *one),
                    void *context)
{
    reading in = {fn, context};
    struct stat found;
    content read;
    if (!lc_owner_meta(at->dir, at->owner))
        return false;
    int fd = lc_openat(at->dir, LC_COUNTS_NAME, O_RDONLY, 0);
    if (fd < 0)
        return false;
    bool ours =
        lc_fstat(fd, &found) == 0 && lc_owner_file(fd, &found, &(lc_owner_in){at->dir, at->owner},
                                                   at->path, LC_COUNTS_NAME, NULL) == LOCACHE_OK;
    if (ours) {
        read_content(&read, fd, 0);
        each_record(&read, tell_one, &in);
        lc_free(read.bytes);
    }
    lc_close(fd);
    return ours;
}

static void join_one(void *context, const lc_counts *one)
{
    lc_counts_join(context, one);
}

bool lc_counts_read(lc_counts *out, const lc_directory *at)
{
    *out = (lc_counts){.since = 0};
    return lc_counts_each(at, join_one, out);
}

void lc_counts_forget(int dir)
{
    (void)lc_unlinkat(dir, LC_COUNTS_NAME, 0);
}
