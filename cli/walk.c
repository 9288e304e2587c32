/* The way through caches, which all commands go: nothing of it is kept, so that a million entries
 * take no more memory than one. */
#include "walk.h"
#include "command.h"
#include "print.h"
#include "units.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* -------------------------------------------------------------------------------------- the way */

typedef struct way {
    const cli_place *place;
    const cli_visitor *visitor;
    cli_visit visit;
    int code;
    uint64_t folders; /* that were meant, and found */
    bool found_entry;
} way;

static void worse(way *in, int code, const char *message)
{
    if (!in->visitor->quiet)
        cli_error("%s", message);
    in->code = code > in->code ? code : in->code;
}

static bool visit_file(void *context, const locache_file *file)
{
    way *in = context;
    in->found_entry = true;
    return in->visitor->file(in->visitor->context, &in->visit, file);
}

static void visit_files(way *in)
{
    locache_error error;
    locache_status status = locache_folder_open(&in->visit.folder, in->visit.info->path, &error);
    /* Somebody moved or removed it meanwhile. */
    if (status == LOCACHE_MISS)
        return;
    if (status == LOCACHE_OK)
        status =
            in->place->entry == NULL
                ? locache_folder_list(in->visit.folder, visit_file, in, &error)
                : locache_folder_find(in->visit.folder, in->place->entry, visit_file, in, &error);
    if (status < LOCACHE_OK) {
        worse(in, CLI_FAILED, error.message);
    }
}

static bool is_meant(const cli_place *place, const locache_folder_info *info)
{
    if (place->folder != NULL)
        return strcmp(place->folder, info->path) == 0;
    return place->function == NULL || cli_is_function(info->name, place->function);
}

static bool visit_folder(void *context, const locache_folder_info *info)
{
    way *in = context;
    const cli_visitor *to = in->visitor;
    if (!is_meant(in->place, info))
        return true;
    in->folders++;
    in->visit = (cli_visit){.place = in->place, .info = info};
    if (info->status != LOCACHE_OK) {
        worse(in, CLI_FAILED, info->message);
        return true;
    }
    if ((to->begin == NULL || to->begin(to->context, &in->visit)) && to->file != NULL)
        visit_files(in);
    if (to->end != NULL)
        to->end(to->context, &in->visit);
    locache_folder_close(in->visit.folder);
    return true;
}

static int walk_place(const cli_place *place, const cli_visitor *visitor)
{
    way in = {.place = place, .visitor = visitor};
    locache_error error;
    char message[2 * LOCACHE_PATH_MAX];
    const char *whole = place->function != NULL ? place->function : place->folder;
    if (locache_each_folder(place->dir, visit_folder, &in, &error) != LOCACHE_OK) {
        worse(&in, CLI_FAILED, error.message);
    } else if (in.folders == 0 && whole != NULL) {
        (void)snprintf(message, sizeof message, "there are no results of %s in %s", whole,
                       place->dir);
        worse(&in, CLI_FOUND, message);
    } else if (place->entry != NULL && !in.found_entry && visitor->file != NULL &&
               in.code == CLI_DONE) {
        (void)snprintf(message, sizeof message, "there is no result %s/%s", place->folder,
                       place->entry);
        worse(&in, CLI_FOUND, message);
    }
    return in.code;
}

int cli_walk(const cli_places *places, const cli_visitor *visitor)
{
    int code = CLI_DONE;
    for (size_t i = 0; i < places->count; i++) {
        int one = walk_place(&places->items[i], visitor);
        code = one > code ? one : code;
    }
    return code;
}

bool cli_is_of_folder(const locache_file *file, const cli_visit *visit)
{
    locache_id id;
    cli_function_id(&id, visit->info->name);
    return memcmp(id.bytes, file->function.bytes, LOCACHE_ID_SIZE) == 0;
}

const char *cli_shown_path(const char *path)
{
    static char here[LOCACHE_PATH_MAX];
    static size_t size;
    if (size == 0) {
        if (getcwd(here, sizeof here) == NULL)
            here[0] = '\0';
        size = strlen(here) + 1;
    }
    if (size > 2 && strncmp(path, here, size - 1) == 0 && path[size - 1] == '/')
        return path + size;
    return path;
}

/* -------------------------------------------------------------------------------------- filters */

int64_t cli_now(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool cli_is_entry(const locache_file *file)
{
    return file->ours || file->status == LOCACHE_EUNTRUSTED;
}

bool cli_filter_is_set(const cli_filter *filter)
{
    return filter->older > 0 || filter->larger > 0 || filter->pattern != NULL;
}

bool cli_filter_takes(const cli_filter *filter, const locache_file *file)
{
    /* Times may be any: a difference may overflow, which a sum of what is known does not. */
    return (filter->older == 0 || file->used <= filter->now - filter->older) &&
           file->file_size >= filter->larger &&
           (filter->pattern == NULL || fnmatch(filter->pattern, file->name, 0) == 0);
}

bool cli_filter_read(cli_filter *out, int n, const char *value)
{
    out->now = cli_now();
    if (n == 0)
        return cli_read_age(&out->older, "older", value);
    if (n == 1) {
        if (!cli_read_size(&out->larger, "larger", value))
            return false;
        if (out->larger > 0)
            return true;
        cli_error("--larger takes a size above zero");
        return false;
    }
    out->pattern = value;
    return true;
}
