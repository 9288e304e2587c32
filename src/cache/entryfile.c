/* Entries' files, for who looks into a folder from outside: listed by their headers, read whole and
 * verified whichever function asks, removed where they are ours. Nothing of them is decoded. */
#include "base/os.h"
#include "cache/folder.h"
#include "disk/cleared.h"
#include "disk/front.h"
#include "disk/ours.h"
#include "disk/packed.h"
#include "disk/store.h"
#include "disk/temporary.h"
#include "disk/userkey.h"
#include "format/key.h"

#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------- list */

/* Entries are in a folder itself, and their names begin with no dot. */
static bool can_be_entry(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static void take_entry(locache_file *out, const lc_entry *entry)
{
    out->ours = true;
    out->created = entry->created;
    out->compute_time = entry->compute_time > 0 ? entry->compute_time : 0;
    out->expires = entry->expires;
    out->codec = entry->codec;
    out->signature = entry->has_mac ? LOCACHE_SIGNATURE_UNKNOWN : LOCACHE_SIGNATURE_NONE;
    out->body_size = entry->body.size;
    out->buffer_count = entry->buffer_count;
    out->compressed = out->compressed || entry->compressed;
    out->function = entry->function;
    out->version = entry->version;
    out->key = entry->key.data;
    out->key_size = entry->key.size;
}

/* Whatever is wrong with the file, as much as can be said of it. `front` outlives *out. */
static void examine(locache_file *out, lc_front *front, const lc_directory *at, const char *name,
                    locache_error *error)
{
    *out = (locache_file){.size = sizeof *out, .name = name, .message = error->message};
    out->status = lc_front_examine(front, at, name, error);
    out->file_size = front->size;
    out->disk_size = front->blocks;
    out->modified = front->modified;
    out->used = front->used;
    if (out->status == LOCACHE_OK)
        take_entry(out, &front->entry);
    else
        out->ours = lc_ours_entry(at->dir, name);
}

typedef struct files {
    lc_directory at;
    bool (*fn)(void *context, const locache_file *file);
    void *context;
} files;

static bool list_file(void *context, const char *name)
{
    const files *in = context;
    lc_front front;
    locache_error error;
    locache_file file;
    examine(&file, &front, &in->at, name, &error);
    /* Somebody removed it meanwhile. */
    if (file.status == LOCACHE_MISS && !file.ours)
        return true;
    return in->fn(in->context, &file);
}

locache_status locache_folder_list(locache_folder *folder,
                                   bool (*fn)(void *context, const locache_file *file),
                                   void *context, locache_error *error)
{
    files in = {.at = lc_folder_directory(folder), .fn = fn, .context = context};
    lc_error_clear(error);
    return lc_store_each(&in.at, list_file, &in, error);
}

locache_status locache_folder_find(locache_folder *folder, const char *name,
                                   bool (*fn)(void *context, const locache_file *file),
                                   void *context, locache_error *error)
{
    lc_directory at = lc_folder_directory(folder);
    lc_front front;
    locache_error why;
    locache_file file;
    lc_error_clear(error);
    if (!can_be_entry(name))
        return lc_fail(error, LOCACHE_EINVAL, "an entry's name begins with no dot, and has no '/'");
    examine(&file, &front, &at, name, &why);
    if (file.status == LOCACHE_MISS && !file.ours)
        return LOCACHE_MISS;
    (void)fn(context, &file);
    return LOCACHE_OK;
}

/* ----------------------------------------------------------------------------------------- read */

/* The key is asked for once, and none is made: what it could not have signed is foreign. */
static locache_signature signature_of(const locache_value *value, locache_folder *folder)
{
    if (!value->entry.has_mac)
        return LOCACHE_SIGNATURE_NONE;
    if (!folder->key_asked) {
        folder->has_key = lc_userkey_read(folder->key, false, folder->cache, NULL) == LOCACHE_OK;
        folder->key_asked = true;
    }
    bool ours = folder->has_key && lc_entry_authentic((lc_span){value->bytes, value->size},
                                                      (lc_span){NULL, 0}, folder->key);
    return ours ? LOCACHE_SIGNATURE_OURS : LOCACHE_SIGNATURE_FOREIGN;
}

static locache_status verify_file(locache_value *value, const lc_directory *at, const char *name,
                                  locache_error *error)
{
    locache_status status =
        value->sound ? LOCACHE_OK : lc_entry_parse(&value->entry, value->bytes, value->size, error);
    if (status == LOCACHE_OK && !lc_key_has_filename(value->entry.key, name))
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is the result of another call", at->path,
                       name);
    if (status != LOCACHE_OK && status != LOCACHE_MISS)
        return lc_fail(error, status, "%s/%s: %s", at->path, name, error->message);
    return status;
}

static locache_status expand_file(locache_value **value, const lc_directory *at, const char *name,
                                  locache_error *error)
{
    locache_status status = lc_packed_expand(value, error);
    if (status != LOCACHE_OK)
        return lc_fail(error, status, "%s/%s: %s", at->path, name, error->message);
    return status;
}

/* As much as the caller's version of the struct has room for. */
static void give_file(locache_file *out, const locache_file *from)
{
    size_t size = out->size;
    memcpy(out, from, size < sizeof *from ? size : sizeof *from);
    out->size = size;
}

/* Read and verify. `file` is filled as far as it is known. */
static locache_status read_sound(locache_value **out, locache_file *file, locache_folder *folder,
                                 const char *name, bool expands, locache_error *error)
{
    lc_front front;
    locache_file found;
    locache_value *value = NULL;
    lc_directory at = lc_folder_directory(folder);
    lc_error_clear(error);
    if (!can_be_entry(name))
        return lc_fail(error, LOCACHE_EINVAL, "an entry's name begins with no dot, and has no '/'");
    examine(&found, &front, &at, name, error);
    found.message = "";
    found.key = NULL;
    found.key_size = 0;
    give_file(file, &found);
    if (found.status == LOCACHE_EUNTRUSTED || found.status == LOCACHE_EIO ||
        (found.status == LOCACHE_MISS && !found.ours))
        return found.status;
    lc_error_clear(error);
    /* What it says of itself is asked again of the bytes that are read now. */
    locache_status status = lc_store_read(&value, &at, name, error);
    if (status == LOCACHE_MISS)
        return error->status == LOCACHE_OK ? LOCACHE_MISS : (locache_status)error->status;
    if (status == LOCACHE_OK)
        status = verify_file(value, &at, name, error);
    /* Of what is stored, before it is decompressed. */
    uint32_t signature = status == LOCACHE_OK ? signature_of(value, folder) : 0;
    uint64_t stored = status == LOCACHE_OK ? value->size : 0;
    if (status == LOCACHE_OK && expands && value->entry.compressed)
        status = expand_file(&value, &at, name, error);
    if (status != LOCACHE_OK) {
        locache_value_free(value);
        return status;
    }
    take_entry(&found, &value->entry);
    found.status = LOCACHE_OK;
    found.signature = signature;
    found.file_size = stored;
    give_file(file, &found);
    *out = value;
    return LOCACHE_OK;
}

locache_status locache_folder_read(locache_value **out, locache_file *file, locache_folder *folder,
                                   const char *name, locache_error *error)
{
    locache_error own;
    return read_sound(out, file, folder, name, true, error != NULL ? error : &own);
}

locache_status locache_folder_load(locache_value **out, const void **bytes, locache_file *file,
                                   locache_folder *folder, const char *name, locache_error *error)
{
    locache_error own;
    locache_status status =
        read_sound(out, file, folder, name, false, error != NULL ? error : &own);
    if (status == LOCACHE_OK)
        *bytes = (*out)->bytes;
    return status;
}

/* --------------------------------------------------------------------------------------- remove */

locache_status locache_folder_remove(locache_folder *folder, const char *name, locache_error *error)
{
    struct stat found;
    lc_directory at = lc_folder_directory(folder);
    lc_error_clear(error);
    if (!can_be_entry(name))
        return lc_fail(error, LOCACHE_EINVAL, "an entry's name begins with no dot, and has no '/'");
    if (!lc_ours_entry(at.dir, name))
        return lc_fstatat(at.dir, name, &found) != 0
                   ? LOCACHE_MISS
                   : lc_fail(error, LOCACHE_EUNTRUSTED,
                             "%s/%s is not locache's: delete it by hand if it is not needed",
                             at.path, name);
    return lc_store_remove(&at, name, error);
}

void locache_folder_sweep(locache_folder *folder)
{
    lc_directory at = lc_folder_directory(folder);
    lc_store_sweep(&at);
    lc_cleared_remove(folder->dir);
}
