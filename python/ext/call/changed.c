/* Two keys of one call, from before and after it: where do they differ, and was something filled in
 * there or changed?
 *
 * Keys are CBOR (docs/format.md, "Keys"), so that what differs is found in the bytes alone, with
 * nothing kept of the arguments and none of their code run. Objects of a graph that are long stand
 * in a key as their digests; what these stand for was noted beside the key (parts.h), and is
 * followed. Other digests, of buffers and long texts, can only be the same or not. */
#include "call/changed.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "call/parts.h"

#define PLACE_MAX 200 /* bytes of the text that says where; what is longer is cut */

/* Values within each other that are compared: some 100 objects, and 300 KB of C stack. What is
 * deeper can only be the same or not. */
#define DEPTH_MAX 512
/* Values that are compared at all: a tenth of a second. */
#define WORK_MAX ((uint64_t)1 << 20)

typedef struct place {
    char text[PLACE_MAX];
    size_t length;
} place;

typedef struct search {
    lcpy_side before;
    lcpy_side after;
    lcpy_pairs met; /* of objects that were followed */
    uint64_t work;
    int depth;
    place at;     /* where the search is */
    place filled; /* where something was filled in first */
    const lcpy_captures *captures;
    bool named; /* the place is whole: what is further within has no name of its own */
} search;

static lcpy_change compare(search *s, const lcpy_item *a, const lcpy_item *b, bool attributes);

/* --------------------------------------------------------------------------------------- places */

static void append(place *at, const char *text, size_t size)
{
    if (size > PLACE_MAX - at->length)
        size = PLACE_MAX - at->length;
    memcpy(at->text + at->length, text, size);
    at->length += size;
}

static void append_text(place *at, const char *text)
{
    append(at, text, strlen(text));
}

static void append_index(place *at, uint64_t n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "[%llu]", (unsigned long long)n);
    append_text(at, text);
}

/* A key of a dict, or an attribute's name. */
static void append_key(place *at, const lcpy_item *key, bool attributes)
{
    if (key->head.kind == LOCACHE_TEXT) {
        append_text(at, attributes ? "." : "['");
        append(at, (const char *)key->head.data, key->head.size);
        append_text(at, attributes ? "" : "']");
    } else if (key->head.kind == LOCACHE_UINT) {
        append_index(at, key->head.number);
    } else {
        append_text(at, "[...]");
    }
}

/* ---------------------------------------------------------------------------------------- items */

static bool same(const lcpy_item *a, const lcpy_item *b)
{
    return a->size == b->size && memcmp(a->start, b->start, a->size) == 0;
}

/* No value: None, or a default that is an object(). */
static bool is_nothing(const lcpy_item *value)
{
    return value->head.kind == LOCACHE_NULL ||
           (value->head.kind == LOCACHE_TAG && value->head.number == LOCACHE_TAG_DEFAULT);
}

static lcpy_change fill_in(search *s)
{
    if (s->filled.length == 0)
        s->filled = s->at;
    return LCPY_CHANGE_FILLED;
}

/* ----------------------------------------------------------------------------------- containers */

/* One step down, and back where nothing was changed there. */
static lcpy_change step_to(search *s, const lcpy_item *a, const lcpy_item *b, place there,
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
    locache_reader in_a = a->inside;
    locache_reader in_b = b->inside;
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
    locache_reader in_a = a->inside;
    locache_reader in_b = b->inside;
    if (a->head.number != b->head.number)
        return LCPY_CHANGE_OTHER;
    for (uint64_t i = 0; i < a->head.number; i++) {
        lcpy_item one;
        lcpy_item other;
        place there = s->at;
        append_index(&there, i);
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
                       locache_reader *from, uint64_t *left, bool *turned)
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
    locache_reader in_a = a->inside;
    locache_reader in_b = b->inside;
    uint64_t left = a->head.number;
    size_t length = s->at.length;
    bool turned = false;
    lcpy_item key;
    lcpy_item value;
    while (lcpy_item_take(&key, &in_b) && lcpy_item_take(&value, &in_b) &&
           find_value(&value, &key, a, &in_a, &left, &turned))
        ;
    if (!s->named)
        append_key(&s->at, &key, attributes);
    lcpy_change change = fill_in(s);
    s->at.length = length;
    return change;
}

static lcpy_change compare_maps(search *s, const lcpy_item *a, const lcpy_item *b, bool attributes)
{
    lcpy_change found = LCPY_CHANGE_NONE;
    locache_reader in_a = a->inside;
    locache_reader in_b = b->inside;
    uint64_t left = b->head.number;
    bool turned = false;
    for (uint64_t i = 0; i < a->head.number; i++) {
        lcpy_item key;
        lcpy_item one;
        lcpy_item other;
        place there = s->at;
        if (!lcpy_item_take(&key, &in_a) || !lcpy_item_take(&one, &in_a))
            return LCPY_CHANGE_OTHER;
        append_key(&there, &key, attributes);
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

/* ----------------------------------------------------------------------------------- generators */

/* Generators of random numbers: a reduction that says nothing to who uses one. */
static const struct {
    const char *class;
    const char *state;
} generators[] = {
    {"numpy.random._pickle:__generator_ctor", ".bit_generator.state"},
    {"numpy.random._generator:Generator", ".bit_generator.state"},
    {"numpy.random._pickle:__bit_generator_ctor", ".state"},
    {"numpy.random._pickle:__randomstate_ctor", ".get_state()"},
    {"numpy.random.mtrand:RandomState", ".get_state()"},
    {"random:Random", ".getstate()"},
};

/* An object's class, where it goes by its name: the text, else nothing. */
static locache_item class_name(const lcpy_item *object)
{
    locache_reader inside = object->inside;
    locache_item head = {.kind = LOCACHE_NULL};
    for (int i = 0; i < 3; i++) /* the object's array, a global's tag, its text */
        if (locache_read(&head, &inside) != LOCACHE_OK || head.kind == LOCACHE_TEXT)
            break;
    return head;
}

static void name_state(search *s, const lcpy_item *object)
{
    locache_item name = class_name(object);
    if (name.kind != LOCACHE_TEXT || s->named)
        return;
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++) {
        if (strlen(generators[i].class) == name.size &&
            memcmp(generators[i].class, name.data, name.size) == 0) {
            append_text(&s->at, generators[i].state);
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
    locache_reader in_a = a->inside;
    locache_reader in_b = b->inside;
    lcpy_item one;
    lcpy_item other;
    if (a->head.number != b->head.number || !lcpy_item_take(&one, &in_a) ||
        !lcpy_item_take(&other, &in_b))
        return LCPY_CHANGE_OTHER;
    switch (a->head.number) {
    case LOCACHE_TAG_OBJECT:
        name_state(s, a);
        return one.head.kind == LOCACHE_ARRAY && other.head.kind == LOCACHE_ARRAY
                   ? compare_parts(s, &one, &other)
                   : LCPY_CHANGE_OTHER;
    case LOCACHE_TAG_TUPLE:
        /* of an object: the state of __dict__ and that of __slots__ */
        return attributes && one.head.kind == LOCACHE_ARRAY && other.head.kind == LOCACHE_ARRAY &&
                       one.head.number == other.head.number
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
    case LOCACHE_ARRAY:
        return compare_items(s, a, b);
    case LOCACHE_MAP:
        return compare_maps(s, a, b, attributes);
    case LOCACHE_TAG:
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
static lcpy_change compare_arguments(search *s, locache_reader *in_a, locache_reader *in_b,
                                     uint64_t count)
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
        if (label.head.kind == LOCACHE_TEXT) {
            append(&s->at, (const char *)label.head.data, label.head.size);
        } else {
            append_text(&s->at, "args");
            append_index(&s->at, label.head.number);
        }
        lcpy_change change = compare(s, &one, &other, false);
        if (change == LCPY_CHANGE_OTHER)
            return change;
        found = change > found ? change : found;
    }
    return found;
}

static lcpy_change compare_keys(search *s, const locache_writer *before,
                                const locache_writer *after)
{
    locache_reader in_a;
    locache_reader in_b;
    locache_item head_a;
    locache_item head_b;
    locache_reader_init(&in_a, before->data, before->length);
    locache_reader_init(&in_b, after->data, after->length);
    return locache_read(&head_a, &in_a) == LOCACHE_OK &&
                   locache_read(&head_b, &in_b) == LOCACHE_OK && head_a.kind == LOCACHE_ARRAY &&
                   head_b.kind == LOCACHE_ARRAY && head_a.number == head_b.number
               ? compare_arguments(s, &in_a, &in_b, head_a.number)
               : LCPY_CHANGE_OTHER;
}

lcpy_change lcpy_changed_find(PyObject **where, const lcpy_captures *captures,
                              const lcpy_changed_key *before, const lcpy_changed_key *after)
{
    const locache_writer *a = before->key;
    const locache_writer *b = after->key;
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
    const place *at = change == LCPY_CHANGE_FILLED ? &s.filled : &s.at;
    *where = PyUnicode_DecodeUTF8(at->text, (Py_ssize_t)at->length, "replace");
    return *where != NULL ? change : LCPY_CHANGE_ERROR;
}
