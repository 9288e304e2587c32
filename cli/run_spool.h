/* Bytes of unknown number: in memory while they are few, then in a file without a name. One
 * thread. */
#ifndef CLI_RUN_SPOOL_H
#define CLI_RUN_SPOOL_H

#include "locache.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_spool {
    const char *dir; /* where the file goes; NULL or not to be written to: TMPDIR */
    char *memory;
    size_t room;
    size_t size;
    int fd;       /* -1: all is in memory */
    int error;    /* errno of what could not be kept: the spool is worth nothing */
    void *mapped; /* by cli_spool_bytes() */
} cli_spool;

/* All of it, however often it takes. 0, or errno. */
int cli_write_all(int fd, const void *data, size_t size);

void cli_spool_begin(cli_spool *spool, const char *dir);
/* Where it fails spool->error says so from then on. */
void cli_spool_add(cli_spool *spool, const void *data, size_t size);
/* Into a file, however few they are. */
void cli_spool_spill(cli_spool *spool);
/* All bytes in one piece, until cli_spool_clear(); nothing is added afterwards. NULL: there are
 * none, or spool->error. */
const void *cli_spool_bytes(cli_spool *spool);
/* Their digest: a file is read piece by piece. 0, or errno. */
int cli_spool_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const cli_spool *spool);
/* The same of `size` bytes of an open file; EAGAIN: it has less. */
int cli_digest_file(unsigned char out[LOCACHE_DIGEST_SIZE], int fd, size_t size);
/* A new descriptor to read them from their beginning, to be closed; -1 and errno. */
int cli_spool_open(cli_spool *spool);
void cli_spool_clear(cli_spool *spool);

#endif
