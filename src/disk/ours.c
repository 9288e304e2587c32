/* What locache made itself, told from what a user has in the same places. A cache directory may be
 * any that dir= names, so that a function's name may be that of a directory full of somebody's
 * work: neither the place nor the name of a thing says that it is ours. */
#include "disk/ours.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/share.h"
#include "disk/temporary.h"
#include "disk/tree.h"
#include "format/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* So many entries at the front of a directory, in the order of a hash or of age, are enough to know
 * it by: one with a million is not read through. */
#define ENOUGH 250
/* So many of them are opened, since a user may call a file as entries are; the others are known by
 * their names. To open a thousand would take ten times as long as all else of a switch. */
#define OPENED 32

static const char tag[] =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Results of functions, kept by locache. This directory may be deleted at any time.\n";

/* A call without arguments is "_"; others have a '=' or end with '~' and a hash. */
static bool is_entry_name(const char *name)
{
    unsigned char hash[LOCACHE_ID_SIZE];
    const char *end = strrchr(name, '~');
    return strcmp(name, "_") == 0 || strchr(name, '=') != NULL ||
           (end != NULL && lc_text_unhex(hash, sizeof hash, end + 1));
}

bool lc_ours_entry(int dir, const char *name)
{
    static const unsigned char zeros[LC_ENTRY_MAGIC_SIZE];
    unsigned char head[LC_ENTRY_MAGIC_SIZE] = {0};
    struct stat found;
    /* Before it is opened: to open a device may do something. */
    if (lc_fstatat(dir, name, &found) != 0 || !S_ISREG(found.st_mode))
        return false;
    int fd = lc_open_unseen(dir, name);
    if (fd < 0)
        return false;
    ssize_t size = lc_read_full(fd, head, sizeof head);
    lc_close(fd);
    if (size == (ssize_t)sizeof head && lc_entry_has_magic(head))
        return true;
    return size >= 0 && memcmp(head, zeros, sizeof head) == 0 && is_entry_name(name);
}

/* What file managers and network file systems leave wherever they were: nobody's work. */
static bool is_litter(const char *name)
{
    return strcmp(name, ".DS_Store") == 0 || strcmp(name, ".directory") == 0 ||
           strncmp(name, "._", 2) == 0 || strncmp(name, ".nfs", 4) == 0;
}

typedef struct inspection {
    int dir;
    int count;
    bool foreign;
} inspection;

static bool inspect_one(void *context, const char *name)
{
    inspection *in = context;
    if (strcmp(name, LC_META) == 0 || is_litter(name))
        return true;
    bool by_name = in->count >= OPENED && is_entry_name(name);
    in->foreign = !by_name && !lc_ours_entry(in->dir, name);
    return !in->foreign && ++in->count < ENOUGH;
}

bool lc_ours_whole(int dir)
{
    inspection in = {.dir = dir};
    return lc_each_name(dir, inspect_one, &in) == 0 && !in.foreign;
}

bool lc_ours_funcdir(int dir)
{
    struct stat found;
    return lc_fstatat(dir, LC_META, &found) == 0 || lc_ours_whole(dir);
}

static bool find_marked(void *context, const char *name)
{
    inspection *in = context;
    struct stat found;
    if (name[0] == '.' || lc_fstatat(in->dir, name, &found) != 0 || !S_ISDIR(found.st_mode))
        return true;
    int dir = lc_openat(in->dir, name, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return true;
    in->count += lc_fstatat(dir, LC_META, &found) == 0;
    lc_close(dir);
    return in->count == 0;
}

bool lc_ours_has_funcdir(int root)
{
    inspection in = {.dir = root};
    return lc_each_name(root, find_marked, &in) == 0 && in.count > 0;
}

static bool remove_if_ours(void *context, const char *name)
{
    int dir = *(const int *)context;
    if (strcmp(name, LC_META) == 0)
        lc_tree_remove(dir, name);
    else if (is_litter(name) || lc_ours_entry(dir, name))
        lc_unlinkat(dir, name, 0);
    return true;
}

void lc_ours_remove(int at, const char *name)
{
    int dir = lc_openat(at, name, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return;
    lc_each_name(dir, remove_if_ours, &dir);
    lc_close(dir);
    lc_unlinkat(at, name, AT_REMOVEDIR);
}

void lc_ours_mark(int root, int work)
{
    static const char *const files[][2] = {{"CACHEDIR.TAG", tag}, {".gitignore", "*\n"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        lc_temporary temporary;
        struct stat found;
        lc_span content = {files[i][1], strlen(files[i][1])};
        if (lc_fstatat(root, files[i][0], &found) == 0 || errno != ENOENT ||
            lc_temporary_create(&temporary, work) != 0 ||
            lc_temporary_share(&temporary, lc_share_like(work)) != 0 ||
            lc_temporary_write(&temporary, &content, 1) != 0)
            continue;
        (void)!lc_temporary_publish(&temporary, root, files[i][0]);
    }
}

bool lc_ours_is_marked(int root)
{
    char text[sizeof tag];
    int fd = lc_openat(root, "CACHEDIR.TAG", O_RDONLY, 0);
    if (fd < 0)
        return false;
    ssize_t size = lc_read_full(fd, text, sizeof text);
    lc_close(fd);
    return size == (ssize_t)strlen(tag) && memcmp(text, tag, strlen(tag)) == 0;
}
