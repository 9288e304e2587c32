/* What the parts of `locache run` share: what is asked for, and the functions that each file has
 * for the others. One thread. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "locache.h"
#include "run_spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of our own, as env and timeout have them; all others are the command's. */
enum {
    CLI_RUN_TIMED_OUT = 124,
    CLI_RUN_FAILED = 125, /* locache itself could not, or the command line is wrong */
    CLI_RUN_NO_EXEC = 126,
    CLI_RUN_NOT_FOUND = 127,
};

typedef struct cli_run {
    char **command; /* ends with NULL */
    int command_count;
    /* What the key is made of, beside the command. */
    bool with_cwd;
    bool with_stdin;
    const char *scope; /* or NULL */
    char **environment;
    size_t environment_count;
    char **files;
    size_t file_count;
    /* Spans in nanoseconds; 0: none was said. */
    int64_t ttl;
    int64_t stale;
    int64_t timeout;
    bool keep_failures;
    bool warm;
    bool force;
    bool discard;
    bool off; /* LOCACHE=off: nothing is looked up or stored */
    bool read_only;
    const char *cache_dir; /* or NULL */
    const char *base;      /* the same */

    cli_spool input; /* all of standard input, with_stdin */
    locache *cache;  /* NULL: there is none to be had */
    locache_cbor_writer key;
    char place[LOCACHE_PATH_MAX]; /* the last: of what lies behind a path little is touched */
} cli_run;

/* What a command printed, and how it ended. */
typedef struct cli_output {
    int status; /* its exit code */
    const void *data[2];
    size_t size[2];
    /* How many bytes of standard output come first, then of standard error, and so on: LEB128
     * numbers. None: all of the first, then all of the second. */
    const unsigned char *order;
    size_t order_size;
    bool mapped; /* what is large is the file, not a copy */
} cli_output;

/* The command's result while it is computed. */
typedef struct cli_recording {
    cli_spool streams[2];
    cli_spool order;
    uint64_t piece; /* bytes so far of the stream that wrote last */
    int last;       /* which that was */
    bool both;      /* more than one piece */
} cli_recording;

/* run_key.c: the key, and the function whose directory it is in. False: it cannot be said what the
 * result depends on, which was told; the command runs without a cache. */
bool cli_run_make_key(cli_run *run);
/* The name of the command's directory, UTF-8; free() it. NULL: no memory. */
char *cli_run_function(const cli_run *run);

/* run_switch.c: what LOCACHE says of the command. */
void cli_run_take_switch(cli_run *run);

/* run_files.c: the digest of a file or of a directory's tree. 'f', 'd', or '-' where there is
 * nothing; 0: it could not be read, which was told. `place` is where the cache is. */
#define CLI_RUN_DIGEST LOCACHE_DIGEST_SIZE
char cli_run_digest_path(unsigned char out[CLI_RUN_DIGEST], const char *path, const char *place);

/* run_result.c: a result as it is stored. */
void cli_recording_begin(cli_recording *recording, const char *dir);
/* Keep bytes of a stream (0: standard output, 1: standard error). */
void cli_recording_add(cli_recording *recording, int stream, const void *data, size_t size);
void cli_recording_clear(cli_recording *recording);
/* Store it, and end the flight. False: said why. */
bool cli_recording_commit(cli_recording *recording, locache_flight *flight, int status,
                          int64_t took);
/* Its parts, as long as the value lives. False: it is no result of a command. */
bool cli_output_read(cli_output *out, const locache_value *value);
/* Write it in its order. 0, or errno. */
int cli_output_replay(const cli_output *output);

/* run_child.c: how a command ended. */
typedef struct cli_ending {
    int code;       /* the exit code */
    int signal;     /* that it died of, or 0 */
    bool whole;     /* it ended by itself, and all that it printed was recorded */
    bool unwritten; /* but not all of it could be written: a full disk, a closed descriptor */
} cli_ending;

/* Run the command, print what it prints unless `quiet`, and record it. What could not be done is
 * told. */
void cli_run_command(cli_ending *out, cli_run *run, cli_recording *recording, bool quiet);

/* Nanoseconds of a clock that only goes on. */
int64_t cli_steady_clock(void);

/* run_detach.c: go on in a process of its own, which nobody waits for and which holds nothing of
 * its caller's. 0 in that process, its id in the caller, -1. The caller goes on when that process
 * closes *until: by then it has the turn to compute. */
int cli_run_detach(int *until);

#endif
