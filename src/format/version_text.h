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
/* LC_VERSION_CODES_MAX lines of at most 102 bytes, and three others. */
#define LC_VERSION_TEXT_MAX 4096

typedef struct lc_version_code {
    /* what made it: digests of different tags say nothing of each other */
    char tag[LC_TAG_MAX + 1];
    locache_id digest;
} lc_version_code;

typedef struct lc_version {
    bool lost;  /* there is no record, or none that can be read */
    bool newer; /* written by a later locache: not to be touched */
    locache_id id;
    bool has_source;
    locache_id source;
    size_t count;
    /* each of this source, the one seen longest ago first */
    lc_version_code codes[LC_VERSION_CODES_MAX];
} lc_version;

/* size bytes of text, which may be anything. False: it is no record; *out is a lost one then. */
bool lc_version_parse(lc_version *out, const char *text, size_t size);
/* Without a NUL; how many bytes. What was parsed, and is not newer, comes out as the same bytes. */
size_t lc_version_print(char out[LC_VERSION_TEXT_MAX], const lc_version *from);

/* Is there a source that we were not told yet? */
bool lc_version_could_ask(const locache_identity *identity);
/* The id of a directory that is made for this identity: the same in every process, so that a lost
 * record can be replaced. */
void lc_version_own_id(locache_id *out, const locache_identity *identity);
/* OK: of the same source; MISS: of another one; NEED_SOURCE: only that can tell. */
locache_status lc_version_compare(const lc_version *found, const locache_identity *identity);
/* Record what an identity of the same source knows and *to does not. Was there anything? */
bool lc_version_learn(lc_version *to, const locache_identity *identity);

bool lc_version_same_id(const locache_id *a, const locache_id *b);

#endif
