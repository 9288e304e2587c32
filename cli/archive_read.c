/* Reading tar archives that are compressed by zstd, from whoever made them.
 *
 * What `locache export` writes, and what GNU tar or Python make of the same files. Nothing is taken
 * on trust: a header has its checksum, names are told whole or not at all, what is neither a
 * regular file nor a directory ends the reading. The end is read through, so that zstd's own
 * checksum was right before anybody acts on what came. */
#include "archive.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#define IN_SIZE ((size_t)128 << 10)
#define OUT_SIZE ((size_t)128 << 10)
/* Of extended headers, and of names of GNU's: more than the longest path and its word. */
#define RECORDS_MAX ((size_t)16 << 10)

struct cli_archive_reader {
    int fd;
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in;
    size_t at; /* in out */
    size_t end;
    bool frame_open; /* what came so far is not all of a frame */
    bool input_over;
    bool pending; /* more may come out of what was put in */
    uint64_t unpacked;
    uint64_t left; /* of the member, with what fills its last block */
    char message[CLI_ARCHIVE_MESSAGE];
    unsigned char input[IN_SIZE];
    unsigned char out[OUT_SIZE];
};

cli_archive_reader *cli_archive_open(int fd)
{
    cli_archive_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->fd = fd;
    reader->in.src = reader->input;
    reader->zstd = ZSTD_createDCtx();
    if (reader->zstd == NULL) {
        free(reader);
        return NULL;
    }
    return reader;
}

void cli_archive_reader_free(cli_archive_reader *reader)
{
    if (reader == NULL)
        return;
    (void)ZSTD_freeDCtx(reader->zstd);
    free(reader);
}

const char *cli_archive_message(const cli_archive_reader *reader)
{
    return reader->message;
}

uint64_t cli_archive_unpacked(const cli_archive_reader *reader)
{
    return reader->unpacked;
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static bool
spoiled(cli_archive_reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reader->message, sizeof reader->message, format, arguments);
    va_end(arguments);
    return false;
}

/* ----------------------------------------------------------------------------------- the stream */

static bool fill_input(cli_archive_reader *reader)
{
    ssize_t got;
    do {
        got = read(reader->fd, reader->input, sizeof reader->input);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return spoiled(reader, "it cannot be read: %s", strerror(errno));
    reader->in.size = (size_t)got;
    reader->in.pos = 0;
    reader->input_over = got == 0;
    return true;
}

/* More of what is decompressed; with nothing more, reader->end is 0. */
static bool fill_out(cli_archive_reader *reader)
{
    reader->at = reader->end = 0;
    while (reader->end == 0) {
        ZSTD_outBuffer to = {.dst = reader->out, .size = OUT_SIZE};
        if (reader->in.pos == reader->in.size && !reader->input_over && !fill_input(reader))
            return false;
        /* What zstd still holds comes out without input. */
        if (reader->in.pos == reader->in.size && !reader->pending)
            return !reader->frame_open || spoiled(reader, "it is cut off");
        size_t more = ZSTD_decompressStream(reader->zstd, &to, &reader->in);
        if (ZSTD_getErrorCode(more) == ZSTD_error_memory_allocation)
            return spoiled(reader, "there is no memory to unpack it");
        if (ZSTD_isError(more))
            return spoiled(reader, "it is damaged, or no archive: %s", ZSTD_getErrorName(more));
        reader->frame_open = more != 0;
        reader->pending = to.pos == to.size;
        reader->end = to.pos;
    }
    reader->unpacked += reader->end;
    return true;
}

/* So many bytes, into *out or nowhere (NULL). */
static bool take(cli_archive_reader *reader, unsigned char *out, uint64_t size)
{
    while (size > 0) {
        if (reader->at == reader->end && !fill_out(reader))
            return false;
        size_t some = reader->end - reader->at;
        if (some == 0)
            return spoiled(reader, "it is cut off");
        some = some < size ? some : (size_t)size;
        if (out != NULL) {
            memcpy(out, reader->out + reader->at, some);
            out += some;
        }
        reader->at += some;
        size -= some;
    }
    return true;
}

bool cli_archive_read(void *out, size_t size, cli_archive_reader *reader)
{
    reader->left -= size;
    return take(reader, out, size);
}

/* ---------------------------------------------------------------------------------- the headers */

/* Digits, spaces or NULs around them. */
static bool read_octal(uint64_t *out, const unsigned char *at, size_t width)
{
    size_t i = 0;
    *out = 0;
    while (i < width && at[i] == ' ')
        i++;
    size_t first = i;
    for (; i < width && at[i] >= '0' && at[i] <= '7'; i++)
        *out = *out * 8 + (uint64_t)(at[i] - '0');
    bool digits = i > first;
    while (i < width && (at[i] == ' ' || at[i] == '\0'))
        i++;
    return digits && i == width;
}

static bool is_empty_block(const unsigned char *head)
{
    for (size_t i = 0; i < CLI_TAR_BLOCK; i++)
        if (head[i] != 0)
            return false;
    return true;
}

/* Its checksum counts its own field as spaces. */
static bool is_header(const unsigned char *head)
{
    uint64_t told;
    uint64_t sum = 0;
    for (size_t i = 0; i < CLI_TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : head[i];
    return read_octal(&told, head + 148, 8) && told == sum;
}

/* A name as the header has it: 100 bytes, and with POSIX's a prefix of 155. */
static void take_path(cli_member *out, const unsigned char *head)
{
    size_t prefix = 0;
    if (memcmp(head + 257, "ustar\0", 6) == 0)
        while (prefix < 155 && head[345 + prefix] != '\0')
            prefix++;
    memcpy(out->path, head + 345, prefix);
    if (prefix > 0)
        out->path[prefix++] = '/';
    size_t size = 0;
    while (size < 100 && head[size] != '\0')
        size++;
    memcpy(out->path + prefix, head, size);
    out->path[prefix + size] = '\0';
}

/* What came before a header, and holds for it. */
typedef struct extension {
    bool has_path;
    bool has_size;
    uint64_t size;
    char path[sizeof(((cli_member *)NULL)->path)];
} extension;

static bool set_path(extension *out, const char *path, size_t size)
{
    out->has_path = size > 0 && size < sizeof out->path && memchr(path, '\0', size) == NULL;
    if (out->has_path) {
        memcpy(out->path, path, size);
        out->path[size] = '\0';
    }
    return out->has_path;
}

/* One record of an extended header: its word and its value. */
static bool take_record(extension *out, const char *word, const char *value, size_t size)
{
    char *end;
    if (strncmp(word, "path=", 5) == 0)
        return set_path(out, value, size);
    /* What would make another file of it than the header says. */
    if (strncmp(word, "linkpath=", 9) == 0 || strncmp(word, "GNU.sparse", 10) == 0)
        return false;
    if (strncmp(word, "size=", 5) != 0)
        return true;
    errno = 0;
    out->size = strtoull(value, &end, 10);
    out->has_size = errno == 0 && *end == '\n' && value[0] >= '0' && value[0] <= '9';
    return out->has_size;
}

/* "<length> <word>=<value>\n" one after the other. */
static bool take_records(extension *out, const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        char *end;
        unsigned long long length = strtoull(text + at, &end, 10);
        const char *last = text + at + length - 1;
        if (length < 5 || length > size - at || *end != ' ' || *last != '\n')
            return false;
        const char *equals = memchr(end + 1, '=', (size_t)(last - end - 1));
        if (equals == NULL || !take_record(out, end + 1, equals + 1, (size_t)(last - equals - 1)))
            return false;
        at += (size_t)length;
    }
    return true;
}

/* An extended header of POSIX's ('x'; 'g', which holds for all that follow, says nothing of use),
 * or a long name of GNU's ('L'). */
static bool read_extension(extension *out, cli_archive_reader *reader, char type, uint64_t size)
{
    char text[RECORDS_MAX + 1];
    if (size > RECORDS_MAX)
        return spoiled(reader, "a name in it is too long");
    if (!take(reader, (unsigned char *)text, size) || !take(reader, NULL, -size % CLI_TAR_BLOCK))
        return false;
    text[size] = '\0';
    bool sound = type == 'g' || (type == 'x' ? take_records(out, text, (size_t)size)
                                             : set_path(out, text, strlen(text)));
    return sound || spoiled(reader, "an extended header in it is damaged, or of a kind of file "
                                    "that is not imported");
}

/* All that is behind the end must be empty, and the last frame whole. */
static int end_archive(cli_archive_reader *reader)
{
    for (;;) {
        bool empty = true;
        while (reader->at < reader->end)
            empty = reader->out[reader->at++] == 0 && empty;
        if (!empty)
            (void)spoiled(reader, "something stands behind its end");
        if (!empty || !fill_out(reader))
            return -1;
        if (reader->end == 0)
            return 0;
    }
}

static int take_member(cli_member *out, cli_archive_reader *reader, const unsigned char *head,
                       const extension *known)
{
    char type = (char)head[156];
    take_path(out, head);
    if (known->has_path)
        memcpy(out->path, known->path, sizeof out->path);
    if (known->has_size)
        out->size = known->size;
    out->directory = type == '5';
    if (type != '0' && type != '\0' && type != '5') {
        (void)spoiled(reader, "%.200s is a link, a device, or something else than a file",
                      out->path);
        return -1;
    }
    if (out->directory && out->size != 0) {
        (void)spoiled(reader, "%.200s is a directory with a size", out->path);
        return -1;
    }
    if (out->size > INT64_MAX) {
        (void)spoiled(reader, "%.200s is larger than any file", out->path);
        return -1;
    }
    reader->left = out->size + -out->size % CLI_TAR_BLOCK;
    return 1;
}

int cli_archive_next(cli_member *out, cli_archive_reader *reader)
{
    unsigned char head[CLI_TAR_BLOCK] = {0};
    extension known = {.has_path = false};
    uint64_t left = reader->left;
    reader->left = 0;
    if (!take(reader, NULL, left))
        return -1;
    for (;;) {
        if (!take(reader, head, sizeof head))
            return -1;
        if (is_empty_block(head))
            return end_archive(reader);
        if (!is_header(head) || !read_octal(&out->size, head + 124, 12)) {
            (void)spoiled(reader, "it is damaged, or no archive: a header is none");
            return -1;
        }
        char type = (char)head[156];
        if (type != 'x' && type != 'g' && type != 'L')
            return take_member(out, reader, head, &known);
        if (!read_extension(&known, reader, type, out->size))
            return -1;
    }
}
