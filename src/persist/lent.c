/* Texts that the library lends.
 *
 * A function of const char * returns what nobody frees, a literal mostly, and has few different
 * ones. So each is kept once, for as long as the library is: in a tree by the bits of its hash,
 * which grows without a lock, as nothing in it is ever moved or taken out. */
#include "persist/lent.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/watched.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* Two bits of the hash choose the child: fewer make the tree deep, more its nodes large. */
#define BITS 2

typedef struct lent lent;
struct lent {
    _Atomic(lent *) children[1 << BITS];
    lent *before; /* in the order in which they came: what is freed */
    size_t size;
    char text[];
};

static _Atomic(lent *) root;
static _Atomic(lent *) newest;

static uint64_t hash_of(const char *text, size_t size)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    uint64_t hash;
    lc_checksum(sum, &(lc_span){text, size}, 1);
    memcpy(&hash, sum, sizeof hash);
    return hash;
}

static lent *make(const char *text, size_t size)
{
    lent *made = lc_alloc(sizeof *made + size + 1);
    if (made == NULL)
        return NULL;
    memset(made, 0, sizeof *made);
    made->size = size;
    memcpy(made->text, text, size);
    made->text[size] = '\0';
    return made;
}

const char *lc_lent_text(const char *text, size_t size)
{
    _Atomic(lent *) *at = &root;
    lent *made = NULL;
    for (uint64_t hash = hash_of(text, size);; hash <<= BITS) {
        lent *there = atomic_load(at);
        if (there == NULL) {
            if (made == NULL && (made = make(text, size)) == NULL)
                return NULL;
            lc_watched_before(&newest);
            if (atomic_compare_exchange_strong(at, &there, made)) {
                made->before = atomic_load(&newest);
                while (!atomic_compare_exchange_weak(&newest, &made->before, made))
                    ;
                return made->text;
            }
        }
        lc_watched_after(&newest);
        if (there->size == size && memcmp(there->text, text, size) == 0) {
            lc_free(made);
            return there->text;
        }
        at = &there->children[hash >> (64 - BITS)];
    }
}

void lc_lent_clear(void)
{
    lent *at = atomic_exchange(&newest, NULL);
    atomic_store(&root, NULL);
    while (at != NULL) {
        lent *before = at->before;
        lc_free(at);
        at = before;
    }
}
