/* What a file holds, as a digest: read once, and remembered by which file it is, its size and its
 * times. A directory is the digest of a list: each name in it, of what kind it is, and its digest.
 *
 * What is remembered is a function of the command's cache, `--file`: (device, inode) to (size,
 * times, digest). A file that was written to just now is not remembered: it may be written to again
 * within the grain of its times. */
#include "print.h"
#include "run.h"
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Below, to read it costs no more than to look up what is remembered. */
#define REMEMBERED_FROM ((off_t)64 << 10)
/* Nanoseconds: the coarsest times of a file system in use, FAT's. */
#define GRAIN INT64_C(2000000000)
/* Directories within directories that are followed: each takes a descriptor. */
#define TREE_DEPTH 200

typedef struct hashing {
    const char *place;
    locache *notes; /* NULL: not opened, or not to be had */
    const char *failed;
    int error;
} hashing;

static int64_t moment(struct timespec time)
{
    return (int64_t)time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static bool fail_at(hashing *in, const char *name, int error)
{
    if (in->error == 0) {
        in->error = error;
        in->failed = name;
    }
    return false;
}

/* --------------------------------------------------------------------------- what is remembered */

typedef struct noted {
    int64_t size;
    int64_t modified;
    int64_t changed;
    unsigned char digest[CLI_RUN_DIGEST];
} noted;

static void note_key(locache_cbor_writer *key, const struct stat *found)
{
    locache_key_begin(key, 2);
    locache_key_name(key, "device", 6);
    locache_cbor_write_uint(key, (uint64_t)found->st_dev);
    locache_key_name(key, "inode", 5);
    locache_cbor_write_uint(key, (uint64_t)found->st_ino);
}

static bool open_notes(hashing *in)
{
    locache_error error;
    const locache_options options = {
        .size = sizeof options,
        .function = "--file",
        .memory_entries = -1,
        .base = "", /* what is noted of files of this machine */
    };
    return in->notes != NULL || (in->place != NULL && locache_open(&in->notes, in->place, &options,
                                                                   &error) == LOCACHE_OK);
}

static void note_of(noted *out, const struct stat *found)
{
    memset(out, 0, sizeof *out);
    out->size = found->st_size;
    out->modified = moment(found->st_mtim);
    out->changed = moment(found->st_ctim);
}

static bool recall_digest(unsigned char out[CLI_RUN_DIGEST], hashing *in, const struct stat *found)
{
    unsigned char room[64];
    locache_cbor_writer key;
    locache_value *value;
    locache_error error;
    noted now, then;
    size_t size;
    bool known = false;
    if (!open_notes(in))
        return false;
    locache_cbor_writer_init(&key, room, sizeof room);
    note_key(&key, found);
    note_of(&now, found);
    if (locache_get(&value, in->notes, key.data, key.length, &error) == LOCACHE_OK) {
        const void *body = locache_value_body(&size, value);
        if (locache_value_codec(value) == LOCACHE_CODEC_RAW && size == sizeof then) {
            memcpy(&then, body, sizeof then);
            known = then.size == now.size && then.modified == now.modified &&
                    then.changed == now.changed;
            if (known)
                memcpy(out, then.digest, CLI_RUN_DIGEST);
        }
        locache_value_free(value);
    }
    locache_cbor_writer_clear(&key);
    return known;
}

static void remember_digest(const unsigned char digest[CLI_RUN_DIGEST], hashing *in,
                            const struct stat *found, int64_t now)
{
    unsigned char room[64];
    locache_cbor_writer key;
    locache_error error;
    noted note;
    note_of(&note, found);
    if (!open_notes(in) || now - note.modified < GRAIN || now - note.changed < GRAIN)
        return;
    memcpy(note.digest, digest, CLI_RUN_DIGEST);
    locache_cbor_writer_init(&key, room, sizeof room);
    note_key(&key, found);
    const locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = &note, .body_size = sizeof note};
    /* Where it cannot be, the file is read again. */
    if (locache_put(in->notes, key.data, key.length, &record, &error) != LOCACHE_OK)
        in->place = NULL;
    locache_cbor_writer_clear(&key);
}

/* --------------------------------------------------------------------------------------- a file */

/* Files of /proc say that they are empty. */
static int digest_stream(unsigned char out[CLI_RUN_DIGEST], int fd)
{
    char some[4096];
    ssize_t got;
    cli_spool bytes;
    cli_spool_begin(&bytes, NULL);
    while ((got = read(fd, some, sizeof some)) > 0 || (got < 0 && errno == EINTR))
        cli_spool_add(&bytes, some, got > 0 ? (size_t)got : 0);
    int error = got < 0 ? errno : 0;
    if (error == 0)
        error = cli_spool_digest(out, &bytes);
    cli_spool_clear(&bytes);
    return error;
}

static bool digest_file(unsigned char out[CLI_RUN_DIGEST], hashing *in, int fd, const char *name,
                        const struct stat *found)
{
    struct stat after;
    int64_t now = cli_now();
    if (found->st_size == 0) {
        int error = digest_stream(out, fd);
        return error == 0 || fail_at(in, name, error);
    }
    if (found->st_size >= REMEMBERED_FROM && recall_digest(out, in, found))
        return true;
    int error = cli_digest_file(out, fd, (size_t)found->st_size);
    if (error != 0 || fstat(fd, &after) != 0)
        return fail_at(in, name, error != 0 ? error : errno);
    if (found->st_size >= REMEMBERED_FROM && after.st_size == found->st_size &&
        moment(after.st_mtim) == moment(found->st_mtim) &&
        moment(after.st_ctim) == moment(found->st_ctim))
        remember_digest(out, in, found, now);
    return true;
}

/* --------------------------------------------------------------------------------------- a tree */

typedef struct listing {
    char **names;
    size_t count;
    size_t room;
} listing;

static bool list_name(listing *list, const char *name)
{
    if (list->count == list->room) {
        size_t room = list->room != 0 ? 2 * list->room : 64;
        char **larger = realloc(list->names, room * sizeof *larger);
        if (larger == NULL)
            return false;
        list->names = larger;
        list->room = room;
    }
    list->names[list->count] = strdup(name);
    return list->names[list->count] != NULL && ++list->count > 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_directory(listing *list, DIR *stream)
{
    struct dirent *one;
    errno = 0;
    while ((one = readdir(stream)) != NULL) {
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0)
            continue;
        if (!list_name(list, one->d_name))
            return ENOMEM;
        errno = 0;
    }
    if (errno == 0 && list->count > 0)
        qsort(list->names, list->count, sizeof *list->names, by_bytes);
    return errno;
}

static bool digest_directory(unsigned char out[CLI_RUN_DIGEST], hashing *in, int fd,
                             unsigned depth);

/* One thing in a directory, onto the list. Links count by where they lead: what is there is none of
 * the tree's. */
static bool add_member(locache_cbor_writer *list, hashing *in, int at, char *name, unsigned depth)
{
    unsigned char digest[CLI_RUN_DIGEST];
    char target[LOCACHE_PATH_MAX];
    struct stat found;
    locache_cbor_write_bytes(list, name, strlen(name));
    if (fstatat(at, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_at(in, name, errno);
    locache_cbor_write_uint(list, found.st_mode & S_IFMT);
    if (S_ISLNK(found.st_mode)) {
        ssize_t size = readlinkat(at, name, target, sizeof target);
        locache_cbor_write_bytes(list, target, size > 0 ? (size_t)size : 0);
        return size >= 0 || fail_at(in, name, errno);
    }
    if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return true;
    int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) != 0) {
        int error = errno;
        if (fd >= 0)
            (void)close(fd);
        return fail_at(in, name, error);
    }
    bool done = S_ISDIR(found.st_mode) ? digest_directory(digest, in, fd, depth + 1)
                                       : digest_file(digest, in, fd, name, &found);
    (void)close(fd);
    locache_cbor_write_bytes(list, digest, done ? sizeof digest : 0);
    return done;
}

/* fd stays the caller's. */
static bool digest_directory(unsigned char out[CLI_RUN_DIGEST], hashing *in, int fd, unsigned depth)
{
    listing list = {.count = 0};
    locache_cbor_writer bytes;
    if (depth > TREE_DEPTH)
        return fail_at(in, "a directory", ELOOP);
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *stream = own >= 0 ? fdopendir(own) : NULL;
    if (stream == NULL) {
        int error = errno;
        if (own >= 0)
            (void)close(own);
        return fail_at(in, "a directory", error);
    }
    locache_cbor_writer_init(&bytes, NULL, 0);
    int error = list_directory(&list, stream);
    bool done = error == 0 || fail_at(in, "a directory", error);
    for (size_t n = 0; n < list.count; n++) {
        /* What failed is told by its name, which is freed here. */
        done = done && add_member(&bytes, in, fd, list.names[n], depth);
        if (!done)
            in->failed = "something in it";
        free(list.names[n]);
    }
    if (done && locache_cbor_writer_status(&bytes) != LOCACHE_OK)
        done = fail_at(in, "a directory", ENOMEM);
    if (done)
        locache_digest(out, bytes.data, bytes.length);
    locache_cbor_writer_clear(&bytes);
    free(list.names);
    (void)closedir(stream);
    return done;
}

static char digest_opened(unsigned char out[CLI_RUN_DIGEST], hashing *in, int fd, const char *path)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        (void)fail_at(in, path, errno);
    else if (S_ISDIR(found.st_mode))
        return digest_directory(out, in, fd, 0) ? 'd' : 0;
    else if (S_ISREG(found.st_mode))
        return digest_file(out, in, fd, path, &found) ? 'f' : 0;
    else
        (void)fail_at(in, path, EINVAL);
    return 0;
}

char cli_run_digest_path(unsigned char out[CLI_RUN_DIGEST], const char *path, const char *place)
{
    hashing in = {.place = place != NULL && place[0] != '\0' ? place : NULL};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return '-';
    char kind = 0;
    if (fd < 0)
        (void)fail_at(&in, path, errno);
    else
        kind = digest_opened(out, &in, fd, path);
    if (fd >= 0)
        (void)close(fd);
    locache_close(in.notes);
    if (kind == 0 && in.error == EINVAL)
        cli_error("run: --file %.999s: neither a file nor a directory: not cached", path);
    else if (kind == 0)
        cli_error("run: --file %.999s: %s: not cached", path, strerror(in.error));
    return kind;
}
