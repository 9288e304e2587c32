/* What `locache top` shows: functions in use, and who computes what. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "counted.h"
#include "places.h"

/* Processes of a function that are told; of more, only how many there are. */
#define TOP_PROCESSES 64

/* A function at one moment, and its rates since the moment before. */
typedef struct top_row {
    char *path; /* of its folder; owned, as the next two are */
    char *cache;
    char *function;
    bool current;
    bool has_version;
    locache_id version;
    locache_counts counts;
    uint32_t processes[TOP_PROCESSES]; /* that counted within the last seconds, each once */
    size_t process_count;
    size_t computing;
    /* by the second */
    double hits;
    double misses;
    double saved; /* seconds */
} top_row;

/* Somebody who computes a result. */
typedef struct top_computing {
    uint32_t process; /* 0: not known */
    int64_t since;
    size_t row; /* of which function */
} top_computing;

typedef struct top_sample {
    top_row *rows; /* by path */
    size_t count;
    size_t room;
    top_computing *computing;
    size_t computing_count;
    size_t computing_room;
    int64_t taken; /* nanoseconds since 1970 */
    int code;      /* of cli_walk() */
} top_sample;

/* What is so now. `before` is an earlier sample, or NULL: then there are no rates. */
void cli_top_take(top_sample *out, const cli_places *places, const top_sample *before);
void cli_top_clear(top_sample *sample);
/* Was something done since the sample before, or is something being computed? */
bool cli_top_active(const top_row *row);
/* The rows that are shown, in the order in which they are: the busiest first. Freed by the
 * caller. */
const top_row **cli_top_order(size_t *count, const top_sample *sample, bool all);

/* What process `number` runs, as far as this system tells it: "python foo.py". */
#define TOP_COMMAND 256
void cli_top_command(char out[TOP_COMMAND], uint32_t process);

/* Print a sample: at most `lines` lines (0: all) of at most `columns` (0: as long as they are). */
typedef struct top_view {
    bool all; /* also functions that nobody uses now */
    double interval;
    unsigned lines;
    unsigned columns;
} top_view;
void cli_top_print(const top_sample *sample, const top_view *view);
void cli_top_json(const top_sample *sample, const top_view *view);

/* The terminal as the view has it, put back as it was by cli_screen_end(); a signal that ends the
 * program ends the next wait. False: it cannot be had so. */
bool cli_screen_begin(void);
void cli_screen_end(void);
/* The size of it now. */
void cli_screen_size(unsigned *lines, unsigned *columns);
/* To the upper left, to draw anew; and what was there below is cleared. */
void cli_screen_home(void);
void cli_screen_rest(void);
/* Wait so many milliseconds. 'q': the user wants to end; ' ': to see it anew; 0: the time is
 * over. */
int cli_screen_wait(int milliseconds);

#endif
