/* How frames stand in keys (key/frame.c; docs/format.md, "Keys"), read column by column. */
#include "call/columns.h"

#include <string.h>

bool lcpy_item_parts(locache_cbor_reader *out, const lcpy_item *object)
{
    locache_cbor_reader inside = object->inside;
    lcpy_item made;
    lcpy_item class;
    lcpy_item parts;
    if (object->head.kind != LOCACHE_KIND_TAG || object->head.number != LOCACHE_TAG_OBJECT ||
        !lcpy_item_take(&made, &inside) || made.head.kind != LOCACHE_KIND_ARRAY)
        return false;
    inside = made.inside;
    if (!lcpy_item_take(&class, &inside) || !lcpy_item_take(&parts, &inside))
        return false;
    *out = parts.inside;
    return parts.head.kind == LOCACHE_KIND_ARRAY;
}

locache_cbor_item lcpy_item_class(const lcpy_item *object)
{
    locache_cbor_reader inside = object->inside;
    locache_cbor_item head = {.kind = LOCACHE_KIND_NULL};
    for (int i = 0; i < 3; i++) /* the object's array, a global's tag, its text */
        if (locache_cbor_read(&head, &inside) != LOCACHE_OK || head.kind == LOCACHE_KIND_TEXT)
            break;
    return head;
}

static bool is_class(const lcpy_item *object, const char *name)
{
    locache_cbor_item class = lcpy_item_class(object);
    return class.kind == LOCACHE_KIND_TEXT && class.size == strlen(name) &&
           memcmp(class.data, name, class.size) == 0;
}

/* The next part, wherever it is in the key. */
static bool take_part(lcpy_item *out, lcpy_side *of, locache_cbor_reader *from)
{
    return lcpy_item_take(out, from) && lcpy_item_follow(of, out);
}

/* The labels of an index: [names, array of objects], which is a tag over [type, shape, order,
 * [items]]. */
static bool read_labels(lcpy_columns *out, lcpy_side *of, const lcpy_item *index)
{
    locache_cbor_reader inside;
    lcpy_item names;
    lcpy_item part;
    if (is_class(index, "pandas:RangeIndex")) {
        out->are_positions = true;
        return true;
    }
    if (!is_class(index, "pandas:Index") || !lcpy_item_parts(&inside, index) ||
        !lcpy_item_take(&names, &inside) || !take_part(&part, of, &inside) ||
        part.head.kind != LOCACHE_KIND_TAG)
        return false;
    inside = part.inside;
    if (!lcpy_item_take(&part, &inside) || part.head.kind != LOCACHE_KIND_ARRAY ||
        part.head.number != 4)
        return false;
    inside = part.inside;
    for (int i = 0; i < 4; i++)
        if (!take_part(&part, of, &inside))
            return false;
    out->labels = part.inside;
    return part.head.kind == LOCACHE_KIND_ARRAY && part.head.number == out->count;
}

bool lcpy_columns_init(lcpy_columns *out, lcpy_side *of, const lcpy_item *object)
{
    bool of_pandas = is_class(object, "pandas:DataFrame");
    locache_cbor_reader inside;
    lcpy_item labels = {.size = 0};
    lcpy_item data;
    *out = (lcpy_columns){.are_series = !of_pandas};
    /* [columns, index, data, ...] or [height, series] */
    if ((!of_pandas && !is_class(object, "polars:DataFrame")) ||
        !lcpy_item_parts(&inside, object) || (of_pandas && !take_part(&labels, of, &inside)) ||
        !lcpy_item_take(&out->rows, &inside) || !take_part(&data, of, &inside) ||
        data.head.kind != LOCACHE_KIND_ARRAY)
        return false;
    out->data = data.inside;
    out->count = data.head.number;
    out->rest = inside;
    if (!of_pandas)
        locache_cbor_reader_init(&out->rest, object->start, 0);
    return !of_pandas || read_labels(out, of, &labels);
}

bool lcpy_columns_next(lcpy_columns *columns, lcpy_side *of, lcpy_item *label, lcpy_item *data)
{
    locache_cbor_reader inside;
    uint64_t n = columns->at++;
    if (n >= columns->count || !take_part(data, of, &columns->data))
        return false;
    if (columns->are_positions) {
        *label = (lcpy_item){.head = {.kind = LOCACHE_KIND_UINT, .number = n}};
        return true;
    }
    return columns->are_series ? lcpy_item_parts(&inside, data) && lcpy_item_take(label, &inside)
                               : lcpy_item_take(label, &columns->labels);
}
