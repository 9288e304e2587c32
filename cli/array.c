/* Arrays of numbers in a few words: type, shape, least, greatest, mean, and the first elements. */
#include "value.h"

#include <math.h>
#include <string.h>

/* Elements that are shown, and that are read at a time. */
#define FIRST_SHOWN 6
#define AT_A_TIME 512

/* RFC 8746: little-endian elements have the tags of big-endian ones, and this more. */
#define LITTLE 4

typedef struct summary {
    double least;
    double greatest;
    double sum;
    uint64_t count; /* of what is a number */
    uint64_t nans;
    double first[FIRST_SHOWN];
    size_t first_count;
} summary;

static bool is_little_machine(void)
{
    const uint16_t one = 1;
    unsigned char bytes[2];
    memcpy(bytes, &one, sizeof one);
    return bytes[0] == 1;
}

/* The type of a typed array's elements, and whether they are in the other byte order; 0: none that
 * is known. */
static uint32_t element_of(uint64_t tag, bool *swapped)
{
    if (tag < LOCACHE_TAG_TYPED_FIRST || tag > LOCACHE_TAG_TYPED_LAST)
        return 0;
    bool little = (tag & LITTLE) != 0;
    uint32_t type = (uint32_t)(little ? tag - LITTLE : tag);
    size_t size = locache_element_size((locache_element)type);
    *swapped = size > 1 && little != is_little_machine();
    return size == 0 || (size == 1 && little) ? 0 : type;
}

static const char *element_name(uint32_t type)
{
    static const char *const names[] = {
        "uint8", "uint16", "uint32", "uint64", NULL, NULL, NULL,      NULL,      "int8",   "int16",
        "int32", "int64",  NULL,     NULL,     NULL, NULL, "float16", "float32", "float64"};
    return names[type - LOCACHE_ELEMENT_UINT8];
}

static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    /* Products with powers of two, which are exact: ldexp() would be all that the command needs the
     * library of mathematics for, whose loading is felt in what `locache run` gives again. */
    double value = exponent == 0    ? fraction * 0x1p-24
                   : exponent == 31 ? (fraction == 0 ? (double)INFINITY : (double)NAN)
                                    : (fraction + 1024) * (double)(1U << exponent) * 0x1p-25;
    return bits & 0x8000 ? -value : value;
}

/* The nth element of a piece that is in this machine's order. */
static double element_at(uint32_t type, const unsigned char *piece, size_t n)
{
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
    } as;
    size_t size = locache_element_size((locache_element)type);
    memcpy(&as, piece + n * size, size);
    switch (type) {
    case LOCACHE_ELEMENT_UINT8:
        return as.u8;
    case LOCACHE_ELEMENT_UINT16:
        return as.u16;
    case LOCACHE_ELEMENT_UINT32:
        return as.u32;
    case LOCACHE_ELEMENT_UINT64:
        return (double)as.u64;
    case LOCACHE_ELEMENT_INT8:
        return as.i8;
    case LOCACHE_ELEMENT_INT16:
        return as.i16;
    case LOCACHE_ELEMENT_INT32:
        return as.i32;
    case LOCACHE_ELEMENT_INT64:
        return (double)as.i64;
    case LOCACHE_ELEMENT_FLOAT16:
        return half(as.u16);
    case LOCACHE_ELEMENT_FLOAT32:
        return as.f32;
    default:
        return as.f64;
    }
}

static void sum_up(summary *out, double element)
{
    if (out->first_count < FIRST_SHOWN)
        out->first[out->first_count++] = element;
    if (isnan(element)) {
        out->nans++;
        return;
    }
    out->least = out->count == 0 || element < out->least ? element : out->least;
    out->greatest = out->count == 0 || element > out->greatest ? element : out->greatest;
    out->sum += element;
    out->count++;
}

/* Piece by piece: an array may be as large as memory. */
static void sum_all(summary *out, const locache_ndarray *array)
{
    unsigned char piece[AT_A_TIME * 8];
    size_t element = locache_element_size((locache_element)array->type);
    size_t count = array->data_size / element;
    for (size_t done = 0; done < count;) {
        size_t some = count - done < AT_A_TIME ? count - done : AT_A_TIME;
        locache_ndarray part = *array;
        part.dimensions = 1;
        part.extents[0] = some;
        part.data = (const unsigned char *)array->data + done * element;
        part.data_size = some * element;
        locache_ndarray_copy(piece, &part);
        for (size_t i = 0; i < some; i++)
            sum_up(out, element_at(array->type, piece, i));
        done += some;
    }
}

static void put_number(cli_json *json, const char *name, double number)
{
    cli_json_name(json, name);
    cli_json_real(json, number);
}

static void put_summary(cli_json *json, const locache_ndarray *array)
{
    summary found = {.count = 0};
    sum_all(&found, array);
    if (found.count > 0) {
        put_number(json, "min", found.least);
        put_number(json, "max", found.greatest);
        put_number(json, "mean", found.sum / (double)found.count);
    }
    if (found.nans > 0)
        cli_json_member_uint(json, "nan", found.nans);
    cli_json_name(json, "first");
    cli_json_open(json, '[');
    for (size_t i = 0; i < found.first_count; i++)
        cli_json_real(json, found.first[i]);
    cli_json_close(json, ']');
}

/* ------------------------------------------------------------------------------------ its parts */

/* [extents]: false where it is none. */
static bool read_extents(locache_ndarray *out, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_ARRAY ||
        item.number > LOCACHE_DIMENSIONS_MAX)
        return false;
    out->dimensions = (uint32_t)item.number;
    for (uint32_t i = 0; i < out->dimensions; i++) {
        if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT)
            return false;
        out->extents[i] = item.number;
    }
    return true;
}

/* A byte string, in the body or out of line, or the digest of one (in keys): then data is NULL. */
static bool read_data(locache_ndarray *out, const cli_shown *to, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    locache_cbor_reader before = *reader;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK)
        return false;
    if (item.kind == LOCACHE_KIND_BYTES) {
        out->data = item.data;
        out->data_size = item.size;
        return true;
    }
    if (item.kind != LOCACHE_KIND_TAG)
        return false;
    if (item.number == LOCACHE_TAG_DIGEST) {
        *reader = before;
        return locache_cbor_skip(reader) == LOCACHE_OK;
    }
    if (item.number != LOCACHE_TAG_BUFFER || to->value == NULL ||
        locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT ||
        item.number >= locache_value_buffer_count(to->value))
        return false;
    out->data = locache_value_buffer(&out->data_size, to->value, (size_t)item.number);
    return true;
}

static void put_head(cli_json *json, const char *type, const locache_ndarray *array)
{
    cli_json_open(json, '{');
    cli_json_member_text(json, "type", "ndarray");
    cli_json_member_text(json, "dtype", type);
    cli_json_name(json, "shape");
    cli_json_open(json, '[');
    for (uint32_t i = 0; i < array->dimensions; i++)
        cli_json_uint(json, array->extents[i]);
    cli_json_close(json, ']');
    cli_json_member_text(json, "order", array->column_major ? "F" : "C");
}

/* [NumPy type string, [extents], "C" or "F", bytes] */
static bool show_other(cli_shown *to, locache_cbor_reader *reader)
{
    locache_ndarray array = {.size = sizeof array};
    locache_cbor_item type;
    locache_cbor_item order;
    char name[64]; /* longer ones are of structures: cut */
    if (locache_cbor_read(&type, reader) != LOCACHE_OK || type.kind != LOCACHE_KIND_TEXT ||
        !read_extents(&array, reader) || locache_cbor_read(&order, reader) != LOCACHE_OK ||
        order.kind != LOCACHE_KIND_TEXT || !read_data(&array, to, reader))
        return false;
    (void)snprintf(name, sizeof name, "%.*s", (int)(type.size < 63 ? type.size : 63),
                   (const char *)type.data);
    array.column_major = order.size == 1 && order.data[0] == 'F';
    put_head(to->json, name, &array);
    if (array.data != NULL)
        cli_json_member_uint(to->json, "bytes", array.data_size);
    cli_json_close(to->json, '}');
    return true;
}

bool cli_show_array(cli_shown *to, uint64_t tag, locache_cbor_reader *reader)
{
    locache_ndarray array = {.size = sizeof array, .column_major = tag == LOCACHE_TAG_NDARRAY_F};
    locache_cbor_item item;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_ARRAY)
        return false;
    if (tag == LOCACHE_TAG_ARRAY)
        return item.number == 4 && show_other(to, reader);
    if (item.number != 2 || !read_extents(&array, reader) ||
        locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_TAG)
        return false;
    array.type = element_of(item.number, &array.swapped);
    if (array.type == 0 || !read_data(&array, to, reader))
        return false;
    put_head(to->json, element_name(array.type), &array);
    if (array.data != NULL) {
        cli_json_member_uint(to->json, "bytes", array.data_size);
        put_summary(to->json, &array);
    }
    cli_json_close(to->json, '}');
    return true;
}
