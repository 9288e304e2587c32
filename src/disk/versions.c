/* The switch of a function's directory to another version, and the versions that stay.
 *
 * A function's directory has one identity for as long as it exists: when the source changes, it is
 * the directory that goes, with all its results, and another that comes. So no moment shows old
 * results under a new identity, whoever reads at that moment, and a process that has a directory
 * open goes on with its own version wherever that was moved.
 *
 * The order of the renames makes a crash harmless. What comes in is made whole first, with its
 * version file, in .versions/.tmp/; then what is there goes aside, under the id that its entries
 * carry; then the other takes its place. A crash in between leaves nothing in place, the old one in
 * .versions/<name>/, where the next process looks, and the new one in .tmp/, which that sweeps. At
 * worst an empty directory is made once more. */
#include "disk/versions.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "base/text.h"
#include "disk/keep.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/stamp.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define HEX_SIZE (2 * LOCACHE_ID_SIZE)

/* The name of what is to come in: of an earlier version, or of a directory in .tmp/. */
#define SOURCE_NAME (LC_SWITCHING_NAME > HEX_SIZE + 1 ? LC_SWITCHING_NAME : HEX_SIZE + 1)

/* ----------------------------------------------------------------------------- earlier versions */

/* A look through .versions/<name>/. */
typedef struct search {
    const lc_switching *in;
    const lc_wanted *wanted;
    locache_status status; /* MISS so far, NEED_SOURCE, or OK: found */
    char found[HEX_SIZE + 1];
} search;

static bool is_id(const char *name)
{
    locache_id id;
    return lc_text_unhex(id.bytes, LOCACHE_ID_SIZE, name);
}

/* Is the directory of that name the wanted one? True: go on to the next. What is not one that we
 * could have made is passed over: it is not ours to complain about, nor to use. */
static bool match_one(void *context, const char *name)
{
    search *query = context;
    lc_version seen;
    int dir;
    if (!is_id(name) || lc_owner_open_dir(&dir, query->in->family, name, query->in->family_path,
                                          NULL) != LOCACHE_OK)
        return true;
    locache_status status = lc_version_file_read(&seen, dir, query->in->family_path, NULL);
    lc_close(dir);
    if (status != LOCACHE_OK || seen.newer)
        return true;
    const locache_identity *identity = query->wanted->asked.main;
    if (seen.lost) {
        /* The directory's name says which source it belongs to, unless it was given a random one
         * (id_taken()): then it is not found, and ages out. */
        locache_id id;
        char own[HEX_SIZE + 1];
        lc_version_own_id(&id, identity);
        lc_text_hex(own, id.bytes, LOCACHE_ID_SIZE);
        status = lc_version_could_ask(identity) ? LOCACHE_NEED_SOURCE
                 : strcmp(own, name) == 0       ? LOCACHE_OK
                                                : LOCACHE_MISS;
    } else {
        status = lc_version_compare(NULL, &seen, &query->wanted->asked);
    }
    if (status == LOCACHE_MISS)
        return true;
    query->status = status;
    memcpy(query->found, name, HEX_SIZE + 1);
    /* After one that only the source can tell, there may still be one that is told by its code. */
    return status != LOCACHE_OK;
}

/* The name of the earlier version that is of the wanted identity. OK, MISS, NEED_SOURCE,
 * failures. */
static locache_status find_earlier(char found[HEX_SIZE + 1], const lc_switching *in,
                                   const lc_wanted *wanted, locache_error *error)
{
    search query = {.in = in, .wanted = wanted, .status = LOCACHE_MISS};
    if (in->family < 0)
        return LOCACHE_MISS;
    /* Nearly always it has the name that its source gives, and the others need not be read. */
    if (wanted->asked.main->has_source) {
        locache_id id;
        char own[HEX_SIZE + 1];
        lc_version_own_id(&id, wanted->asked.main);
        lc_text_hex(own, id.bytes, LOCACHE_ID_SIZE);
        (void)match_one(&query, own);
    }
    if (query.status != LOCACHE_OK && lc_each_name(in->family, match_one, &query) != 0)
        return lc_fail_os(error, errno, "cannot list %s", in->family_path);
    memcpy(found, query.found, HEX_SIZE + 1);
    return query.status;
}

/* The least recently used of the earlier versions so far. */
typedef struct oldest {
    int dir;
    unsigned count;
    int64_t used;
    char name[HEX_SIZE + 1];
} oldest;

static bool compare_age(void *context, const char *name)
{
    oldest *least = context;
    struct stat found;
    if (!is_id(name) || lc_fstatat(least->dir, name, &found) != 0)
        return true;
    int64_t used = lc_stamp_nanoseconds(&found.st_mtim);
    if (least->count++ == 0 || used < least->used) {
        least->used = used;
        memcpy(least->name, name, HEX_SIZE + 1);
    }
    return true;
}

/* Evict what is more than LC_VERSIONS_MAX, or was not used for LC_VERSIONS_AGE. Mostly there is
 * none or one after a switch, so that to list them again for each costs nothing. A failure leaves
 * one too many. */
static void evict_versions(lc_versions_news *news, const lc_switching *in)
{
    for (;;) {
        oldest least = {.dir = in->family};
        bool listed = lc_each_name(in->family, compare_age, &least) == 0 && least.count > 0;
        bool old = listed && lc_now() - LC_VERSIONS_AGE > least.used;
        if (!listed || (least.count <= LC_VERSIONS_MAX && !old) ||
            lc_switching_discard(in, in->family, least.name) != 0)
            return;
        if (news->evicted < sizeof news->those / sizeof *news->those) {
            lc_evicted *one = &news->those[news->evicted];
            one->old = least.count <= LC_VERSIONS_MAX;
            (void)lc_text_unhex(one->id.bytes, LOCACHE_ID_SIZE, least.name);
        }
        news->evicted++;
    }
}

/* ----------------------------------------------------------------------------------- the switch */

/* Is this id that of the directory that has to go, or of one that went before? */
static bool id_taken(const lc_switching *in, const locache_id *id, const lc_version *current)
{
    char hex[HEX_SIZE + 1];
    struct stat found;
    lc_text_hex(hex, id->bytes, LOCACHE_ID_SIZE);
    return (current != NULL && lc_version_same_id(id, &current->id)) ||
           (in->family >= 0 && lc_fstatat(in->family, hex, &found) == 0);
}

/* Make this identity's directory, complete, in .versions/.tmp. `fresh` has LC_SWITCHING_NAME
 * bytes. */
static locache_status prepare(char *fresh, const lc_switching *in, const lc_wanted *wanted,
                              const lc_version *current, locache_error *error)
{
    lc_version first = {.has_before = current != NULL};
    int dir;
    if (current != NULL)
        first.before = current->id;
    lc_version_own_id(&first.id, wanted->asked.main);
    /* There is one of that id that is not this identity's, or has lost what it is of. Its entries
     * carry the id and must not be taken for ours: a random one has no entries yet. */
    if (id_taken(in, &first.id, current))
        lc_random(first.id.bytes, LOCACHE_ID_SIZE);
    lc_version_learn(&first, wanted->asked.main);
    lc_temporary_name(fresh, LC_SWITCHING_NEW);
    if (lc_share_mkdir(in->work, fresh, lc_share_like(in->work)) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", in->path);
    locache_status status = lc_owner_open_dir(&dir, in->work, fresh, in->versions_path, error);
    if (status == LOCACHE_OK) {
        status = lc_version_file_make(dir, &first, in->path, error);
        /* Nobody needs it. */
        if (status == LOCACHE_OK)
            (void)!lc_version_file_make_note(dir, wanted->note, in->path, NULL);
        lc_close(dir);
    } else if (status == LOCACHE_MISS) {
        status = lc_fail_os(error, ENOENT, "cannot make the directory %s", in->path);
    }
    /* Only its maker marks a cache directory; what was deleted of the mark is made again. */
    if (status == LOCACHE_OK && (wanted->made_root || lc_ours_is_marked(in->root)))
        lc_ours_mark(in->root, in->work);
    if (status != LOCACHE_OK)
        lc_ours_remove(in->work, fresh);
    return status;
}

/* Move the directory that is in place to .versions/<name>/<hex>. */
static locache_status move_aside(lc_switching *in, const char *hex, locache_error *error)
{
    locache_status status = lc_switching_open_family(in, error);
    if (status != LOCACHE_OK)
        return status;
    int result = lc_renameat(in->root, in->name, in->family, hex);
    /* A copy of it is there already, perhaps by hand: the later one counts. */
    if (result != 0 && (errno == ENOTEMPTY || errno == EEXIST) &&
        lc_switching_discard(in, in->family, hex) == 0)
        result = lc_renameat(in->root, in->name, in->family, hex);
    if (result != 0)
        return lc_fail_os(error, errno, "cannot move %s to %s/%s", in->path, in->family_path, hex);
    /* It was in use until now: evict_versions() goes by this time. */
    lc_utime_now(in->family, hex);
    return LOCACHE_OK;
}

/* Put `name` of directory `from` where `current` is (NULL: nothing is there). */
static locache_status exchange(lc_switching *in, int from, const char *name,
                               const lc_version *current, locache_error *error)
{
    char hex[HEX_SIZE + 1];
    if (current != NULL) {
        lc_text_hex(hex, current->id.bytes, LOCACHE_ID_SIZE);
        locache_status status = move_aside(in, hex, error);
        if (status != LOCACHE_OK)
            return status;
    }
    if (lc_renameat(from, name, in->root, in->name) == 0)
        return LOCACHE_OK;
    locache_status status = lc_fail_os(error, errno, "cannot move a directory to %s", in->path);
    /* Back again, if that can be: if not, it is an earlier version like others. */
    if (current != NULL)
        lc_renameat(in->family, hex, in->root, in->name);
    return status;
}

static locache_status refuse_taken(const lc_switching *in, locache_error *error)
{
    return lc_fail(
        error, LOCACHE_EUNTRUSTED,
        "%s holds files that locache did not make, and is left alone: rename it, or give "
        "another dir=",
        in->path);
}

/* The directory that is in place: OK: the wanted one, open; MISS: out->there says whether another
 * one is, described by found, and that may be moved. */
static locache_status open_current(lc_settled *out, lc_version *found, const lc_switching *in,
                                   const lc_wanted *wanted, locache_error *error)
{
    int dir;
    out->there = false;
    locache_status status = lc_owner_open_dir(&dir, in->root, in->name, in->root_path, error);
    if (status != LOCACHE_OK)
        return status;
    out->there = true;
    out->taken = !lc_ours_funcdir(dir);
    if (!out->taken)
        status = lc_version_file_check(found, dir, in->path, wanted, error);
    out->taken = out->taken || (status == LOCACHE_MISS && !lc_ours_whole(dir));
    if (out->taken)
        status = refuse_taken(in, error);
    if (status == LOCACHE_OK) {
        out->dir = dir;
        out->id = found->id;
    } else {
        lc_close(dir);
    }
    return status;
}

/* Find or make the wanted identity's directory, and put it where `current` is (NULL: nothing is
 * there). MISS: there is none, and none to be made. */
static locache_status bring(lc_versions_news *news, lc_switching *in, const lc_wanted *wanted,
                            const lc_version *current, locache_error *error)
{
    char source[SOURCE_NAME];
    locache_status status = find_earlier(source, in, wanted, error);
    bool restored = status == LOCACHE_OK;
    if (status == LOCACHE_MISS) {
        if (current == NULL && !wanted->make)
            return LOCACHE_MISS;
        /* Not before the source is known: it decides the new directory's id. */
        if (lc_version_could_ask(wanted->asked.main))
            return LOCACHE_NEED_SOURCE;
        news->kept = current != NULL && wanted->kept_by != NULL;
        if (news->kept)
            return lc_keep_new(in, current, wanted, error);
        status = prepare(source, in, wanted, current, error);
    }
    if (status != LOCACHE_OK)
        return status;
    status = exchange(in, restored ? in->family : in->work, source, current, error);
    if (status != LOCACHE_OK) {
        if (!restored)
            lc_ours_remove(in->work, source);
        return status;
    }
    news->moved = current != NULL;
    news->restored = restored;
    if (news->moved)
        evict_versions(news, in);
    return LOCACHE_OK;
}

static locache_status settle_lock_held(lc_settled *out, lc_switching *in, const lc_wanted *wanted,
                                       locache_error *error)
{
    lc_version current;
    /* Another process may have made the switch while this one waited for the lock. */
    locache_status status = open_current(out, &current, in, wanted, error);
    if (status == LOCACHE_MISS) {
        status = bring(&out->news, in, wanted, out->there ? &current : NULL, error);
        if (status != LOCACHE_OK)
            return status;
        out->made = !out->news.restored && !out->news.kept;
        /* By its name, as any other: who moves directories by hand does not take the lock. */
        status = open_current(out, &current, in, wanted, error);
        if (status == LOCACHE_MISS && out->there)
            return lc_fail(error, LOCACHE_EBUSY, "%s was exchanged meanwhile", in->path);
    }
    return status;
}

/* Everything here lies below an open directory and is named by us: what is not found was deleted
 * meanwhile, with the directory that it was in. Then nothing is there. */
static locache_status gone_is_miss(locache_status status, locache_error *error)
{
    if (status != LOCACHE_EIO || (error->os_error != ENOENT && error->os_error != ESTALE))
        return status;
    lc_error_clear(error);
    return LOCACHE_MISS;
}

/* Is no version of it there, nor on its way? One that another process switches is in one of the two
 * places at any moment, but for an instant in which what comes in is not in place, and what went
 * out is among the earlier ones. */
static bool is_nowhere(const lc_slot *slot)
{
    char family[LOCACHE_PATH_MAX];
    struct stat found;
    int size = snprintf(family, sizeof family, LC_VERSIONS "/%s", slot->name);
    return size > 0 && (size_t)size < sizeof family &&
           lc_fstatat(slot->root, family, &found) != 0 && errno == ENOENT;
}

locache_status lc_versions_settle(lc_settled *out, const lc_slot *slot, const lc_wanted *wanted,
                                  locache_error *error)
{
    lc_switching in;
    struct stat found;
    locache_error own;
    if (error == NULL)
        error = &own;
    out->news = (lc_versions_news){.evicted = 0};
    out->taken = out->made = false;
    /* .versions/ is made where a directory goes in or out, not by who only asks. */
    bool needed = wanted->make || lc_fstatat(slot->root, slot->name, &found) == 0;
    if (!needed && is_nowhere(slot))
        return LOCACHE_MISS;
    locache_status status = lc_switching_begin(&in, slot, needed, error);
    if (status == LOCACHE_OK)
        status = settle_lock_held(out, &in, wanted, error);
    lc_switching_end(&in);
    return gone_is_miss(status, error);
}

static bool discard_one(void *context, const char *name)
{
    const lc_switching *in = context;
    int dir;
    if (!is_id(name) ||
        lc_owner_open_dir(&dir, in->family, name, in->family_path, NULL) != LOCACHE_OK)
        return true;
    bool ours = lc_ours_funcdir(dir);
    lc_close(dir);
    return !ours || lc_switching_discard(in, in->family, name) == 0;
}

locache_status lc_versions_forget(const lc_slot *slot, locache_error *error)
{
    lc_switching in;
    locache_error own;
    if (error == NULL)
        error = &own;
    locache_status status = lc_switching_begin(&in, slot, false, error);
    /* A rename for each; their files go when the lock was given up. */
    if (status == LOCACHE_OK && in.family >= 0) {
        if (lc_each_name(in.family, discard_one, &in) != 0)
            status = lc_fail_os(error, errno, "cannot remove %s", in.family_path);
        lc_unlinkat(in.versions, slot->name, AT_REMOVEDIR);
    }
    lc_switching_end(&in);
    status = gone_is_miss(status, error);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

/* --------------------------------------------------------------------------------- file systems */

/* Not by its inode: programs that are file systems (FUSE) number each spelling of a name. Nobody
 * makes a directory of that name; where somebody does, names are longer and nothing else is. */
bool lc_versions_fold_case(int root)
{
    struct stat own;
    struct stat capital;
    return lc_fstatat(root, ".VERSIONS", &capital) == 0 &&
           lc_fstatat(root, LC_VERSIONS, &own) == 0 && own.st_dev == capital.st_dev &&
           S_ISDIR(capital.st_mode);
}
