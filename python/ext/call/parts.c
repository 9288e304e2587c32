/* Parts by their digests, and pairs of parts that were met: what comparing two keys (changed.c)
 * needs to go through parts that are shared, or refer to each other, once. */
#include "call/parts.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_FIRST 64 /* slots: most graphs have fewer parts that differ */

static int compare_digests(const void *a, const void *b)
{
    return memcmp(((const lcpy_part *)a)->digest, ((const lcpy_part *)b)->digest,
                  LOCACHE_DIGEST_SIZE);
}

/* A tag over [size, digest], then so many bytes. */
static bool read_part(lcpy_part *out, locache_cbor_reader *from)
{
    locache_cbor_item tag;
    locache_cbor_item array;
    locache_cbor_item size;
    locache_cbor_item digest;
    if (locache_cbor_read(&tag, from) != LOCACHE_OK ||
        locache_cbor_read(&array, from) != LOCACHE_OK ||
        locache_cbor_read(&size, from) != LOCACHE_OK ||
        locache_cbor_read(&digest, from) != LOCACHE_OK || digest.size != LOCACHE_DIGEST_SIZE ||
        size.number > (uint64_t)(from->end - from->at))
        return false;
    *out = (lcpy_part){(const unsigned char *)digest.data, from->at, (size_t)size.number};
    locache_cbor_reader_init(from, from->at + out->size,
                             (size_t)(from->end - from->at) - out->size);
    return true;
}

bool lcpy_parts_init(lcpy_parts *out, const locache_cbor_writer *notes)
{
    locache_cbor_reader from;
    lcpy_part part;
    size_t count = 0;
    *out = (lcpy_parts){NULL, 0};
    if (locache_cbor_writer_status(notes) != LOCACHE_OK)
        return false;
    locache_cbor_reader_init(&from, notes->data, notes->length);
    while (read_part(&part, &from))
        count++;
    if (count == 0)
        return true;
    out->all = PyMem_Malloc(count * sizeof *out->all);
    if (out->all == NULL)
        return false;
    locache_cbor_reader_init(&from, notes->data, notes->length);
    while (out->count < count && read_part(&out->all[out->count], &from))
        out->count++;
    qsort(out->all, out->count, sizeof *out->all, compare_digests);
    return true;
}

void lcpy_parts_clear(lcpy_parts *parts)
{
    PyMem_Free(parts->all);
    *parts = (lcpy_parts){NULL, 0};
}

const lcpy_part *lcpy_parts_find(const lcpy_parts *parts, const unsigned char *digest)
{
    const lcpy_part sought = {.digest = digest};
    return parts->count > 0
               ? bsearch(&sought, parts->all, parts->count, sizeof sought, compare_digests)
               : NULL;
}

/* ---------------------------------------------------------------------------------------- pairs */

void lcpy_pairs_clear(lcpy_pairs *pairs)
{
    PyMem_Free(pairs->slots);
    *pairs = (lcpy_pairs){NULL, 0, 0};
}

/* The slot of a pair, or the free one for it. */
static const unsigned char **pair_slot(const lcpy_pairs *pairs, const unsigned char *a,
                                       const unsigned char *b)
{
    uint64_t hash = ((uint64_t)(uintptr_t)a * 31 + (uint64_t)(uintptr_t)b) * 0x9e3779b97f4a7c15U;
    size_t at = (size_t)(hash >> 32) & (pairs->room - 1);
    while (pairs->slots[at][0] != NULL && (pairs->slots[at][0] != a || pairs->slots[at][1] != b))
        at = (at + 1) & (pairs->room - 1);
    return pairs->slots[at];
}

static bool grow_pairs(lcpy_pairs *pairs)
{
    lcpy_pairs more = {.room = pairs->room > 0 ? pairs->room * 2 : PAIRS_FIRST};
    more.slots = PyMem_Calloc(more.room, sizeof *more.slots);
    if (more.slots == NULL)
        return false;
    for (size_t i = 0; i < pairs->room; i++) {
        if (pairs->slots[i][0] == NULL)
            continue;
        const unsigned char **slot = pair_slot(&more, pairs->slots[i][0], pairs->slots[i][1]);
        slot[0] = pairs->slots[i][0];
        slot[1] = pairs->slots[i][1];
    }
    more.count = pairs->count;
    lcpy_pairs_clear(pairs);
    *pairs = more;
    return true;
}

int lcpy_pairs_add(lcpy_pairs *pairs, const unsigned char *a, const unsigned char *b)
{
    if (pairs->count * 2 >= pairs->room && !grow_pairs(pairs))
        return -1;
    const unsigned char **slot = pair_slot(pairs, a, b);
    if (slot[0] != NULL)
        return 0;
    slot[0] = a;
    slot[1] = b;
    pairs->count++;
    return 1;
}

/* ----------------------------------------------------------------------------------- references */

bool lcpy_item_take(lcpy_item *out, locache_cbor_reader *from)
{
    locache_cbor_reader rest = *from;
    out->start = from->at;
    if (locache_cbor_skip(&rest) != LOCACHE_OK)
        return false;
    out->size = (size_t)(rest.at - from->at);
    out->inside = *from;
    *from = rest;
    return locache_cbor_read(&out->head, &out->inside) == LOCACHE_OK;
}

bool lcpy_parts_has_tag(const void *data, size_t size, uint64_t tag)
{
    const unsigned char head[] = {0xd9, (unsigned char)(tag >> 8), (unsigned char)tag};
    const unsigned char *at = data;
    const unsigned char *end = at + size;
    while ((size_t)(end - at) >= sizeof head && (at = memchr(at, head[0], (size_t)(end - at)))) {
        if ((size_t)(end - at) >= sizeof head && memcmp(at, head, sizeof head) == 0)
            return true;
        at++;
    }
    return false;
}

static bool is_tagged(const lcpy_item *value, uint64_t tag)
{
    return value->head.kind == LOCACHE_KIND_TAG && value->head.number == tag;
}

bool lcpy_item_refers(const lcpy_item *value)
{
    return is_tagged(value, LOCACHE_TAG_PART) || is_tagged(value, LOCACHE_TAG_MEMBER) ||
           is_tagged(value, LOCACHE_TAG_ANCESTOR);
}

/* What a digest stands for, if that was noted. */
static bool follow_part(const lcpy_side *of, lcpy_item *value)
{
    locache_cbor_reader inside = value->inside;
    locache_cbor_item array;
    lcpy_item size;
    lcpy_item digest;
    if (locache_cbor_read(&array, &inside) != LOCACHE_OK || !lcpy_item_take(&size, &inside) ||
        !lcpy_item_take(&digest, &inside) || digest.head.size != LOCACHE_DIGEST_SIZE)
        return false;
    const lcpy_part *part = lcpy_parts_find(&of->parts, (const unsigned char *)digest.head.data);
    if (part == NULL)
        return false;
    locache_cbor_reader_init(&inside, part->data, part->size);
    return lcpy_item_take(value, &inside);
}

/* The nth object of the cycle that the search is in. */
static bool find_member(lcpy_side *of, lcpy_item *value, uint64_t n)
{
    locache_cbor_reader inside = of->cycle.inside;
    if (of->cycle.size == 0 || n >= of->cycle.head.number)
        return false;
    of->work += n;
    for (uint64_t i = 0; i <= n; i++)
        if (!lcpy_item_take(value, &inside))
            return false;
    return true;
}

/* [number, cycle] */
static bool enter_cycle(lcpy_side *of, lcpy_item *value)
{
    locache_cbor_reader inside = value->inside;
    locache_cbor_item array;
    lcpy_item number;
    lcpy_item cycle;
    if (locache_cbor_read(&array, &inside) != LOCACHE_OK || !lcpy_item_take(&number, &inside) ||
        !lcpy_item_take(&cycle, &inside) ||
        (is_tagged(&cycle, LOCACHE_TAG_PART) && !follow_part(of, &cycle)) ||
        !is_tagged(&cycle, LOCACHE_TAG_CYCLE))
        return false;
    inside = cycle.inside;
    return lcpy_item_take(&of->cycle, &inside) && of->cycle.head.kind == LOCACHE_KIND_ARRAY &&
           find_member(of, value, number.head.number);
}

bool lcpy_item_follow(lcpy_side *of, lcpy_item *value)
{
    locache_cbor_reader inside = value->inside;
    lcpy_item number;
    if (is_tagged(value, LOCACHE_TAG_ANCESTOR))
        return lcpy_item_take(&number, &inside) && find_member(of, value, number.head.number);
    if (!is_tagged(value, LOCACHE_TAG_PART) && !is_tagged(value, LOCACHE_TAG_MEMBER))
        return true;
    of->cycle.size = 0;
    return is_tagged(value, LOCACHE_TAG_PART) ? follow_part(of, value) : enter_cycle(of, value);
}
