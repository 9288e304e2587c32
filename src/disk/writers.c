/* Who may write to a file or directory beside its owner.
 *
 * Three things say it. The bits for others are plain. Those of the group say nothing by themselves:
 * where there is an access control list they are its mask, which is the most that any user or group
 * named in it has, and the group's own rights are in the list. And a group may be one user's alone,
 * as many systems make one for each, whose members then work with files that their group may write
 * to; or one that everybody is in. The record of a group lists only those who were added to it,
 * never whose first group it is: a group is taken for private only where it has its user's name,
 * nobody was added, and no local account has it too. What cannot be told counts as open. */
#include "disk/writers.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Records of /etc/passwd and /etc/group: a group that needs more has members, and is not
 * private. */
#define RECORD_MAX 4096

/* A POSIX access control list as Linux gives it, little-endian: a version, then entries of a tag,
 * rights, and the id of a user or group. */
#define ACL_NAME "system.posix_acl_access"
#define ACL_VERSION 2
#define ACL_HEAD 4
#define ACL_ENTRY 8
#define ACL_WRITE 2
/* With more entries than anybody writes by hand it is taken for open. */
#define ACL_MAX (ACL_HEAD + 128 * ACL_ENTRY)
enum { ACL_USER = 0x02, ACL_GROUP_OWNER = 0x04, ACL_GROUP = 0x08, ACL_MASK = 0x10 };

/* --------------------------------------------------------------------------------------- groups */

/* Has another local account this group as its own? */
static bool others_have_group(gid_t gid, const char *user)
{
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *accounts = fopen("/etc/passwd", "re");
    /* Nobody knows. */
    if (accounts == NULL)
        return true;
    while (!found && getline(&line, &room, accounts) > 0) {
        /* name:password:uid:gid:... */
        size_t name = strcspn(line, ":");
        char *at = line + name;
        for (int field = 0; field < 2 && *at == ':'; field++)
            at += 1 + strcspn(at + 1, ":");
        bool same = name == strlen(user) && memcmp(line, user, name) == 0;
        found = !same && *at == ':' && strtoul(at + 1, NULL, 10) == gid;
    }
    free(line);
    fclose(accounts);
    return found;
}

/* Is it the group that many systems give each user for himself? */
static bool group_is_private(gid_t gid)
{
    char user_room[RECORD_MAX];
    char group_room[RECORD_MAX];
    struct passwd user;
    struct passwd *user_found = NULL;
    struct group group;
    struct group *group_found = NULL;
    if (gid != getegid() ||
        getpwuid_r(geteuid(), &user, user_room, sizeof user_room, &user_found) != 0 ||
        user_found == NULL || user.pw_gid != gid)
        return false;
    if (getgrgid_r(gid, &group, group_room, sizeof group_room, &group_found) != 0 ||
        group_found == NULL || strcmp(group.gr_name, user.pw_name) != 0)
        return false;
    for (char **member = group.gr_mem; *member != NULL; member++)
        if (strcmp(*member, user.pw_name) != 0)
            return false;
    return !others_have_group(gid, user.pw_name);
}

/* ------------------------------------------------------------------------- access control lists */

static unsigned get_word(const unsigned char *at, unsigned bytes)
{
    unsigned word = 0;
    for (unsigned i = bytes; i > 0; i--)
        word = word << 8 | at[i - 1];
    return word;
}

/* What a list of that many bytes grants, up to its mask. */
static bool acl_is_open(const unsigned char *acl, size_t size, const struct stat *file, gid_t group)
{
    bool open = false;
    unsigned mask = ACL_WRITE;
    if (size < ACL_HEAD || get_word(acl, 4) != ACL_VERSION || (size - ACL_HEAD) % ACL_ENTRY != 0)
        return true;
    for (size_t at = ACL_HEAD; at < size; at += ACL_ENTRY) {
        unsigned tag = get_word(acl + at, 2);
        unsigned rights = get_word(acl + at + 2, 2);
        unsigned id = get_word(acl + at + 4, 4);
        if (tag == ACL_MASK)
            mask = rights;
        else if (rights & ACL_WRITE)
            open = open || (tag == ACL_USER && id != file->st_uid) ||
                   (tag == ACL_GROUP && id != group && !group_is_private(id)) ||
                   (tag == ACL_GROUP_OWNER && file->st_gid != group &&
                    !group_is_private(file->st_gid));
    }
    return open && (mask & ACL_WRITE);
}

bool lc_writers_beside(int fd, const struct stat *file, gid_t group)
{
    unsigned char acl[ACL_MAX];
    if (file->st_mode & S_IWOTH)
        return true;
    /* No list grants more than its mask, which these bits are. */
    if (!(file->st_mode & S_IWGRP))
        return false;
    ssize_t size = lc_get_attribute(fd, ACL_NAME, acl, sizeof acl);
    if (size >= 0)
        return acl_is_open(acl, (size_t)size, file, group);
    /* No list, or a file system or system without them; anything else may hide one. */
    bool none = errno == ENODATA || errno == ENOTSUP;
    return !none || (file->st_gid != group && !group_is_private(file->st_gid));
}

bool lc_writers_others(int fd, const struct stat *file)
{
    return lc_writers_beside(fd, file, (gid_t)-1);
}
