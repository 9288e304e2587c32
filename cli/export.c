/* `locache export`: a cache as one file, for CI and for colleagues. */
#include "archive.h"
#include "command.h"
#include "ls.h"
#include "print.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPORT_OUTPUT, EXPORT_JSON, EXPORT_FILTERS };

static const cli_option options[] = {
    [EXPORT_OUTPUT] = {'o', "output", "FILE", "the archive; -: standard output"},
    [EXPORT_JSON] = {0, "json", NULL, "the numbers as a JSON object"},
    [EXPORT_FILTERS] = CLI_FILTER_OPTIONS,
};

/* A file that has its name only when it is whole; or what is there to be written to. */
typedef struct output {
    const char *path; /* NULL: standard output */
    bool is_named;    /* when it is whole */
    char temporary[LOCACHE_PATH_MAX];
    int fd;
} output;

typedef struct exporting {
    const char *cache; /* its last name */
    cli_filter filter;
    cli_archive_writer *writer;
    bool begun; /* the folder's record is in it */
    int failed; /* errno of the first write that did */
    int code;
    uint64_t functions;
    uint64_t results;
    uint64_t bytes;
    uint64_t left_out;
    uint64_t misplaced; /* of these: of another function than their folder */
    cli_progress progress;
} exporting;

/* ----------------------------------------------------------------------------------- the output */

/* Is there something in the file's place that is written to, as a pipe or a device? A file in its
 * stead would be another thing. */
static bool is_written_to(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && !S_ISREG(found.st_mode);
}

/* Without a name where the system can do that, so that nothing is left of it however we end. */
static bool begin_output(output *out, const char *path)
{
    char dir[LOCACHE_PATH_MAX];
    out->path = path;
    out->is_named = path != NULL && !is_written_to(path);
    out->temporary[0] = '\0';
    if (!out->is_named) {
        out->fd = path == NULL ? STDOUT_FILENO : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return out->fd >= 0;
    }
    const char *last = strrchr(path, '/');
    size_t size = last != NULL ? (size_t)(last - path) + 1 : 0;
    if (strlen(path) + 32 > sizeof dir) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(dir, path, size);
    (void)snprintf(dir + size, sizeof dir - size, ".");
#ifdef O_TMPFILE
    out->fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (out->fd >= 0)
        return true;
#endif
    (void)snprintf(out->temporary, sizeof out->temporary, "%s.%ld.tmp", path, (long)getpid());
    out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return out->fd >= 0;
}

/* Give it its name. A link replaces nothing: then it has another name first. */
static bool name_output(output *out)
{
    char self[64];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", out->fd);
    if (out->temporary[0] == '\0') {
        if (linkat(AT_FDCWD, self, AT_FDCWD, out->path, AT_SYMLINK_FOLLOW) == 0)
            return true;
        (void)snprintf(out->temporary, sizeof out->temporary, "%s.%ld.tmp", out->path,
                       (long)getpid());
        if (errno != EEXIST ||
            linkat(AT_FDCWD, self, AT_FDCWD, out->temporary, AT_SYMLINK_FOLLOW) != 0)
            return false;
    }
    return rename(out->temporary, out->path) == 0;
}

/* On the disk before it has its name: a power cut leaves the one before, or the whole. */
static bool end_output(output *out, bool sound)
{
    if (out->path == NULL)
        return sound;
    if (!out->is_named)
        return close(out->fd) == 0 && sound;
    bool named = sound && fsync(out->fd) == 0 && name_output(out);
    int error = errno;
    if (!named && out->temporary[0] != '\0')
        (void)unlink(out->temporary);
    (void)close(out->fd);
    errno = error;
    return named;
}

/* ---------------------------------------------------------------------------------- the members */

static bool export_member(exporting *in, const char *path, const void *data, size_t size,
                          int64_t when)
{
    if (in->failed == 0 && !cli_archive_add(in->writer, path, data, size, when))
        in->failed = errno;
    return in->failed == 0;
}

/* The folder's path within the archive: from the cache's name on. */
static bool member_path(char out[LOCACHE_PATH_MAX], const exporting *in, const cli_visit *visit,
                        const char *name)
{
    const char *within = visit->info->path + strlen(visit->place->dir);
    return (size_t)snprintf(out, LOCACHE_PATH_MAX, "%s%s/%s", in->cache, within, name) <
           LOCACHE_PATH_MAX;
}

/* Its record, and what its version is made of, before the first result. MISS: it has none, and what
 * its results are of is not known. */
static locache_status put_record_of(exporting *in, const cli_visit *visit, locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    char record[LOCACHE_VERSION_RECORD_MAX];
    size_t size;
    char *note = malloc(LOCACHE_NOTE_MAX);
    size_t note_size;
    locache_status status =
        note == NULL ? LOCACHE_ENOMEM : locache_folder_record(record, &size, visit->folder, error);
    if (status == LOCACHE_OK && !member_path(path, in, visit, ".locache/version"))
        status = LOCACHE_MISS;
    if (status == LOCACHE_MISS)
        (void)snprintf(error->message, sizeof error->message, "%.*s has no record of its version",
                       LOCACHE_MESSAGE_MAX - 64, visit->info->path);
    in->begun = status == LOCACHE_OK && export_member(in, path, record, size, 0);
    if (in->begun &&
        locache_version_note(note, &note_size, visit->info->path, error) == LOCACHE_OK &&
        note_size > 0 && member_path(path, in, visit, ".locache/parts"))
        in->begun = export_member(in, path, note, note_size, 0);
    free(note);
    in->functions += in->begun;
    return status;
}

static bool enter_folder(void *context, const cli_visit *visit)
{
    exporting *in = context;
    (void)visit;
    in->begun = false;
    return in->failed == 0;
}

/* Without memory all else would be left out, too. */
static void leave_out(exporting *in, locache_status status, const locache_error *error)
{
    if (status == LOCACHE_ENOMEM) {
        in->failed = ENOMEM;
        return;
    }
    in->left_out++;
    in->code = CLI_FOUND;
    cli_progress_clear(&in->progress);
    cli_error("left out: %s", error->message);
}

static bool export_file(void *context, const cli_visit *visit, const locache_file *listed)
{
    exporting *in = context;
    char path[LOCACHE_PATH_MAX];
    locache_error error;
    locache_file file = {.size = sizeof file};
    locache_value *value;
    const void *bytes;
    cli_progress_step(&in->progress);
    if (!cli_filter_takes(&in->filter, listed))
        return true;
    locache_status status =
        locache_folder_load(&value, &bytes, &file, visit->folder, listed->name, &error);
    /* Removed meanwhile, of an earlier release, or not locache's. */
    if (status == LOCACHE_MISS || (status < LOCACHE_OK && !listed->ours))
        return true;
    if (status != LOCACHE_OK) {
        leave_out(in, status, &error);
        return in->failed == 0;
    }
    if (!cli_is_of_folder(&file, visit)) {
        in->misplaced++;
    } else if (!in->begun && (status = put_record_of(in, visit, &error)) != LOCACHE_OK) {
        leave_out(in, status, &error);
    } else if (member_path(path, in, visit, listed->name) &&
               export_member(in, path, bytes, (size_t)file.file_size, file.created / 1000000000)) {
        in->results++;
        in->bytes += file.file_size;
    }
    locache_value_free(value);
    return in->failed == 0;
}

/* ---------------------------------------------------------------------------------- the command */

static void put_exported(const exporting *in, const output *out, bool as_json)
{
    char size[CLI_SIZE_WORDS];
    char packed[CLI_SIZE_WORDS];
    /* Standard output may be the archive's. */
    FILE *to = out->is_named ? stdout : stderr;
    cli_json json = {.to = to};
    if (as_json) {
        cli_json_open(&json, '{');
        cli_json_member_text(&json, "file", out->path);
        cli_json_member_uint(&json, "functions", in->functions);
        cli_json_member_uint(&json, "results", in->results);
        cli_json_member_uint(&json, "bytes", in->bytes);
        cli_json_member_uint(&json, "archive_bytes", cli_archive_written(in->writer));
        cli_json_member_uint(&json, "left_out", in->left_out);
        cli_json_close(&json, '}');
        (void)fputc('\n', to);
        return;
    }
    cli_size_words(size, in->bytes);
    cli_size_words(packed, cli_archive_written(in->writer));
    (void)fprintf(to, "exported %llu result%s, %s, in an archive of %s\n",
                  (unsigned long long)in->results, cli_plural(in->results), size, packed);
}

/* The one cache that is meant, by its last name. */
static bool take_cache(exporting *in, const cli_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        if (strcmp(places->items[i].dir, places->items[0].dir) == 0)
            continue;
        cli_error("there is more than one cache: %s, %s; name one", places->items[0].dir,
                  places->items[i].dir);
        return false;
    }
    const char *last = strrchr(places->items[0].dir, '/');
    last = last != NULL ? last + 1 : "";
    /* An import makes no hidden directory. */
    last += strspn(last, ".");
    in->cache = last[0] != '\0' ? last : "locache.cache";
    return true;
}

/* What an import would not take: once, since it is mostly a whole folder. */
static void tell_misplaced(exporting *in)
{
    if (in->misplaced == 0)
        return;
    in->left_out += in->misplaced;
    in->code = CLI_FOUND;
    cli_error("left out: %llu result%s of another function than the directory's, a miss to every "
              "program (`locache verify` lists what is so)",
              (unsigned long long)in->misplaced, cli_plural(in->misplaced));
}

static int export_places(exporting *in, const cli_places *places, const char *path, bool as_json)
{
    const cli_visitor visitor = {.begin = enter_folder, .file = export_file, .context = in};
    output out;
    if (!begin_output(&out, path) || (in->writer = cli_archive_create(out.fd)) == NULL) {
        cli_error("cannot write %s: %s", path != NULL ? path : "standard output", strerror(errno));
        return CLI_FAILED;
    }
    cli_progress_begin(&in->progress, "exported", places);
    int walked = cli_walk(places, &visitor);
    cli_progress_clear(&in->progress);
    bool nothing = in->failed == 0 && in->results == 0;
    bool done = in->failed == 0 && !nothing && cli_archive_finish(in->writer);
    int error = in->failed != 0 ? in->failed : errno;
    tell_misplaced(in);
    bool ended = end_output(&out, done);
    if (nothing) {
        cli_error("there is no result to export: %s is not written",
                  path != NULL ? path : "standard output");
        walked = walked > CLI_FOUND ? walked : CLI_FOUND;
    } else if (!ended) {
        cli_error("cannot write %s: %s", path != NULL ? path : "standard output",
                  strerror(done ? errno : error));
        walked = CLI_FAILED;
    } else {
        put_exported(in, &out, as_json);
    }
    cli_archive_writer_free(in->writer);
    return walked > in->code ? walked : in->code;
}

static int run_export(cli_parse *parse)
{
    exporting in = {.code = CLI_DONE};
    cli_places places;
    const char *path = NULL;
    bool as_json = false;
    int option;
    while ((option = cli_parse_next(parse)) >= 0) {
        if (option == EXPORT_OUTPUT)
            path = parse->value;
        else if (option == EXPORT_JSON)
            as_json = true;
        else if (!cli_filter_read(&in.filter, option - EXPORT_FILTERS, parse->value))
            return CLI_USAGE;
    }
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (path == NULL || path[0] == '\0') {
        cli_error("where to? -o FILE, as -o cache.tar.zst, or -o - for standard output");
        return CLI_USAGE;
    }
    path = strcmp(path, "-") == 0 ? NULL : path;
    if (path == NULL && cli_on_terminal()) {
        cli_error("an archive is not for a terminal: -o FILE");
        return CLI_USAGE;
    }
    int code = cli_places_find(&places, parse->operands, parse->argv);
    if (places.count == 0) {
        if (code == CLI_DONE)
            cli_error("there is no cache here: name one");
        code = code > CLI_FOUND ? code : CLI_FOUND;
    } else if (!take_cache(&in, &places)) {
        code = CLI_USAGE;
    } else {
        int exported = export_places(&in, &places, path, as_json);
        code = exported > code ? exported : code;
    }
    cli_places_clear(&places);
    return code;
}

const cli_command cli_export_command = {
    .name = "export",
    .operands = "-o FILE [options] [CACHE]",
    .summary = "a cache as one file",
    .about = "The results of one cache, or of a function or those that the filters take, with\n"
             "the versions that they are of, as a tar archive that zstd compressed. Each is\n"
             "verified first; what is damaged, or of another function than its directory's,\n"
             "is left out and told. FILE has its name only when it is whole; one that is\n"
             "there is replaced. `locache import` is the way back.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_export,
};
