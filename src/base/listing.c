/* The names in a directory, asked for as they are needed: where some of a large one are looked at,
 * what readdir() asks for (32 KiB) takes as long as a thousand names do. */
#include "base/listing.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#else
#include <dirent.h>
#endif

/* Bytes of names that are asked for at once: of a listing, and of a look at some. A file system
 * takes as long for a name that is not looked at (tmpfs: a third of a microsecond). */
#define LIST_BYTES 32768
#define LOOK_BYTES 4096
/* Where there is no memory for that: what was half made is to be found and removed then, too. */
#define FEW_BYTES 1024

static bool is_name(const char *name)
{
    return name[0] != '.' || (name[1] != '\0' && (name[1] != '.' || name[2] != '\0'));
}

/* The descriptor is consumed. */
#ifdef __linux__
/* What the system puts before each name, which ends with a zero. */
typedef struct name_head {
    uint64_t number;
    int64_t place; /* of the next */
    uint16_t size; /* of all of it */
    uint8_t kind;
} name_head;

#define NAME_AT 19

/* Names from `piece`: false where fn() said so, and *place is the next one's. */
static bool tell_names(const char *piece, size_t size, int64_t *place,
                       bool (*fn)(void *context, const char *name), void *context)
{
    name_head head;
    for (size_t at = 0; at < size; at += head.size) {
        memcpy(&head, piece + at, NAME_AT);
        const char *name = piece + at + NAME_AT;
        if (is_name(name) && !fn(context, name)) {
            *place = head.place;
            return false;
        }
    }
    return true;
}

/* One piece of them; 0: that was all. A directory that was removed has none. */
static long read_piece(int fd, char *piece, size_t size)
{
    long got;
    do
        got = lc_fault("readdir") ? -1 : syscall(SYS_getdents64, fd, piece, size);
    while (got < 0 && errno == EINTR);
    return got < 0 && errno == ENOENT ? 0 : got;
}

/* Without readdir(), which asks for 32 KiB of names in any case. */
static int read_names(int fd, size_t piece_size, int64_t *place,
                      bool (*fn)(void *context, const char *name), void *context)
{
    char few[FEW_BYTES];
    char *own = lc_alloc(piece_size);
    char *piece = own != NULL ? own : few;
    size_t size = own != NULL ? piece_size : sizeof few;
    long got = 0;
    int code = 0;
    bool more = true;
    if (*place != 0)
        (void)!lseek(fd, (off_t)*place, SEEK_SET);
    *place = 0;
    while (more) {
        got = read_piece(fd, piece, size);
        code = errno;
        more = got > 0 && tell_names(piece, (size_t)got, place, fn, context);
    }
    lc_free(own);
    close(fd);
    if (got < 0)
        errno = code;
    return got < 0 ? -1 : 0;
}
#else
static int read_names(int fd, size_t piece_size, int64_t *place,
                      bool (*fn)(void *context, const char *name), void *context)
{
    (void)piece_size;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        int code = errno;
        lc_close(fd);
        errno = code;
        return -1;
    }
    int result = 0;
    int code = 0;
    if (*place != 0)
        seekdir(stream, (long)*place);
    *place = 0;
    for (;;) {
        /* NULL is the end or a failure: only errno says which. */
        errno = 0;
        struct dirent *entry = lc_fault("readdir") ? NULL : readdir(stream);
        if (entry == NULL) {
            code = errno;
            result = code == 0 ? 0 : -1;
            break;
        }
        if (is_name(entry->d_name) && !fn(context, entry->d_name)) {
            *place = telldir(stream);
            break;
        }
    }
    closedir(stream);
    if (result != 0)
        errno = code;
    return result;
}
#endif

static int each_name(int dir, size_t piece_size, int64_t *place,
                     bool (*fn)(void *context, const char *name), void *context)
{
    /* Its own descriptor: the caller's keeps its offset. */
    int fd = lc_openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    return fd < 0 ? -1 : read_names(fd, piece_size, place, fn, context);
}

int lc_each_name(int dir, bool (*fn)(void *context, const char *name), void *context)
{
    int64_t place = 0;
    return each_name(dir, LIST_BYTES, &place, fn, context);
}

int lc_each_name_from(int dir, int64_t *place, bool (*fn)(void *context, const char *name),
                      void *context)
{
    return each_name(dir, LOOK_BYTES, place, fn, context);
}
