/* `locache import`: results that `locache export` took from a cache, brought into another. */
#include "archive.h"
#include "command.h"
#include "json.h"
#include "print.h"
#include "progress.h"
#include "units.h"
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { IMPORT_INTO, IMPORT_TRUST, IMPORT_REPLACE, IMPORT_MAX_SIZE, IMPORT_JSON };

static const cli_option options[] = {
    [IMPORT_INTO] = {0, "into", "DIR", "the cache directory; else the archive's name for it, here"},
    [IMPORT_TRUST] = {0, "trust", NULL,
                      "sign its pickles as one's own: they may run anything when they are read"},
    [IMPORT_REPLACE] = {0, "replace", NULL, "results that are there already are replaced"},
    [IMPORT_MAX_SIZE] = {0, "max-size", "SIZE",
                         "refuse what unpacks to more; else half of the free space"},
    [IMPORT_JSON] = {0, "json", NULL, "the numbers as a JSON object"},
};

/* Taken at once for what a member announces; then as much again as has come. */
#define FIRST_ROOM ((size_t)1 << 20)

/* A folder whose record was read, and of which no result came yet. */
typedef struct pending_folder {
    char path[LOCACHE_PATH_MAX]; /* within the archive */
    char name[LOCACHE_NAME_MAX + 1];
    bool current;
    bool begun;
    size_t record_size;
    size_t note_size;
    char record[LOCACHE_VERSION_RECORD_MAX];
    char note[LOCACHE_NOTE_MAX];
} pending_folder;

typedef struct importing {
    const char *into; /* NULL: as the archive says */
    uint32_t flags;
    uint64_t max_size;
    bool has_max; /* it was said */
    bool as_json;
    cli_archive_reader *reader;
    locache_import *to;
    char cache[LOCACHE_NAME_MAX + 1]; /* the archive's name for it; "": not known yet */
    char dir[LOCACHE_PATH_MAX];
    pending_folder folder;
    unsigned char *bytes;
    size_t room;
    uint64_t functions;
    cli_progress progress;
    int file;
    off_t file_size; /* 0: not known, of a pipe */
    char message[LOCACHE_MESSAGE_MAX];
} importing;

/* Why it cannot be imported. False, for callers to return. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static bool
refuse_archive(importing *in, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(in->message, sizeof in->message, format, arguments);
    va_end(arguments);
    return false;
}

/* ------------------------------------------------------------------------------------ the names */

/* A member's path in its parts: at most six, as <cache>/.versions/<name>/<id>/.locache/x. */
#define PARTS_MAX 6

typedef struct parted {
    char text[LOCACHE_PATH_MAX];
    char *parts[PARTS_MAX];
    size_t count;
    const char *whole; /* without what says that it is relative */
} parted;

/* False: it is absolute, or leads elsewhere, or is no path of a cache's. */
static bool part_path(parted *out, const char *path)
{
    out->count = 0;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    out->whole = path;
    if (path[0] == '\0' || path[0] == '/' || strlen(path) >= sizeof out->text)
        return false;
    memcpy(out->text, path, strlen(path) + 1);
    for (char *at = out->text; at != NULL;) {
        char *next = strchr(at, '/');
        if (next != NULL)
            *next++ = '\0';
        /* A directory's may end with a slash. */
        if (at[0] == '\0' && next == NULL && out->count > 0)
            break;
        if (out->count == PARTS_MAX || at[0] == '\0' || strcmp(at, ".") == 0 ||
            strcmp(at, "..") == 0 || strlen(at) > LOCACHE_NAME_MAX + sizeof "~locache")
            return false;
        out->parts[out->count++] = at;
        at = next;
    }
    return true;
}

static bool is_version(const char *part)
{
    return strlen(part) == 2 * (size_t)LOCACHE_ID_SIZE &&
           strspn(part, "0123456789abcdef") == strlen(part);
}

/* Which part of the path the function's name is, and how many the folder has: <cache>/<name> or
 * <cache>/.versions/<name>/<id>. 0: it is in no folder. */
static size_t folder_parts(size_t *name_at, const parted *path)
{
    bool earlier = path->count > 1 && strcmp(path->parts[1], ".versions") == 0;
    *name_at = earlier ? 2 : 1;
    if (earlier)
        return path->count > 4 && path->parts[2][0] != '.' && is_version(path->parts[3]) ? 4 : 0;
    return path->count > 2 && path->parts[1][0] != '.' ? 2 : 0;
}

/* -------------------------------------------------------------------------------------- reading */

/* The member into in->bytes. What it announces may be a lie: memory is taken as it comes. */
static bool read_member(importing *in, const cli_member *member)
{
    size_t done = 0;
    while (done < member->size) {
        size_t wanted = done == 0 ? FIRST_ROOM : 2 * done;
        wanted = wanted < member->size ? wanted : (size_t)member->size;
        if (wanted > in->room) {
            unsigned char *bytes = realloc(in->bytes, wanted);
            if (bytes == NULL)
                return refuse_archive(in, "no memory for %s", member->path);
            in->bytes = bytes;
            in->room = wanted;
        }
        if (!cli_archive_read(in->bytes + done, wanted - done, in->reader))
            return refuse_archive(in, "%s", cli_archive_message(in->reader));
        done = wanted;
    }
    return true;
}

static bool read_into(importing *in, char *out, size_t *size, size_t room, const cli_member *member)
{
    if (member->size > room)
        return refuse_archive(in, "%s is too long", member->path);
    *size = (size_t)member->size;
    return cli_archive_read(out, *size, in->reader) ||
           refuse_archive(in, "%s", cli_archive_message(in->reader));
}

/* -------------------------------------------------------------------------------- where it goes */

/* What an archive may unpack to without filling the disk. */
static uint64_t half_of_free(const char *dir)
{
    char path[LOCACHE_PATH_MAX];
    struct statvfs found;
    (void)snprintf(path, sizeof path, "%s", dir);
    /* The nearest directory that is there. */
    while (statvfs(path, &found) != 0) {
        char *last = strrchr(path, '/');
        if (last == NULL || last == path)
            return UINT64_MAX;
        *last = '\0';
    }
    return (uint64_t)found.f_bavail * found.f_frsize / 2;
}

/* Is it a cache, or nothing yet? Where it cannot be looked at, it cannot be written to either, and
 * that is said then. */
static bool may_hold_results(const char *dir)
{
    bool holds_other = false;
    const struct dirent *one;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL && fd >= 0)
        (void)close(fd);
    if (stream == NULL)
        return true;
    while (!holds_other && (one = readdir(stream)) != NULL)
        /* An import that was killed leaves .versions/, where it had begun. */
        holds_other = strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0 &&
                      strcmp(one->d_name, ".versions") != 0;
    (void)closedir(stream);
    return !holds_other || locache_is_cache(dir) == LOCACHE_OK;
}

static bool begin_import(importing *in)
{
    char here[LOCACHE_PATH_MAX];
    locache_error error;
    const char *into = in->into != NULL ? in->into : in->cache;
    if (getcwd(here, sizeof here) == NULL)
        return refuse_archive(in, "the working directory cannot be found: %s", strerror(errno));
    int size = into[0] == '/' ? snprintf(in->dir, sizeof in->dir, "%s", into)
                              : snprintf(in->dir, sizeof in->dir, "%s/%s", here, into);
    if (size < 0 || (size_t)size >= sizeof in->dir)
        return refuse_archive(in, "%s is too long a path", into);
    if (!may_hold_results(in->dir))
        return refuse_archive(in,
                              "%.999s is neither a cache of locache's nor empty: say with --into "
                              "which cache is meant, or where a new one shall be",
                              in->dir);
    if (!in->has_max)
        in->max_size = half_of_free(in->dir);
    if (locache_import_begin(&in->to, in->dir, in->flags, &error) != LOCACHE_OK)
        return refuse_archive(in, "%s", error.message);
    return true;
}

/* All members are of one cache. */
static bool take_cache_name(importing *in, const char *name)
{
    if (in->to != NULL)
        return strcmp(in->cache, name) == 0 ||
               refuse_archive(in, "it has more than one cache: %s, %s", in->cache, name);
    if (name[0] == '.' || strlen(name) > LOCACHE_NAME_MAX)
        return refuse_archive(in, "%s is no name of a cache", name);
    memcpy(in->cache, name, strlen(name) + 1);
    return begin_import(in);
}

static bool begin_pending(importing *in)
{
    locache_error error;
    pending_folder *folder = &in->folder;
    locache_imported_folder told = {.size = sizeof told,
                                    .name = folder->name,
                                    .current = folder->current,
                                    .record = folder->record,
                                    .record_size = folder->record_size,
                                    .note = folder->note,
                                    .note_size = folder->note_size};
    cli_function_id(&told.function, folder->name);
    folder->begun = true;
    in->functions++;
    return locache_import_folder(in->to, &told, &error) == LOCACHE_OK ||
           refuse_archive(in, "%s", error.message);
}

/* A file of .locache/: record, or note. */
static bool take_meta(importing *in, const parted *path, size_t parts, size_t name_at,
                      const cli_member *member)
{
    pending_folder *folder = &in->folder;
    const char *file = path->parts[parts + 1];
    size_t size = (size_t)(path->parts[parts] - path->text) - 1;
    if (strcmp(file, "version") == 0) {
        *folder = (pending_folder){.current = parts == 2};
        memcpy(folder->path, path->whole, size);
        memcpy(folder->name, path->parts[name_at], strlen(path->parts[name_at]) + 1);
        return read_into(in, folder->record, &folder->record_size, sizeof folder->record, member);
    }
    if (strcmp(file, "parts") == 0 && strncmp(folder->path, path->whole, size) == 0 &&
        folder->path[size] == '\0' && !folder->begun)
        return read_into(in, folder->note, &folder->note_size, sizeof folder->note, member);
    return refuse_archive(in, "%s is no file of an exported cache", member->path);
}

static bool bring_entry(importing *in, const parted *path, size_t parts, const cli_member *member)
{
    locache_error error;
    size_t size = (size_t)(path->parts[parts] - path->text) - 1;
    pending_folder *folder = &in->folder;
    if (strncmp(folder->path, path->whole, size) != 0 || folder->path[size] != '\0')
        return refuse_archive(in,
                              "%s comes before the record of its version: it was not made by "
                              "locache export",
                              member->path);
    if (!folder->begun && !begin_pending(in))
        return false;
    if (!read_member(in, member))
        return false;
    off_t at = in->file_size > 0 ? lseek(in->file, 0, SEEK_CUR) : 0;
    in->progress.part = at > 0 ? (double)at / (double)in->file_size : 0;
    cli_progress_step(&in->progress);
    return locache_import_entry(in->to, path->parts[parts], in->bytes, (size_t)member->size,
                                &error) == LOCACHE_OK ||
           refuse_archive(in, "%s", error.message);
}

static bool take_one(importing *in, const cli_member *member)
{
    parted path;
    size_t name_at;
    if (!part_path(&path, member->path))
        return refuse_archive(in, "%s leads out of a cache, or is no path in one", member->path);
    if (member->directory)
        return true;
    size_t parts = folder_parts(&name_at, &path);
    if (parts == 0 || strlen(path.parts[name_at]) > LOCACHE_NAME_MAX)
        return refuse_archive(in, "%s is no file of an exported cache", member->path);
    if (!take_cache_name(in, path.parts[0]))
        return false;
    if (member->size > in->max_size || cli_archive_unpacked(in->reader) > in->max_size)
        return refuse_archive(in, "it unpacks to more than %llu byte%s: --max-size allows more",
                              (unsigned long long)in->max_size, cli_plural(in->max_size));
    if (path.count == parts + 2 && strcmp(path.parts[parts], ".locache") == 0)
        return take_meta(in, &path, parts, name_at, member);
    if (path.count == parts + 1 && path.parts[parts][0] != '.')
        return bring_entry(in, &path, parts, member);
    return refuse_archive(in, "%s is no file of an exported cache", member->path);
}

/* ---------------------------------------------------------------------------------- the command */

static void put_imported(const importing *in, const locache_imported *done)
{
    char size[CLI_SIZE_WORDS];
    cli_json json = {.comma = false};
    if (in->as_json) {
        cli_json_open(&json, '{');
        cli_json_member_text(&json, "cache", in->dir);
        cli_json_member_uint(&json, "functions", in->functions);
        cli_json_member_uint(&json, "stored", done->stored);
        cli_json_member_uint(&json, "bytes", done->bytes);
        cli_json_member_uint(&json, "kept", done->kept);
        cli_json_member_uint(&json, "pickles_left_out", done->pickles);
        cli_json_member_uint(&json, "others_left_out", done->others);
        cli_json_close(&json, '}');
        putchar('\n');
        return;
    }
    cli_size_words(size, done->bytes);
    const char *shown = cli_shown_path(in->dir);
    printf("imported %llu result%s", (unsigned long long)done->stored, cli_plural(done->stored));
    /* What was there already is not told apart by its bytes. */
    if (done->kept == 0)
        printf(", %s", size);
    printf(", into ");
    cli_put_text(shown, strlen(shown));
    if (done->kept > 0)
        printf("; %llu %s there already%s", (unsigned long long)done->kept,
               done->kept == 1 ? "was" : "were",
               in->flags & LOCACHE_IMPORT_REPLACE ? ""
               : done->kept == 1                  ? " (--replace replaces it)"
                                                  : " (--replace replaces them)");
    if (done->others > 0)
        printf("; %llu of another function, version or format %s left out",
               (unsigned long long)done->others, done->others == 1 ? "was" : "were");
    putchar('\n');
}

static void tell_pickles(const locache_imported *done)
{
    if (done->pickles > 0)
        cli_error("%llu pickled result%s that you did not sign %s left out, since a pickle can run "
                  "code: --trust imports %s, if you trust who made the archive",
                  (unsigned long long)done->pickles, cli_plural(done->pickles),
                  done->pickles == 1 ? "was" : "were", done->pickles == 1 ? "it" : "them");
}

static int import_archive(importing *in, int fd, const char *shown)
{
    locache_error error;
    cli_member member;
    struct stat found;
    locache_imported done = {.size = sizeof done};
    int more = -1;
    in->reader = cli_archive_open(fd);
    if (in->reader == NULL) {
        cli_error("no memory");
        return CLI_FAILED;
    }
    in->file = fd;
    in->file_size = fstat(fd, &found) == 0 && S_ISREG(found.st_mode) ? found.st_size : 0;
    cli_progress_begin(&in->progress, "read", &(cli_places){.count = 0});
    while ((more = cli_archive_next(&member, in->reader)) > 0 && take_one(in, &member))
        ;
    cli_progress_clear(&in->progress);
    if (more < 0)
        (void)refuse_archive(in, "%s", cli_archive_message(in->reader));
    else if (more == 0 && in->to == NULL)
        (void)refuse_archive(in, "there is no result in it");
    else if (more == 0 && locache_import_commit(&done, in->to, &error) != LOCACHE_OK)
        (void)refuse_archive(in, "%s", error.message);
    locache_import_end(in->to);
    cli_archive_reader_free(in->reader);
    free(in->bytes);
    if (in->message[0] != '\0') {
        cli_error("%s: %s", shown, in->message);
        return CLI_FAILED;
    }
    put_imported(in, &done);
    tell_pickles(&done);
    return CLI_DONE;
}

static bool take_import_option(importing *in, int option, const char *value)
{
    if (option == IMPORT_INTO)
        in->into = value;
    else if (option == IMPORT_TRUST)
        in->flags |= LOCACHE_IMPORT_TRUST;
    else if (option == IMPORT_REPLACE)
        in->flags |= LOCACHE_IMPORT_REPLACE;
    else if (option == IMPORT_JSON)
        in->as_json = true;
    else
        in->has_max = cli_read_size(&in->max_size, "max-size", value);
    return option != IMPORT_MAX_SIZE || in->has_max;
}

static int run_import(cli_parse *parse)
{
    /* Its notes are large: once, and not on the stack. */
    static importing in;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        if (!take_import_option(&in, option, parse->value))
            return CLI_USAGE;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (parse->operands != 1 || (in.into != NULL && in.into[0] == '\0')) {
        cli_error(
            "one archive is imported at a time: locache import FILE, or - for standard input");
        return CLI_USAGE;
    }
    const char *path = parse->argv[0];
    if (strcmp(path, "-") == 0)
        return import_archive(&in, STDIN_FILENO, "standard input");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int code = errno == ENOENT ? CLI_FOUND : CLI_FAILED;
        cli_error("cannot open %s: %s", path, strerror(errno));
        return code;
    }
    int code = import_archive(&in, fd, path);
    (void)close(fd);
    return code;
}

const cli_command cli_import_command = {
    .name = "import",
    .operands = "[options] FILE",
    .summary = "bring the results of an exported cache into another",
    .about = "Everything in the archive is verified before any of it is used: names, sizes,\n"
             "checksums, functions, versions. Results that are there already stay; those of\n"
             "another function, version or format than where they lie are left out. A pickle\n"
             "is imported where this user signed it; where others did, only with --trust,\n"
             "since it can run code. What is left is data: its maker may have made it up.\n"
             "`-` is standard input.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_import,
};
