/* Folders of results, found and opened by their paths, for who looks into a cache from outside. The
 * same is asked of them as where a function's own is opened: ours alone, no link, and our mark. */
#include "cache/folder.h"
#include "base/alloc.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/text.h"
#include "cache/clear.h"
#include "disk/cleared.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/stamp.h"
#include "disk/switching.h"
#include "disk/version_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------ which are */

locache_status locache_is_cache(const char *dir)
{
    struct stat found;
    int root = lc_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    size_t size = strlen(dir);
    if (root < 0)
        return LOCACHE_MISS;
    while (size > 1 && dir[size - 1] == '/')
        size--;
    bool named = size > strlen(".cache") &&
                 strncmp(dir + size - strlen(".cache"), ".cache", strlen(".cache")) == 0;
    /* A directory that a user made before is marked by nobody, and has any name. */
    named = named || lc_fstatat(root, LC_VERSIONS, &found) == 0;
    bool is = lc_ours_is_marked(root) || (named && lc_ours_has_funcdir(root));
    lc_close(root);
    return is ? LOCACHE_OK : LOCACHE_MISS;
}

/* A look over a cache directory's folders. */
typedef struct tour {
    int at;           /* the directory that is listed */
    const char *path; /* of it */
    const char *name; /* of the function; NULL: each name is one */
    bool (*fn)(void *context, const locache_folder_info *folder);
    void *context;
    bool stopped;
} tour;

/* What its record says, where it has one. `record` outlives *out. */
static void take_version(locache_folder_info *out, lc_version *record, int dir)
{
    struct stat found;
    if (lc_fstat(dir, &found) == 0)
        out->changed = lc_stamp_nanoseconds(&found.st_mtim);
    if (lc_version_file_read(record, dir, out->path, NULL) != LOCACHE_OK || record->lost ||
        record->newer)
        return;
    out->has_version = true;
    out->version = record->id;
    out->has_before = record->has_before;
    out->before = record->before;
    if (record->kept_count > 0)
        out->kept = record->kept[record->kept_count - 1].said;
}

/* Tell of one directory. A file of the user's is none, nor is a directory that holds his work. */
static bool tell_folder(tour *in, const char *name)
{
    char path[LOCACHE_PATH_MAX];
    locache_error error;
    lc_version record;
    struct stat found;
    int dir = -1;
    locache_folder_info info = {.size = sizeof info,
                                .path = path,
                                .name = in->name != NULL ? in->name : name,
                                .current = in->name == NULL,
                                .kept = "",
                                .message = ""};
    if (lc_fstatat(in->at, name, &found) != 0 ||
        !(S_ISDIR(found.st_mode) || S_ISLNK(found.st_mode)) ||
        (size_t)snprintf(path, sizeof path, "%s/%s", in->path, name) >= sizeof path)
        return true;
    info.status = lc_owner_open_dir(&dir, in->at, name, in->path, &error);
    if (info.status == LOCACHE_MISS)
        return true;
    if (info.status != LOCACHE_OK) {
        info.message = error.message;
        in->stopped = !in->fn(in->context, &info);
        return !in->stopped;
    }
    if (lc_ours_funcdir(dir)) {
        take_version(&info, &record, dir);
        in->stopped = !in->fn(in->context, &info);
    }
    lc_close(dir);
    return !in->stopped;
}

static bool visit_current(void *context, const char *name)
{
    return name[0] == '.' || tell_folder(context, name);
}

static bool visit_earlier(void *context, const char *name)
{
    locache_id id;
    return !lc_text_unhex(id.bytes, LOCACHE_ID_SIZE, name) || tell_folder(context, name);
}

/* .versions/<name>, with all that is in it. */
static bool visit_family(void *context, const char *name)
{
    tour *all = context;
    char path[LOCACHE_PATH_MAX];
    if (name[0] == '.' ||
        (size_t)snprintf(path, sizeof path, "%s/%s", all->path, name) >= sizeof path)
        return true;
    tour in = *all;
    if (lc_owner_open_dir(&in.at, all->at, name, all->path, NULL) != LOCACHE_OK)
        return true;
    in.path = path;
    in.name = name;
    (void)lc_each_name(in.at, visit_earlier, &in);
    lc_close(in.at);
    all->stopped = in.stopped;
    return !in.stopped;
}

static locache_status visit_versions(tour *in, int root, locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    tour earlier = *in;
    locache_status status = lc_owner_open_dir(&earlier.at, root, LC_VERSIONS, in->path, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    earlier.path = path;
    if ((size_t)snprintf(path, sizeof path, "%s/" LC_VERSIONS, in->path) < sizeof path &&
        lc_each_name(earlier.at, visit_family, &earlier) != 0)
        status = lc_fail_os(error, errno, "cannot list %s", path);
    lc_close(earlier.at);
    return status;
}

locache_status locache_each_folder(const char *dir,
                                   bool (*fn)(void *context, const locache_folder_info *folder),
                                   void *context, locache_error *error)
{
    tour in = {.path = dir, .fn = fn, .context = context};
    lc_error_clear(error);
    if (dir[0] != '/')
        return lc_fail(error, LOCACHE_EINVAL, "a cache directory is an absolute path");
    locache_status status = lc_owner_open_told(&in.at, dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    if (lc_each_name(in.at, visit_current, &in) != 0)
        status = lc_fail_os(error, errno, "cannot list %s", dir);
    if (status == LOCACHE_OK && !in.stopped)
        status = visit_versions(&in, in.at, error);
    lc_close(in.at);
    return status;
}

/* ----------------------------------------------------------------------------- one, by its path */

/* The cache directory above a folder: <cache>/<name>, or <cache>/.versions/<name>/<id>. */
static void take_cache(locache_folder *out)
{
    memcpy(out->cache, out->path, sizeof out->cache);
    char *last = strrchr(out->cache, '/');
    *last = '\0';
    char *above = strrchr(out->cache, '/');
    if (above == NULL)
        return;
    *above = '\0';
    char *versions = strrchr(out->cache, '/');
    if (versions != NULL && strcmp(versions, "/" LC_VERSIONS) == 0)
        *versions = '\0';
    else
        *above = '/';
}

static locache_status check_folder(const locache_folder *folder, locache_error *error)
{
    if (lc_ours_funcdir(folder->dir))
        return LOCACHE_OK;
    return lc_fail(error, LOCACHE_EUNTRUSTED,
                   "%s is not a directory of locache's: there is something else in it, and "
                   "no .locache",
                   folder->path);
}

locache_status locache_folder_open(locache_folder **out, const char *path, locache_error *error)
{
    lc_error_clear(error);
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (path[0] != '/' || size < 2 || size >= LOCACHE_PATH_MAX)
        return lc_fail(error, LOCACHE_EINVAL, "a folder of results is an absolute path");
    locache_folder *folder = lc_alloc(sizeof *folder);
    if (folder == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to open %s", path);
    memcpy(folder->path, path, size);
    folder->path[size] = '\0';
    folder->owner = geteuid();
    folder->has_key = folder->key_asked = false;
    take_cache(folder);
    locache_status status = lc_owner_open_told(&folder->dir, folder->path, error);
    if (status == LOCACHE_OK) {
        status = check_folder(folder, error);
        if (status != LOCACHE_OK)
            lc_close(folder->dir);
    }
    if (status == LOCACHE_OK)
        *out = folder;
    else
        lc_free(folder);
    return status;
}

void locache_folder_close(locache_folder *folder)
{
    if (folder == NULL)
        return;
    lc_close(folder->dir);
    lc_free(folder);
}

lc_directory lc_folder_directory(const locache_folder *folder)
{
    /* Not mapped: what is verified is what the file holds now. No stamp of it is used. */
    return (lc_directory){.dir = folder->dir,
                          .owner = folder->owner,
                          .function = "",
                          .path = folder->path,
                          .grain = -1,
                          .unseen = true};
}

/* ---------------------------------------------------------------------------- what is forgotten */

/* Whoever asks for that wants the space, too: it is forgotten already, and goes now. */
static void free_cleared(int root, const char *name)
{
    int dir = lc_openat(root, name, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return;
    lc_cleared_remove(dir);
    lc_close(dir);
}

locache_status locache_clear_folder(const char *dir, const char *name, locache_error *error)
{
    int root;
    lc_error_clear(error);
    if (dir[0] != '/' || name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
        return lc_fail(error, LOCACHE_EINVAL, "an absolute path and a directory's name are needed");
    locache_status status = lc_owner_open_told(&root, dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    status = lc_clear_name(&(lc_slot){.root = root, .root_path = dir, .name = name}, error);
    free_cleared(root, name);
    lc_close(root);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

/* -------------------------------------------------------------------------------- its version */

locache_status locache_folder_record(void *out, size_t *size, const locache_folder *folder,
                                     locache_error *error)
{
    char text[LC_VERSION_TEXT_MAX];
    lc_version record;
    lc_error_clear(error);
    locache_status status = lc_version_file_read(&record, folder->dir, folder->path, error);
    if (status != LOCACHE_OK)
        return status;
    if (record.newer)
        return lc_fail(error, LOCACHE_EFORMAT, "%s was written by a later version of locache",
                       folder->path);
    if (record.lost)
        return LOCACHE_MISS;
    *size = lc_version_print(text, &record);
    memcpy(out, text, *size);
    return LOCACHE_OK;
}
