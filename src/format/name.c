/* The file name of a key: name=value pairs, or what fits of them and the key's hash.
 * docs/format.md, "Names", is normative.
 *
 * Two keys never have one name. A name without a hash says the whole key, typed, and can be read
 * back (tests/unit/unname.h does); one with a hash says something for a person, and 128 bits of
 * BLAKE2b, of which nobody finds two keys: of the key as it stands in an entry, so that a long one
 * is gone through once for both. Even so the key in the entry decides: a file system may
 * fold case, and anybody may rename a file. The name is a pure function of the key's bytes, never
 * looked up. */
#include "format/name.h"
#include "base/text.h"
#include "format/key.h"

/* --------------------------------------------------------------------------------------- values */

/* In full where it has such a form; else as a hint, which is less than the key says. */
static locache_status put_value(lc_name *name, locache_cbor_reader *reader)
{
    locache_cbor_reader start = *reader;
    locache_cbor_item item;
    locache_status status = locache_cbor_read(&item, reader);
    if (status != LOCACHE_OK || lc_name_scalar(name, &item, reader))
        return status;
    /* Skipped first: a hint is made of items that are known to be well-formed. */
    *reader = start;
    status = locache_cbor_skip(reader);
    if (status != LOCACHE_OK)
        return status;
    name->hashed = true;
    lc_name_hint(name, start);
    return LOCACHE_OK;
}

/* ---------------------------------------------------------------------------------------- names */

bool lc_name_has_capital(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (name[i] == '%')
            i += 2; /* its digits are capitals always */
        else if ((name[i] >= 'A' && name[i] <= 'Z') || (unsigned char)name[i] >= 0x80)
            return true;
    }
    return false;
}

static void finish(lc_name *name, lc_span stored, bool folds)
{
    /* Over the atoms past `prefix`, where some were written: the name was still whole then. */
    if (name->hashed || name->full || (folds && lc_name_has_capital(name->out, name->length))) {
        locache_id id;
        locache_id_of(&id, stored.data, stored.size);
        name->out[name->prefix] = '~';
        lc_text_hex(name->out + name->prefix + 1, id.bytes, sizeof id.bytes);
        return;
    }
    if (name->length == 0) /* a call without arguments; a file must have a name */
        lc_name_plain(name, "_", 1);
    name->out[name->length] = '\0';
}

static locache_status put_pair(lc_name *name, locache_cbor_reader *reader)
{
    locache_cbor_item label;
    locache_status status = locache_cbor_read(&label, reader);
    if (status != LOCACHE_OK)
        return status;
    if (label.kind != LOCACHE_KIND_TEXT && label.kind != LOCACHE_KIND_UINT)
        return LOCACHE_ECORRUPT;
    lc_name_label(name, &label);
    lc_name_plain(name, "=", 1);
    return put_value(name, reader);
}

locache_status lc_key_filename(char out[LOCACHE_NAME_MAX + 1], const void *key, size_t size,
                               lc_span stored, bool folds)
{
    lc_name name = {.length = 0};
    locache_cbor_reader reader;
    locache_cbor_item head;
    name.out = out;
    locache_cbor_reader_init(&reader, key, size);
    locache_status status = locache_cbor_read(&head, &reader);
    if (status == LOCACHE_OK && (head.kind != LOCACHE_KIND_ARRAY || head.number % 2 != 0))
        status = LOCACHE_ECORRUPT;
    for (uint64_t i = 0; status == LOCACHE_OK && i < head.number; i += 2) {
        if (i > 0)
            lc_name_plain(&name, "_", 1);
        status = put_pair(&name, &reader);
    }
    if (status == LOCACHE_OK)
        status = locache_cbor_reader_end(&reader);
    if (status == LOCACHE_OK)
        finish(&name, stored, folds);
    return status == LOCACHE_END ? LOCACHE_ECORRUPT : status;
}

bool lc_key_has_filename(lc_span stored, const char *name)
{
    char own[LOCACHE_NAME_MAX + 1];
    locache_id id;
    size_t size = strlen(name);
    if (lc_key_filename(own, stored.data, stored.size, stored, false) == LOCACHE_OK)
        return strcmp(own, name) == 0 ||
               (lc_key_filename(own, stored.data, stored.size, stored, true) == LOCACHE_OK &&
                strcmp(own, name) == 0);
    locache_id_of(&id, stored.data, stored.size);
    lc_text_hex(own, id.bytes, sizeof id.bytes);
    return size > LC_NAME_HASH && name[size - LC_NAME_HASH] == '~' &&
           strcmp(name + size - LC_NAME_HASH + 1, own) == 0;
}

locache_status locache_key_filename(char out[LOCACHE_NAME_MAX + 1], const void *key, size_t size)
{
    unsigned char room[LC_KEY_DIGEST_MAX];
    return lc_key_filename(out, key, size, lc_key_stored(room, key, size), false);
}
