/* A C program for test_shared.py, which knows what it stores and expects.
 *
 *     shared DIRECTORY VERSION put|get NAME
 *
 * NAME is one of the values below. The key is of every type, and holds the name. */
#include <locache.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char long_text[5000];
static double numbers[1200]; /* long enough to be a digest in a key and a buffer in a result */
static locache_ndarray grid = {.size = sizeof grid,
                               .type = LOCACHE_ELEMENT_FLOAT64,
                               .dimensions = 2,
                               .extents = {30, 40},
                               .data = numbers,
                               .data_size = sizeof numbers};
static const int16_t small[] = {1, -2, 3};
static const locache_ndarray row = {.size = sizeof row,
                                    .type = LOCACHE_ELEMENT_INT16,
                                    .dimensions = 1,
                                    .extents = {3},
                                    .data = small,
                                    .data_size = sizeof small};

static void named(locache_cbor_writer *key, const char *name)
{
    locache_key_name(key, name, strlen(name));
}

/* f(name, integer=-3, natural=2**64 - 1, real=0.5, truth=True, nothing=None, text="grün",
 * data=b"\0\xff", long_text="t" * 5000, long_data=b"t" * 5000, grid=..., row=...) */
static void make_key(locache_cbor_writer *key, const char *name)
{
    locache_key_begin(key, 12);
    named(key, "name");
    locache_key_text(key, name, strlen(name));
    named(key, "integer");
    locache_cbor_write_int(key, -3);
    named(key, "natural");
    locache_cbor_write_uint(key, UINT64_MAX);
    named(key, "real");
    locache_cbor_write_real(key, 0.5);
    named(key, "truth");
    locache_cbor_write_bool(key, true);
    named(key, "nothing");
    locache_cbor_write_null(key);
    named(key, "text");
    locache_key_text(key, "gr\xC3\xBCn", 5);
    named(key, "data");
    locache_key_bytes(key, "\0\xFF", 2);
    named(key, "long_text");
    locache_key_text(key, long_text, sizeof long_text);
    named(key, "long_data");
    locache_key_bytes(key, long_text, sizeof long_text);
    named(key, "grid");
    locache_key_ndarray(key, &grid);
    named(key, "row");
    locache_key_ndarray(key, &row);
}

static void make_body(locache_cbor_writer *body, const char *name)
{
    if (strcmp(name, "int") == 0)
        locache_cbor_write_int(body, -12345678901);
    else if (strcmp(name, "uint") == 0)
        locache_cbor_write_uint(body, UINT64_MAX);
    else if (strcmp(name, "real") == 0)
        locache_cbor_write_real(body, 0.1);
    else if (strcmp(name, "bool") == 0)
        locache_cbor_write_bool(body, true);
    else if (strcmp(name, "null") == 0)
        locache_cbor_write_null(body);
    else if (strcmp(name, "text") == 0)
        locache_cbor_write_text(body, "gr\xC3\xBCn", 5);
    else if (strcmp(name, "bytes") == 0)
        locache_cbor_write_bytes(body, "\0\xFF", 2);
    else if (strcmp(name, "row") == 0)
        locache_cbor_write_ndarray(body, &row);
    else if (strcmp(name, "grid") == 0)
        locache_cbor_write_ndarray_apart(body, &grid, 0);
}

static void print_bytes(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", data[i]);
    printf("\n");
}

static void print_array(const locache_ndarray *array)
{
    unsigned char *copy = malloc(array->data_size);
    if (copy == NULL)
        exit(2);
    locache_ndarray_copy(copy, array);
    printf("ndarray %d %d", (int)array->type, array->column_major);
    for (unsigned i = 0; i < array->dimensions; i++)
        printf(" %" PRIu64, array->extents[i]);
    printf(" ");
    print_bytes(copy, array->data_size);
    free(copy);
}

/* The value as whichever reader takes it says. */
static void print_value(const locache_value *value)
{
    int64_t integer;
    uint64_t natural;
    double real;
    bool truth;
    const char *text;
    const void *data;
    size_t size;
    locache_ndarray array = {.size = sizeof array};
    if (locache_value_int(&integer, value) == LOCACHE_OK)
        printf("int %" PRId64 "\n", integer);
    else if (locache_value_uint(&natural, value) == LOCACHE_OK)
        printf("uint %" PRIu64 "\n", natural);
    else if (locache_value_real(&real, value) == LOCACHE_OK)
        printf("real %.17g\n", real);
    else if (locache_value_bool(&truth, value) == LOCACHE_OK)
        printf("bool %d\n", truth);
    else if (locache_value_null(value) == LOCACHE_OK)
        printf("null\n");
    else if (locache_value_text(&text, &size, value) == LOCACHE_OK)
        printf("text %.*s\n", (int)size, text);
    else if (locache_value_bytes(&data, &size, value) == LOCACHE_OK)
        printf("bytes "), print_bytes(data, size);
    else if (locache_value_ndarray(&array, value) == LOCACHE_OK)
        print_array(&array);
    else
        printf("something else\n");
}

static locache_status put(locache *cache, const locache_cbor_writer *key, const char *name,
                          locache_error *error)
{
    const void *const buffer = numbers;
    const size_t buffer_size = sizeof numbers;
    locache_cbor_writer body;
    locache_cbor_writer_init(&body, NULL, 0);
    make_body(&body, name);
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_CBOR,
                                   .body = body.data,
                                   .body_size = body.length,
                                   .buffers = &buffer,
                                   .buffer_sizes = &buffer_size,
                                   .buffer_count = strcmp(name, "grid") == 0};
    locache_status status = locache_put(cache, key->data, key->length, &record, error);
    locache_cbor_writer_clear(&body);
    return status;
}

static locache_status get(locache *cache, const locache_cbor_writer *key, locache_error *error)
{
    locache_value *value;
    locache_status status = locache_get(&value, cache, key->data, key->length, error);
    if (status != LOCACHE_OK)
        return status;
    print_value(value);
    locache_value_free(value);
    return LOCACHE_OK;
}

int main(int argc, char **argv)
{
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options, .function = "f", .identity = &identity};
    locache_error error = {.status = LOCACHE_OK};
    locache_cbor_writer key;
    locache *cache;
    if (argc != 5)
        return 2;
    memset(long_text, 't', sizeof long_text);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] = (double)i;
    locache_identity_explicit(&identity, argv[2]);
    locache_cbor_writer_init(&key, NULL, 0);
    make_key(&key, argv[4]);
    locache_status status = locache_open(&cache, argv[1], &options, &error);
    if (status == LOCACHE_OK) {
        status = strcmp(argv[3], "put") == 0 ? put(cache, &key, argv[4], &error)
                                             : get(cache, &key, &error);
        locache_close(cache);
    }
    locache_cbor_writer_clear(&key);
    if (status != LOCACHE_OK)
        printf("%s %s\n", locache_status_name(status), error.message);
    return status < 0;
}
