/* What there is in a cache as a whole: the sum of its functions' tallies. */
#include "disk/folders.h"
#include "base/alloc.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/switching.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One directory that is listed. */
typedef struct listing {
    lc_folders *out;
    int root;
    const char *path;
    int at;             /* the directory */
    const char *within; /* its name, as those of entries begin */
} listing;

bool lc_folders_open(lc_directory *at, char *path, const lc_folder_entry *entry)
{
    *at = (lc_directory){.owner = geteuid(), .function = entry->name, .grain = -1, .unseen = true};
    if ((size_t)snprintf(path, LOCACHE_PATH_MAX, "%s/%s", entry->root_path, entry->name) >=
            LOCACHE_PATH_MAX ||
        lc_owner_open_dir(&at->dir, entry->root, entry->name, entry->root_path, NULL) != LOCACHE_OK)
        return false;
    at->path = path;
    if (lc_ours_funcdir(at->dir))
        return true;
    lc_close(at->dir);
    return false;
}

/* What it holds; where nobody has counted that, it is counted, once. */
static bool count_folder(lc_tally *out, const lc_folder_entry *entry)
{
    char path[LOCACHE_PATH_MAX];
    lc_directory at;
    lc_tallying in;
    if (!lc_folders_open(&at, path, entry))
        return false;
    bool known = lc_tally_read(out, &at);
    if (!known && lc_tally_begin(&in, &at, true)) {
        if (!in.known)
            in.known = lc_tally_survey(&in.now, &at);
        known = in.known;
        *out = in.now;
        lc_tally_end(&in);
    }
    lc_close(at.dir);
    return known;
}

static bool add_counted(void *context, const char *name)
{
    const listing *in = context;
    lc_folders *out = in->out;
    lc_folder_entry one = {.root = in->root, .root_path = in->path};
    if (name[0] == '.' ||
        (size_t)snprintf(one.name, sizeof one.name, "%s%s", in->within, name) >= sizeof one.name)
        return true;
    if (!count_folder(&one.tally, &one))
        return true;
    if (out->count == out->room) {
        size_t larger = 2 * out->room + 16;
        lc_folder_entry *moved = lc_realloc(out->items, larger * sizeof *moved);
        out->failed = moved == NULL;
        if (out->failed)
            return false;
        out->items = moved;
        out->room = larger;
    }
    out->items[out->count++] = one;
    lc_tally_plus(&out->sum, one.tally.entries, one.tally.bytes);
    return true;
}

/* .versions/<name>/ */
static bool add_family(void *context, const char *name)
{
    const listing *all = context;
    char within[LC_FOLDERS_NAME];
    listing in = *all;
    if (name[0] == '.' ||
        (size_t)snprintf(within, sizeof within, LC_VERSIONS "/%s/", name) >= sizeof within ||
        lc_owner_open_dir(&in.at, all->at, name, all->path, NULL) != LOCACHE_OK)
        return true;
    in.within = within;
    (void)!lc_each_name(in.at, add_counted, &in);
    lc_close(in.at);
    return !in.out->failed;
}

void lc_folders_add(lc_folders *out, int root, const char *path)
{
    listing in = {.out = out, .root = root, .path = path, .at = root, .within = ""};
    (void)!lc_each_name(root, add_counted, &in);
    if (lc_owner_open_dir(&in.at, root, LC_VERSIONS, path, NULL) != LOCACHE_OK)
        return;
    (void)!lc_each_name(in.at, add_family, &in);
    lc_close(in.at);
}

void lc_folders_free(lc_folders *folders)
{
    lc_free(folders->items);
    *folders = (lc_folders){.items = NULL};
}
