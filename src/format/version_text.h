/* What is recorded of the source that a function directory's results belong to, as text and back,
 * and whether it is the source that is asked for. docs/format.md, "Versions", is normative. No I/O,
 * no allocation. Any thread. */
#ifndef LC_VERSION_TEXT_H
#define LC_VERSION_TEXT_H

#include "locache.h"

#define LC_TAG_MAX 63 /* locache_identity.code_tag */
/* Codes that one directory records: those of all of CPython's versions in use and their
 * optimisation levels, and of each a few layouts of the same source, as two checkouts or an edited
 * comment make them. */
#define LC_VERSION_CODES_MAX 32
#define LC_VERSION_CODES_OF_TAG 4
/* Names of what is left out as the function's own state: a line of a screen or two. */
#define LC_STATE_MAX 1000
/* Later versions of which somebody said that they are the same: more than anybody says of one. */
#define LC_VERSION_KEPT_MAX 8
#define LC_SAID_MAX 120 /* when, and who: a time of 20 bytes, a user's and a machine's name */
/* LC_VERSION_CODES_MAX lines of at most 102 bytes, LC_VERSION_KEPT_MAX of 193, one of LC_STATE_MAX,
 * and four others. */
#define LC_VERSION_TEXT_MAX 8192

typedef struct lc_version_code {
    /* what made it: digests of different tags say nothing of each other */
    char tag[LC_TAG_MAX + 1];
    locache_id digest;
} lc_version_code;

/* A later version that was said to be the same (locache_keep_results()). */
typedef struct lc_version_kept {
    locache_id id; /* what its entries carry, which may be in this version's directory */
    bool has_source;
    locache_id source;
    char said[LC_SAID_MAX + 1]; /* "<time> <who>" */
} lc_version_kept;

typedef struct lc_version {
    bool lost;  /* there is no record, or none that can be read */
    bool newer; /* written by a later locache: not to be touched */
    locache_id id;
    bool has_source;
    locache_id source;
    size_t count;
    /* each of this source, the one seen longest ago first */
    lc_version_code codes[LC_VERSION_CODES_MAX];
    bool has_before;
    locache_id before;            /* the version in whose place it was made */
    char state[LC_STATE_MAX + 1]; /* what is not in `source`; "": nothing */
    size_t kept_count;
    lc_version_kept kept[LC_VERSION_KEPT_MAX];
} lc_version;

/* What a function is with something left out of it: its state, as the record says it. */
typedef struct lc_alternative {
    const char *state;
    locache_identity identity;
} lc_alternative;

/* What is asked for: what the function is; and what it is where other things are left out of it as
 * its state, for records that say so. */
typedef struct lc_identities {
    const locache_identity *main;
    const lc_alternative *others;
    size_t count;
} lc_identities;

/* A record that says nothing. */
void lc_version_clear(lc_version *out);
/* size bytes of text, which may be anything. False: it is no record; *out is a lost one then. */
bool lc_version_parse(lc_version *out, const char *text, size_t size);
/* Without a NUL; how many bytes. What was parsed, and is not newer, comes out as the same bytes. */
size_t lc_version_print(char out[LC_VERSION_TEXT_MAX], const lc_version *from);

/* Is there a source that we were not told yet? */
bool lc_version_could_ask(const locache_identity *identity);
/* The id of a directory that is made for this identity: the same in every process, so that a lost
 * record can be replaced. */
void lc_version_own_id(locache_id *out, const locache_identity *identity);
/* OK: of the same source, and *as (which may be NULL) is the one of `asked` that says so; MISS: of
 * another one; NEED_SOURCE: only that can tell. */
locache_status lc_version_compare(const locache_identity **as, const lc_version *found,
                                  const lc_identities *asked);
/* Record what an identity of the same source knows and *to does not. Was there anything? */
bool lc_version_learn(lc_version *to, const locache_identity *identity);
/* Take another version's record into *to: whatever is of that one is of this one, too. `said`: who
 * says so, printable ASCII. */
void lc_version_take(lc_version *to, const lc_version *other, const char *said);
/* May entries of this version be in the directory? */
bool lc_version_has_id(const lc_version *found, const locache_id *id);

/* Is it the text of a line: printable ASCII, of 1 to `max` bytes, no space at either end? */
bool lc_version_is_line(const char *text, size_t max);

bool lc_version_same_id(const locache_id *a, const locache_id *b);

#endif
