/* Results that are brought in from elsewhere: verified one by one, out of sight, and given their
 * places at the end.
 *
 * What comes may be anybody's. So all is asked of it that is asked of what is read from a cache:
 * lengths, checksum, name, function, version, frames that say their size. A pickle can run code,
 * and only the user's own key says that it is his: one with another MAC, or none, is left out, or
 * signed anew where the user said that he trusts where it comes from. What is left is data, which
 * can be wrong and do no more. */
#include "base/alloc.h"
#include "base/os.h"
#include "base/sized.h"
#include "cache/funcdir.h"
#include "disk/ours.h"
#include "disk/packed.h"
#include "disk/staged.h"
#include "disk/userkey.h"
#include "format/key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Where a name is taken by what is not ours, a function's directory has this one's ending. */
#define OTHER_NAME "~locache"

/* A folder that is, or was, filled. */
typedef struct incoming {
    lc_staged staged;
    char name[LOCACHE_NAME_MAX + 1];
    locache_id function;
    locache_id version;
    bool current;
    bool filled; /* there is a result in it */
} incoming;

struct locache_import {
    lc_staging staging;
    int root;
    bool made_root;
    bool has_key;
    uint32_t flags;
    incoming *folders;
    size_t count;
    size_t room;
    lc_version record; /* of the folder that is being filled */
    locache_imported numbers;
    unsigned char key[LC_MAC_KEY_SIZE];
    char dir[LOCACHE_PATH_MAX];
};

static lc_slot slot_in(const locache_import *to, const char *name)
{
    return (lc_slot){.root = to->root, .root_path = to->dir, .name = name};
}

/* ---------------------------------------------------------------------------------------- begin */

/* The mark of a cache directory is for its maker to put. */
static locache_status begin_at(locache_import *to, locache_error *error)
{
    locache_status status = lc_funcdir_root(&to->root, &to->made_root, to->dir, 0, true, error);
    if (status != LOCACHE_OK)
        return status;
    const lc_slot slot = slot_in(to, ".");
    status = lc_staging_begin(&to->staging, &slot, error);
    if (status != LOCACHE_OK) {
        lc_close(to->root);
        return status;
    }
    /* Signing makes a key where there is none; to compare, it has to be there. */
    status = lc_userkey_read(to->key, (to->flags & LOCACHE_IMPORT_TRUST) != 0, to->dir, error);
    to->has_key = status == LOCACHE_OK;
    if (status != LOCACHE_OK && to->flags & LOCACHE_IMPORT_TRUST) {
        lc_staging_end(&to->staging);
        lc_close(to->root);
        return status;
    }
    lc_error_clear(error);
    return LOCACHE_OK;
}

locache_status locache_import_begin(locache_import **out, const char *dir, uint32_t flags,
                                    locache_error *error)
{
    lc_error_clear(error);
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/')
        size--;
    if (dir[0] != '/' || size < 2 || size + LOCACHE_NAME_MAX >= LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_EINVAL, "a cache directory is an absolute path");
    if (flags & ~(uint32_t)(LOCACHE_IMPORT_TRUST | LOCACHE_IMPORT_REPLACE))
        return lc_fail(error, LOCACHE_EINVAL, "unknown flags: 0x%x", flags);
    locache_import *to = lc_alloc(sizeof *to);
    if (to == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to import into %s", dir);
    memset(to, 0, sizeof *to);
    to->flags = flags;
    memcpy(to->dir, dir, size);
    locache_status status = begin_at(to, error);
    if (status == LOCACHE_OK)
        *out = to;
    else
        lc_free(to);
    return status;
}

/* -------------------------------------------------------------------------------------- folders */

/* May a function's directory have that name? As docs/format.md has it, without what is added where
 * something else has its own. */
static bool copy_valid_name(char out[LOCACHE_NAME_MAX + 1], const char *name)
{
    size_t size = strlen(name);
    size_t other = strlen(OTHER_NAME);
    if (size > other && strcmp(name + size - other, OTHER_NAME) == 0)
        size -= other;
    if (size == 0 || size > LOCACHE_NAME_MAX || name[0] == '.' || name[0] == '~')
        return false;
    for (size_t i = 0; i < size; i++)
        if (strchr("_.,+@-%~", name[i]) == NULL && (unsigned char)name[i] < 0x80 &&
            !((name[i] >= '0' && name[i] <= '9') || (name[i] >= 'A' && name[i] <= 'Z') ||
              (name[i] >= 'a' && name[i] <= 'z')))
            return false;
    memcpy(out, name, size);
    out[size] = '\0';
    return true;
}

/* NULL: no memory. */
static incoming *next_folder(locache_import *to)
{
    if (to->count == to->room) {
        size_t room = to->room == 0 ? 16 : 2 * to->room;
        incoming *folders = lc_realloc(to->folders, room * sizeof *folders);
        if (folders == NULL)
            return NULL;
        to->folders = folders;
        to->room = room;
    }
    to->folders[to->count] = (incoming){.staged = {.dir = -1}};
    return &to->folders[to->count];
}

static incoming *last_folder(locache_import *to)
{
    return to->count > 0 ? &to->folders[to->count - 1] : NULL;
}

static void close_last(locache_import *to)
{
    if (to->count > 0)
        lc_staged_close(&last_folder(to)->staged);
}

locache_status locache_import_folder(locache_import *to, const locache_imported_folder *folder,
                                     locache_error *error)
{
    locache_imported_folder known;
    lc_error_clear(error);
    if (!lc_sized_take(&known, sizeof known, sizeof known, folder))
        return lc_fail(error, LOCACHE_EINVAL, "folder.size is not what it should be");
    close_last(to);
    incoming *fresh = next_folder(to);
    if (fresh == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for one folder more");
    if (!copy_valid_name(fresh->name, known.name))
        return lc_fail(error, LOCACHE_ECORRUPT, "no function's directory has such a name: %s",
                       known.name);
    if (!lc_version_parse(&to->record, known.record, known.record_size) || to->record.newer)
        return lc_fail(error, LOCACHE_ECORRUPT, "the record of a version of %s is none",
                       fresh->name);
    const lc_span note = {known.note, known.note != NULL ? known.note_size : 0};
    if (note.size > LOCACHE_NOTE_MAX)
        return lc_fail(error, LOCACHE_ECORRUPT, "what a version of %s is made of is too long",
                       fresh->name);
    fresh->function = known.function;
    fresh->version = to->record.id;
    fresh->current = known.current;
    locache_status status = lc_staged_begin(&fresh->staged, &to->staging, &to->record, note, error);
    to->count += status == LOCACHE_OK;
    return status;
}

/* -------------------------------------------------------------------------------------- entries */

/* What its frames hold, once: a result that cannot be decompressed is none. */
static locache_status check_frames(const locache_value *value, locache_error *error)
{
    locache_value *copy;
    if (!value->entry.compressed)
        return LOCACHE_OK;
    if (locache_value_copy(&copy, value) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for %zu bytes", value->size);
    locache_status status = lc_packed_expand(&copy, error);
    locache_value_free(copy);
    return status;
}

/* OK: it is to be stored; MISS: it is left out, which is counted. */
static locache_status judge(locache_import *to, locache_value *value, const char *name,
                            locache_error *error)
{
    const incoming *in = last_folder(to);
    const lc_entry *entry = &value->entry;
    locache_status status = lc_entry_parse(&value->entry, value->bytes, value->size, error);
    if (status == LOCACHE_MISS || status == LOCACHE_EFORMAT) {
        to->numbers.others++;
        return LOCACHE_MISS;
    }
    if (status != LOCACHE_OK)
        return status;
    if (!lc_key_has_filename(entry->key, name))
        return lc_fail(error, LOCACHE_ECORRUPT, "it is the result of another call");
    /* To every program it is a miss in that folder: somebody copied or renamed it by hand. */
    bool other = memcmp(entry->function.bytes, in->function.bytes, LOCACHE_ID_SIZE) != 0;
    if (other || !lc_version_has_id(&to->record, &entry->version)) {
        to->numbers.others++;
        return LOCACHE_MISS;
    }
    status = check_frames(value, error);
    if (status != LOCACHE_OK || entry->codec != LOCACHE_CODEC_PICKLE)
        return status;
    bool ours =
        to->has_key && entry->has_mac &&
        lc_entry_authentic((lc_span){value->bytes, value->size}, (lc_span){NULL, 0}, to->key);
    if (!ours && to->flags & LOCACHE_IMPORT_TRUST)
        lc_entry_sign_anew(value->bytes, value->size, to->key);
    else if (!ours) {
        to->numbers.pickles++;
        return LOCACHE_MISS;
    }
    return LOCACHE_OK;
}

locache_status locache_import_entry(locache_import *to, const char *name, const void *bytes,
                                    size_t size, locache_error *error)
{
    locache_error own;
    incoming *in = last_folder(to);
    error = error != NULL ? error : &own;
    lc_error_clear(error);
    if (in == NULL || in->staged.dir < 0)
        return lc_fail(error, LOCACHE_EINVAL, "no folder was begun");
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
        return lc_fail(error, LOCACHE_ECORRUPT, "no result has the name %s", name);
    locache_value *value = lc_value_new(size);
    if (value == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for %zu bytes", size);
    memcpy(value->bytes, bytes, size);
    locache_status status = judge(to, value, name, error);
    if (status == LOCACHE_OK)
        status = lc_staged_write(&in->staged, name, (lc_span){value->bytes, size}, error);
    in->filled = in->filled || status == LOCACHE_OK;
    to->numbers.bytes += status == LOCACHE_OK ? size : 0;
    locache_value_free(value);
    if (status == LOCACHE_MISS)
        return LOCACHE_OK;
    if (status == LOCACHE_EINVAL)
        status = LOCACHE_ECORRUPT;
    return status == LOCACHE_OK
               ? status
               : lc_fail(error, status, "%s/%s: %s", in->name, name, error->message);
}

/* ------------------------------------------------------------------------------------------ end */

/* Where something else has the function's name, its directory has the other one. */
static locache_status give_place(locache_import *to, const incoming *in, locache_error *error)
{
    char other[LOCACHE_NAME_MAX + sizeof OTHER_NAME];
    lc_staged_place place = {.slot = slot_in(to, in->name),
                             .id = in->version,
                             .current = in->current,
                             .replace = (to->flags & LOCACHE_IMPORT_REPLACE) != 0};
    uint64_t *stored = &to->numbers.stored;
    uint64_t *kept = &to->numbers.kept;
    locache_status status = lc_staged_give(stored, kept, &in->staged, &to->staging, &place, error);
    (void)snprintf(other, sizeof other, "%s" OTHER_NAME, in->name);
    if (status != LOCACHE_EINVAL || strlen(other) > LOCACHE_NAME_MAX)
        return status;
    place.slot.name = other;
    return lc_staged_give(stored, kept, &in->staged, &to->staging, &place, error);
}

locache_status locache_import_commit(locache_imported *out, locache_import *to,
                                     locache_error *error)
{
    locache_status status = LOCACHE_OK;
    lc_error_clear(error);
    close_last(to);
    if (to->made_root)
        lc_ours_mark(to->root, to->staging.work);
    for (size_t i = 0; i < to->count && status == LOCACHE_OK; i++) {
        if (to->folders[i].filled)
            status = give_place(to, &to->folders[i], error);
        lc_staged_discard(&to->folders[i].staged, &to->staging);
    }
    to->made_root = to->made_root && to->numbers.stored == 0;
    lc_sized_give(out, &to->numbers, sizeof to->numbers);
    return status;
}

/* What was made for it and holds nothing. */
static void remove_root(const locache_import *to)
{
    static const char *const names[] = {".versions/.lock", "CACHEDIR.TAG", ".gitignore"};
    if (lc_unlinkat(to->root, ".versions/.tmp", AT_REMOVEDIR) != 0)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)lc_unlinkat(to->root, names[i], 0);
    (void)lc_unlinkat(to->root, ".versions", AT_REMOVEDIR);
    (void)lc_unlinkat(AT_FDCWD, to->dir, AT_REMOVEDIR);
}

void locache_import_end(locache_import *to)
{
    if (to == NULL)
        return;
    close_last(to);
    for (size_t i = 0; i < to->count; i++)
        lc_staged_discard(&to->folders[i].staged, &to->staging);
    lc_staging_end(&to->staging);
    if (to->made_root)
        remove_root(to);
    lc_close(to->root);
    lc_free(to->folders);
    lc_free(to);
}
