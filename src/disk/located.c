/* Where the caches of sources were found lately.
 *
 * A program calls the functions of a source for the first time one after the other, and each asks
 * for the same directory: a call to the system for each part of the path, which may be a link, and
 * one for the directory itself. What was found is taken to hold for LC_LATELY. What changes within
 * that, a link that leads elsewhere say, is to the next function as if it had changed right after
 * the look; nothing is believed because of it: whether the directory is ours is asked when it is
 * opened.
 *
 * The lock is held for the copying of a path. Who does not get it looks for himself. In a child of
 * fork() whose parent's thread was writing, all is forgotten. */
#include "disk/located.h"
#include "base/latch.h"

#include <string.h>
#include <unistd.h>

/* Sources whose functions a program calls for the first time in turn. */
#define RECORDS 4
/* Longer paths are looked for each time. */
#define KEPT_MAX 512

typedef struct record {
    lc_located of;
    char path[KEPT_MAX]; /* empty: none */
} record;

static lc_latch lock;
static record records[RECORDS];
/* Nothing was found yet. A process that has one function has no use for the records, and would wait
 * for their pages. */
static atomic_bool is_first = true;

static bool lock_located(void)
{
    lc_latch_state state = lc_latch_try(&lock);
    if (state == LC_LATCH_TAKEN_OVER)
        memset(records, 0, sizeof records);
    return state != LC_LATCH_BUSY;
}

/* A text with the byte that ends it; what is not there is none. */
static lc_span whole(const char *text)
{
    return text != NULL ? (lc_span){text, strlen(text) + 1} : (lc_span){"", 0};
}

bool lc_located_find(char out[LOCACHE_PATH_MAX], lc_located *asked, const char *source,
                     const char *stem, unsigned flags, const char *override)
{
    asked->asked = 0;
    if (atomic_load_explicit(&is_first, memory_order_relaxed))
        return false;
    const struct {
        uid_t us;
        unsigned flags;
        unsigned told; /* which of the texts there are */
    } rest = {geteuid(), flags, (stem != NULL ? 1U : 0U) | (override != NULL ? 2U : 0U)};
    const lc_span spans[] = {whole(source), whole(stem), whole(override), {&rest, sizeof rest}};
    lc_checksum(asked->key, spans, sizeof spans / sizeof spans[0]);
    asked->asked = lc_ticks();
    const record *at = &records[asked->key[0] % RECORDS];
    if (!lock_located())
        return false;
    bool known = at->path[0] != '\0' && asked->asked - at->of.asked < LC_LATELY &&
                 memcmp(at->of.key, asked->key, sizeof asked->key) == 0;
    if (known)
        memcpy(out, at->path, strlen(at->path) + 1);
    lc_latch_release(&lock);
    return known;
}

void lc_located_note(const lc_located *asked, const char *path)
{
    atomic_store_explicit(&is_first, false, memory_order_relaxed);
    size_t size = strlen(path) + 1;
    if (asked->asked == 0 || size > KEPT_MAX)
        return;
    record *at = &records[asked->key[0] % RECORDS];
    if (!lock_located())
        return;
    at->of = *asked;
    memcpy(at->path, path, size);
    lc_latch_release(&lock);
}
