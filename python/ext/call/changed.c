/* Two keys of one call, from before and after it: where do they differ, and was something filled in
 * there or changed?
 *
 * Keys are CBOR (docs/format.md, "Keys"), so that what differs is found in the bytes alone, with
 * nothing kept of the arguments and none of their code run. Objects of a graph that are long stand
 * in a key as their digests; what these stand for was noted beside the key (parts.h), and is
 * followed. Other digests, of buffers and long texts, can only be the same or not. */
#include "call/changed.h"

#include <stdbool.h>
#include <string.h>

#include "call/columns.h"
#include "call/parts.h"
#include "call/place.h"

/* Values within each other that are compared: some 100 objects, and 300 KB of C stack. What is
 * deeper can only be the same or not. */
#define DEPTH_MAX 512
/* Values that are compared at all: a tenth of a second. */
#define WORK_MAX ((uint64_t)1 << 20)

typedef struct search {
    lcpy_side before;
    lcpy_side after;
    lcpy_pairs met; /* of objects that were followed */
    uint64_t work;
    int depth;
    lcpy_place at;     /* where the search is */
    lcpy_place filled; /* where something was filled in first */
    const lcpy_captures *captures;
    bool named; /* the place is whole: what is further within has no name of its own */
} search;

static lcpy_change compare(search *s, const lcpy_item *a, const lcpy_item *b, bool attributes);

/* ---------------------------------------------------------------------------------------- items */

static bool same(const lcpy_item *a, const lcpy_item *b)
{
    return a->size == b->size && memcmp(a->start, b->start, a->size) == 0;
}

/* No value: None, or a default that is an object(). */
static bool is_nothing(const lcpy_item *value)
{
    return value->head.kind == LOCACHE_KIND_NULL ||
           (value->head.kind == LOCACHE_KIND_TAG && value->head.number == LOCACHE_TAG_DEFAULT);
}

static lcpy_change fill_in(search *s)
{
    if (s->filled.length == 0)
        s->filled = s->at;
    return LCPY_CHANGE_FILLED;
}

/* ----------------------------------------------------------------------------------- containers */

/* One step down, and back where nothing was changed there. */
static lcpy_change step_to(search *s, const lcpy_item *a, const lcpy_item *b, lcpy_place there,
                           bool attributes)
{
    size_t length = s->at.length;
    if (!s->named)
        s->at = there;
    lcpy_change change = compare(s, a, b, attributes);
    if (change != LCPY_CHANGE_OTHER)
        s->at.length = length;
    return change;
}

/* Within objects, whose parts are no items of a list; what an object has no part for at the end is
 * absent. */
static lcpy_change compare_parts(search *s, const lcpy_item *a, const lcpy_item *b)
{
    lcpy_change found = LCPY_CHANGE_NONE;
    locache_cbor_reader in_a = a->inside;
    locache_cbor_reader in_b = b->inside;
    for (uint64_t i = 0; i < b->head.number; i++) {
        lcpy_item one;
        lcpy_item other;
        lcpy_change change = LCPY_CHANGE_OTHER;
        if (i >= a->head.number)
            return fill_in(s);
        if (lcpy_item_take(&one, &in_a) && lcpy_item_take(&other, &in_b))
            change = compare(s, &one, &other, true);
        if (change == LCPY_CHANGE_OTHER)
            return change;
        found = change > found ? change : found;
    }
    return a->head.number > b->head.number ? LCPY_CHANGE_OTHER : found;
}

static lcpy_change compare_items(search *s, const lcpy_item *a, const lcpy_item *b)
{
    lcpy_change found = LCPY_CHANGE_NONE;
    locache_cbor_reader in_a = a->inside;
    locache_cbor_reader in_b = b->inside;
    if (a->head.number != b->head.number)
        return LCPY_CHANGE_OTHER;
    for (uint64_t i = 0; i < a->head.number; i++) {
        lcpy_item one;
        lcpy_item other;
        lcpy_place there = s->at;
        lcpy_place_append_index(&there, i);
        if (!lcpy_item_take(&one, &in_a) || !lcpy_item_take(&other, &in_b))
            return LCPY_CHANGE_OTHER;
        lcpy_change change = step_to(s, &one, &other, there, false);
        if (change == LCPY_CHANGE_OTHER)
            return change;
        found = change > found ? change : found;
    }
    return found;
}

/* The value of a key in a map, looked for from *from on, which is where it mostly is, then from the
 * beginning: *turned. */
static bool find_value(lcpy_item *value, const lcpy_item *key, const lcpy_item *map,
                       locache_cbor_reader *from, uint64_t *left, bool *turned)
{
    for (int turn = 0; turn < 2; turn++) {
        *turned = *turned || turn > 0;
        while (*left > 0) {
            lcpy_item other;
            (*left)--;
            if (!lcpy_item_take(&other, from) || !lcpy_item_take(value, from))
                return false;
            if (same(key, &other))
                return true;
        }
        *from = map->inside;
        *left = map->head.number;
    }
    return false;
}

/* The first key of b that a is without. */
static lcpy_change fill_in_key(search *s, const lcpy_item *a, const lcpy_item *b, bool attributes)
{
    locache_cbor_reader in_a = a->inside;
    locache_cbor_reader in_b = b->inside;
    uint64_t left = a->head.number;
    size_t length = s->at.length;
    bool turned = false;
    lcpy_item key;
    lcpy_item value;
    while (lcpy_item_take(&key, &in_b) && lcpy_item_take(&value, &in_b) &&
           find_value(&value, &key, a, &in_a, &left, &turned))
        ;
    if (!s->named)
        lcpy_place_append_key(&s->at, &key, attributes);
    lcpy_change change = fill_in(s);
    s->at.length = length;
    return change;
}

static lcpy_change compare_maps(search *s, const lcpy_item *a, const lcpy_item *b, bool attributes)
{
    lcpy_change found = LCPY_CHANGE_NONE;
    locache_cbor_reader in_a = a->inside;
    locache_cbor_reader in_b = b->inside;
    uint64_t left = b->head.number;
    bool turned = false;
    for (uint64_t i = 0; i < a->head.number; i++) {
        lcpy_item key;
        lcpy_item one;
        lcpy_item other;
        lcpy_place there = s->at;
        if (!lcpy_item_take(&key, &in_a) || !lcpy_item_take(&one, &in_a))
            return LCPY_CHANGE_OTHER;
        lcpy_place_append_key(&there, &key, attributes);
        if (!find_value(&other, &key, b, &in_b, &left, &turned)) {
            if (!s->named)
                s->at = there;
            return LCPY_CHANGE_OTHER;
        }
        lcpy_change change = step_to(s, &one, &other, there, false);
        if (change == LCPY_CHANGE_OTHER)
            return change;
        found = change > found ? change : found;
    }
    if (turned) /* their order is another */
        return LCPY_CHANGE_OTHER;
    return b->head.number > a->head.number ? fill_in_key(s, a, b, attributes) : found;
}

/* --------------------------------------------------------------------------------------- frames */

/* Labels that are positions have no bytes. */
static bool same_label(const lcpy_item *a, const lcpy_item *b)
{
    return a->head.kind == LOCACHE_KIND_UINT
               ? b->head.kind == LOCACHE_KIND_UINT && a->head.number == b->head.number
               : same(a, b);
}

/* A change that is not looked into further. */
static lcpy_change change_at(search *s, const char *name)
{
    if (!s->named)
        lcpy_place_append_text(&s->at, name);
    return LCPY_CHANGE_OTHER;
}

/* The next column of the frame as it is, `before` the one that it was, which may be over. */
static lcpy_change compare_column(search *s, lcpy_columns *before, lcpy_columns *after)
{
    bool is_new = before->at >= before->count;
    lcpy_item label;
    lcpy_item label_before;
    lcpy_item one;
    lcpy_item other;
    lcpy_place frame = s->at;
    if (!lcpy_columns_next(after, &s->after, &label, &other) ||
        (!is_new && (!lcpy_columns_next(before, &s->before, &label_before, &one) ||
                     !same_label(&label_before, &label))))
        return change_at(s, ".columns");
    if (!is_new && same(&one, &other))
        return LCPY_CHANGE_NONE;
    if (!s->named)
        lcpy_place_append_key(&s->at, &label, false);
    if (!is_new)
        return LCPY_CHANGE_OTHER;
    (void)fill_in(s);
    s->at = frame;
    return LCPY_CHANGE_FILLED;
}

/* Columns that were added are filled in. */
static lcpy_change compare_columns(search *s, lcpy_columns *before, lcpy_columns *after)
{
    bool was_empty = before->count == 0;
    lcpy_change found = LCPY_CHANGE_NONE;
    if (before->count > after->count)
        return change_at(s, ".columns");
    for (uint64_t i = 0; i < after->count; i++) {
        lcpy_change change = compare_column(s, before, after);
        if (change == LCPY_CHANGE_OTHER)
            return change;
        found = change > found ? change : found;
    }
    if (!same(&before->rows, &after->rows) && !was_empty)
        return change_at(s, ".index");
    size_t rest = (size_t)(before->rest.end - before->rest.at);
    return rest == (size_t)(after->rest.end - after->rest.at) &&
                   memcmp(before->rest.at, after->rest.at, rest) == 0
               ? found
               : change_at(s, ".attrs");
}

/* False: neither is a frame that can be read by its columns. */
static bool compare_frames(search *s, lcpy_change *change, const lcpy_item *a, const lcpy_item *b)
{
    lcpy_columns before;
    lcpy_columns after;
    if (!lcpy_columns_init(&before, &s->before, a) || !lcpy_columns_init(&after, &s->after, b) ||
        before.are_series != after.are_series)
        return false;
    *change = compare_columns(s, &before, &after);
    return true;
}

/* ------------------------------------------------------------------------ named as a whole */

/* Generators of random numbers, whose reduction says nothing to who uses one; and series, which are
 * named as a whole. */
static const struct {
    const char *class;
    const char *state;
} named_whole[] = {
    {"numpy.random._pickle:__generator_ctor", ".bit_generator.state"},
    {"numpy.random._generator:Generator", ".bit_generator.state"},
    {"numpy.random._pickle:__bit_generator_ctor", ".state"},
    {"numpy.random._pickle:__randomstate_ctor", ".get_state()"},
    {"numpy.random.mtrand:RandomState", ".get_state()"},
    {"random:Random", ".getstate()"},
    {"pandas:Series", ""},
    {"polars:Series", ""},
};

static void name_state(search *s, const lcpy_item *object)
{
    locache_cbor_item name = lcpy_item_class(object);
    if (name.kind != LOCACHE_KIND_TEXT || s->named)
        return;
    for (size_t i = 0; i < sizeof named_whole / sizeof *named_whole; i++) {
        if (strlen(named_whole[i].class) == name.size &&
            memcmp(named_whole[i].class, name.data, name.size) == 0) {
            lcpy_place_append_text(&s->at, named_whole[i].state);
            s->named = true;
            return;
        }
    }
}

/* --------------------------------------------------------------------------------------- values */

/* What a tag holds: an object's parts, a tuple's items, or what can only be the same or not. */
static lcpy_change compare_tagged(search *s, const lcpy_item *a, const lcpy_item *b,
                                  bool attributes)
{
    locache_cbor_reader in_a = a->inside;
    locache_cbor_reader in_b = b->inside;
    lcpy_item one;
    lcpy_item other;
    lcpy_change change;
    if (a->head.number != b->head.number || !lcpy_item_take(&one, &in_a) ||
        !lcpy_item_take(&other, &in_b))
        return LCPY_CHANGE_OTHER;
    switch (a->head.number) {
    case LOCACHE_TAG_OBJECT:
        if (compare_frames(s, &change, a, b))
            return change;
        name_state(s, a);
        return one.head.kind == LOCACHE_KIND_ARRAY && other.head.kind == LOCACHE_KIND_ARRAY
                   ? compare_parts(s, &one, &other)
                   : LCPY_CHANGE_OTHER;
    case LOCACHE_TAG_TUPLE:
        /* of an object: the state of __dict__ and that of __slots__ */
        return attributes && one.head.kind == LOCACHE_KIND_ARRAY &&
                       other.head.kind == LOCACHE_KIND_ARRAY && one.head.number == other.head.number
                   ? compare_parts(s, &one, &other)
                   : compare(s, &one, &other, false);
    default:
        return LCPY_CHANGE_OTHER;
    }
}

static lcpy_change compare_values(search *s, const lcpy_item *a, const lcpy_item *b,
                                  bool attributes)
{
    if (a->head.kind != b->head.kind)
        return LCPY_CHANGE_OTHER;
    switch (a->head.kind) {
    case LOCACHE_KIND_ARRAY:
        return compare_items(s, a, b);
    case LOCACHE_KIND_MAP:
        return compare_maps(s, a, b, attributes);
    case LOCACHE_KIND_TAG:
        return compare_tagged(s, a, b, attributes);
    default:
        return same(a, b) ? LCPY_CHANGE_NONE : LCPY_CHANGE_OTHER;
    }
}

/* Two of which one refers to an object that is elsewhere in its key. */
static lcpy_change compare_followed(search *s, const lcpy_item *a, const lcpy_item *b,
                                    bool attributes)
{
    lcpy_item one = *a;
    lcpy_item other = *b;
    if (!lcpy_item_follow(&s->before, &one) || !lcpy_item_follow(&s->after, &other))
        return LCPY_CHANGE_OTHER;
    switch (lcpy_pairs_add(&s->met, one.start, other.start)) {
    case 1:
        return compare(s, &one, &other, attributes);
    case 0: /* it has no change that is none of filling in: the search would be over */
        return LCPY_CHANGE_FILLED;
    default:
        return LCPY_CHANGE_OTHER;
    }
}

/* `attributes`: a map is an object's attributes. */
static lcpy_change compare(search *s, const lcpy_item *a, const lcpy_item *b, bool attributes)
{
    /* Within cycles the same number may refer to what is another. */
    bool in_cycle = s->before.cycle.size > 0 || s->after.cycle.size > 0;
    if (same(a, b) && !(in_cycle && lcpy_parts_has_tag(a->start, a->size, LOCACHE_TAG_ANCESTOR)))
        return LCPY_CHANGE_NONE;
    if (is_nothing(a))
        return fill_in(s);
    if (s->depth >= DEPTH_MAX || s->work + s->before.work + s->after.work >= WORK_MAX)
        return LCPY_CHANGE_OTHER;
    lcpy_item cycle_before = s->before.cycle;
    lcpy_item cycle_after = s->after.cycle;
    s->depth++;
    s->work++;
    lcpy_change change = lcpy_item_refers(a) || lcpy_item_refers(b)
                             ? compare_followed(s, a, b, attributes)
                             : compare_values(s, a, b, attributes);
    s->depth--;
    s->before.cycle = cycle_before;
    s->after.cycle = cycle_after;
    return change;
}

/* What is captured has its own rules (captures.h). */
static bool names_captured(const search *s, const lcpy_item *label)
{
    for (Py_ssize_t i = 0; i < s->captures->count; i++) {
        PyObject *captured = s->captures->items[i].label;
        if ((size_t)PyBytes_GET_SIZE(captured) == label->size &&
            memcmp(PyBytes_AS_STRING(captured), label->start, label->size) == 0)
            return true;
    }
    return false;
}

/* The arguments: labels and values in turn. */
static lcpy_change compare_arguments(search *s, locache_cbor_reader *in_a,
                                     locache_cbor_reader *in_b, uint64_t count)
{
    lcpy_change found = LCPY_CHANGE_NONE;
    for (uint64_t i = 0; i + 1 < count; i += 2) {
        lcpy_item label;
        lcpy_item label_after;
        lcpy_item one;
        lcpy_item other;
        if (!lcpy_item_take(&label, in_a) || !lcpy_item_take(&one, in_a) ||
            !lcpy_item_take(&label_after, in_b) || !lcpy_item_take(&other, in_b) ||
            !same(&label, &label_after))
            return LCPY_CHANGE_OTHER;
        if (names_captured(s, &label))
            continue;
        s->at.length = 0;
        s->named = false;
        if (label.head.kind == LOCACHE_KIND_TEXT) {
            lcpy_place_append(&s->at, (const char *)label.head.data, label.head.size);
        } else {
            lcpy_place_append_text(&s->at, "args");
            lcpy_place_append_index(&s->at, label.head.number);
        }
        lcpy_change change = compare(s, &one, &other, false);
        if (change == LCPY_CHANGE_OTHER)
            return change;
        found = change > found ? change : found;
    }
    return found;
}

static lcpy_change compare_keys(search *s, const locache_cbor_writer *before,
                                const locache_cbor_writer *after)
{
    locache_cbor_reader in_a;
    locache_cbor_reader in_b;
    locache_cbor_item head_a;
    locache_cbor_item head_b;
    locache_cbor_reader_init(&in_a, before->data, before->length);
    locache_cbor_reader_init(&in_b, after->data, after->length);
    return locache_cbor_read(&head_a, &in_a) == LOCACHE_OK &&
                   locache_cbor_read(&head_b, &in_b) == LOCACHE_OK &&
                   head_a.kind == LOCACHE_KIND_ARRAY && head_b.kind == LOCACHE_KIND_ARRAY &&
                   head_a.number == head_b.number
               ? compare_arguments(s, &in_a, &in_b, head_a.number)
               : LCPY_CHANGE_OTHER;
}

lcpy_change lcpy_changed_find(PyObject **where, const lcpy_captures *captures,
                              const lcpy_changed_key *before, const lcpy_changed_key *after)
{
    const locache_cbor_writer *a = before->key;
    const locache_cbor_writer *b = after->key;
    *where = NULL;
    if (a->length == b->length && memcmp(a->data, b->data, a->length) == 0)
        return LCPY_CHANGE_NONE;
    search s = {.captures = captures};
    /* without notes, digests can only be the same or not */
    (void)lcpy_parts_init(&s.before.parts, before->parts);
    (void)lcpy_parts_init(&s.after.parts, after->parts);
    lcpy_change change = compare_keys(&s, a, b);
    lcpy_pairs_clear(&s.met);
    lcpy_parts_clear(&s.after.parts);
    lcpy_parts_clear(&s.before.parts);
    if (change == LCPY_CHANGE_FILLED && s.filled.length == 0)
        return LCPY_CHANGE_NONE; /* only the members of a cycle have other numbers */
    if (change == LCPY_CHANGE_NONE)
        return change;
    const lcpy_place *at = change == LCPY_CHANGE_FILLED ? &s.filled : &s.at;
    *where = PyUnicode_DecodeUTF8(at->text, (Py_ssize_t)at->length, "replace");
    return *where != NULL ? change : LCPY_CHANGE_ERROR;
}
