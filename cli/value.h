/* Arguments and results as JSON: plain data as it is, arrays by shape and summary. Nothing that
 * could run code is loaded. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "json.h"
#include "locache.h"

typedef struct cli_shown {
    cli_json *json;
    const locache_value *value; /* whose buffers are referred to; NULL: a key's, which has none */
    uint64_t items;             /* shown so far */
    uint64_t items_max;         /* then "..." stands for what is left; 0: all is shown */
    size_t text_max;            /* bytes of a text that are shown; 0: all, of bytes as well */
    unsigned depth;             /* of what is being shown */
} cli_shown;

/* The next item of the reader, with what is in it. False: it is damaged, or deeper than
 * LOCACHE_DEPTH_MAX; what was written is JSON all the same, null in the place of what is lost. */
bool cli_show_item(cli_shown *to, locache_cbor_reader *reader);
/* The body of a value that is not CBOR: what it is, and its size. */
void cli_show_opaque(cli_shown *to, const locache_value *value);
/* Bytes: how many, and their digits; where they are lines of UTF-8, these. */
void cli_show_bytes(cli_shown *to, const char *type, const void *data, size_t size);

/* The content of the tag of an array, which was just read; false: it is none, and the reader may be
 * anywhere in it. */
bool cli_show_array(cli_shown *to, uint64_t tag, locache_cbor_reader *reader);

#endif
