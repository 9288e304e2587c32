/* Archives: tar, compressed by zstd, as `tar --zstd` reads and writes them. Members are regular
 * files, written and read one after the other; nothing is kept. */
#ifndef CLI_ARCHIVE_H
#define CLI_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* POSIX's block, which headers are and files are filled up to. */
#define CLI_TAR_BLOCK 512
/* What a failure is told by. */
#define CLI_ARCHIVE_MESSAGE 512

typedef struct cli_archive_writer cli_archive_writer;

/* To an open file. NULL: no memory. */
cli_archive_writer *cli_archive_create(int fd);
/* One file. False: it could not be written; errno says why. */
bool cli_archive_add(cli_archive_writer *writer, const char *path, const void *data, size_t size,
                     int64_t seconds);
/* The end of it. False as above. */
bool cli_archive_finish(cli_archive_writer *writer);
/* Bytes that were written so far. */
uint64_t cli_archive_written(const cli_archive_writer *writer);
void cli_archive_writer_free(cli_archive_writer *writer);

typedef struct cli_archive_reader cli_archive_reader;

/* A member that is being read. */
typedef struct cli_member {
    char path[4096];
    uint64_t size;
    bool directory; /* else a regular file */
} cli_member;

/* From an open file. NULL: no memory. */
cli_archive_reader *cli_archive_open(int fd);
/* The next member, whatever was read of the one before. 1; 0: the archive ended as it should; -1:
 * it is damaged, or no archive, or has what is neither file nor directory: see
 * cli_archive_message(). */
int cli_archive_next(cli_member *out, cli_archive_reader *reader);
/* So many bytes of the member, which has as many left. False: see cli_archive_message(). */
bool cli_archive_read(void *out, size_t size, cli_archive_reader *reader);
const char *cli_archive_message(const cli_archive_reader *reader);
/* Bytes that came out of it so far, headers and all. */
uint64_t cli_archive_unpacked(const cli_archive_reader *reader);
void cli_archive_reader_free(cli_archive_reader *reader);

#endif
