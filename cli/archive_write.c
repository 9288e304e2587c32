/* Writing tar archives that are compressed by zstd.
 *
 * By our own hands: of all that libarchive can do regular files are needed, and it would bring a
 * dozen of libraries into a command whose start is measured. Headers are POSIX's (ustar), with an
 * extended one (pax) before a file whose name or size is too long for that, which names of calls
 * often are. Whose the files are, and when they were last changed, is no part of a cache. */
#include "archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL 3 /* zstd's own choice */
#define OUT_SIZE ((size_t)128 << 10)
/* What fits into a header's fields: a name, and a size in eleven octal digits. */
#define NAME_MAX_SHORT 100
#define SIZE_MAX_SHORT UINT64_C(077777777777)

struct cli_archive_writer {
    int fd;
    uint64_t written;
    ZSTD_CCtx *zstd;
    unsigned char out[OUT_SIZE];
};

cli_archive_writer *cli_archive_create(int fd)
{
    cli_archive_writer *writer = malloc(sizeof *writer);
    if (writer == NULL)
        return NULL;
    writer->fd = fd;
    writer->written = 0;
    writer->zstd = ZSTD_createCCtx();
    /* A checksum, so that damage is seen before anything is imported. */
    if (writer->zstd == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1))) {
        cli_archive_writer_free(writer);
        return NULL;
    }
    return writer;
}

static bool write_packed(cli_archive_writer *writer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t some = write(writer->fd, writer->out + done, size - done);
        if (some < 0 && errno == EINTR)
            continue;
        if (some < 0)
            return false;
        done += (size_t)some;
    }
    writer->written += size;
    return true;
}

static bool pack_bytes(cli_archive_writer *writer, const void *data, size_t size,
                       ZSTD_EndDirective how)
{
    ZSTD_inBuffer from = {.src = data, .size = size};
    size_t left;
    do {
        ZSTD_outBuffer to = {.dst = writer->out, .size = OUT_SIZE};
        left = ZSTD_compressStream2(writer->zstd, &to, &from, how);
        if (ZSTD_isError(left)) {
            errno = ENOMEM;
            return false;
        }
        if (!write_packed(writer, to.pos))
            return false;
    } while (from.pos < from.size || (how == ZSTD_e_end && left != 0));
    return true;
}

static bool pack_file(cli_archive_writer *writer, const void *data, size_t size)
{
    static const unsigned char zeros[CLI_TAR_BLOCK];
    return pack_bytes(writer, data, size, ZSTD_e_continue) &&
           pack_bytes(writer, zeros, -size % CLI_TAR_BLOCK, ZSTD_e_continue);
}

static void put_octal(unsigned char *at, size_t width, uint64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%0*llo", (int)width - 1, (unsigned long long)number);
    memcpy(at, text, width - 1);
}

/* A header. Name and size are cut where they are too long: then an extended one came before. */
static bool pack_header(cli_archive_writer *writer, const char *path, char type, uint64_t size,
                        int64_t seconds)
{
    unsigned char head[CLI_TAR_BLOCK] = {0};
    unsigned sum = 0;
    size_t length = strlen(path);
    memcpy(head, path, length < NAME_MAX_SHORT ? length : NAME_MAX_SHORT);
    put_octal(head + 100, 8, 0600);
    put_octal(head + 108, 8, 0);
    put_octal(head + 116, 8, 0);
    put_octal(head + 124, 12, size <= SIZE_MAX_SHORT ? size : 0);
    put_octal(head + 136, 12, seconds > 0 ? (uint64_t)seconds & SIZE_MAX_SHORT : 0);
    memset(head + 148, ' ', 8);
    head[156] = (unsigned char)type;
    memcpy(head + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof head; i++)
        sum += head[i];
    put_octal(head + 148, 7, sum);
    head[154] = '\0';
    return pack_bytes(writer, head, sizeof head, ZSTD_e_continue);
}

/* "<length of all of it> <word>=<value>\n" behind what is there. */
static size_t put_record(char *at, size_t room, const char *word, const char *value)
{
    size_t rest = strlen(word) + strlen(value) + 3;
    size_t length = rest + 1;
    char digits[24];
    while (length != rest + (size_t)snprintf(digits, sizeof digits, "%zu", length))
        length = rest + strlen(digits);
    return (size_t)snprintf(at, room, "%zu %s=%s\n", length, word, value);
}

static bool pack_extended(cli_archive_writer *writer, const char *path, uint64_t size)
{
    char records[8192];
    char number[24];
    size_t length = 0;
    if (strlen(path) > NAME_MAX_SHORT)
        length = put_record(records, sizeof records, "path", path);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    if (size > SIZE_MAX_SHORT)
        length += put_record(records + length, sizeof records - length, "size", number);
    return length == 0 || (pack_header(writer, "././@PaxHeader", 'x', length, 0) &&
                           pack_file(writer, records, length));
}

bool cli_archive_add(cli_archive_writer *writer, const char *path, const void *data, size_t size,
                     int64_t seconds)
{
    return pack_extended(writer, path, size) && pack_header(writer, path, '0', size, seconds) &&
           pack_file(writer, data, size);
}

/* Two empty blocks. */
bool cli_archive_finish(cli_archive_writer *writer)
{
    static const unsigned char end[2 * CLI_TAR_BLOCK];
    return pack_bytes(writer, end, sizeof end, ZSTD_e_end);
}

uint64_t cli_archive_written(const cli_archive_writer *writer)
{
    return writer->written;
}

void cli_archive_writer_free(cli_archive_writer *writer)
{
    if (writer == NULL)
        return;
    (void)ZSTD_freeCCtx(writer->zstd);
    free(writer);
}
