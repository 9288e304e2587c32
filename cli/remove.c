/* Files of results that are removed: by the library, which leaves alone what it did not make. */
#include "remove.h"
#include "command.h"
#include "json.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

void cli_removal_option(cli_removal *removal, int option)
{
    removal->dry_run = removal->dry_run || option == CLI_REMOVE_DRY;
    removal->verbose = removal->verbose || option == CLI_REMOVE_VERBOSE;
    removal->as_json = removal->as_json || option == CLI_REMOVE_JSON;
}

void cli_removal_count(cli_removal *removal, const cli_visit *visit, const locache_file *file)
{
    char path[LOCACHE_PATH_MAX];
    removal->removed++;
    removal->bytes += file->file_size;
    if (!removal->verbose || removal->as_json)
        return;
    cli_progress_clear(&removal->progress);
    (void)snprintf(path, sizeof path, "%s/%s", visit->info->path, file->name);
    const char *shown = cli_shown_path(path);
    fputs(removal->dry_run ? "would remove " : "removed ", stdout);
    cli_put_text(shown, strlen(shown));
    putchar('\n');
}

bool cli_removal_take(cli_removal *removal, const cli_visit *visit, const locache_file *file)
{
    locache_error error;
    locache_status status = LOCACHE_OK;
    if (!removal->dry_run)
        status = locache_folder_remove(visit->folder, file->name, &error);
    if (status == LOCACHE_OK)
        cli_removal_count(removal, visit, file);
    if (status < LOCACHE_OK) {
        cli_progress_clear(&removal->progress);
        cli_error("%s", error.message);
        removal->code = CLI_FAILED;
    }
    return status == LOCACHE_OK;
}

void cli_removal_end(cli_removal *removal, int64_t kept)
{
    char size[CLI_SIZE_WORDS];
    cli_progress_clear(&removal->progress);
    if (removal->as_json) {
        cli_json json = {.comma = false};
        cli_json_open(&json, '{');
        cli_json_member_uint(&json, "removed", removal->removed);
        cli_json_member_uint(&json, "bytes", removal->bytes);
        if (kept >= 0)
            cli_json_member_uint(&json, "kept_bytes", (uint64_t)kept);
        cli_json_member_bool(&json, "dry_run", removal->dry_run);
        cli_json_close(&json, '}');
        putchar('\n');
        return;
    }
    cli_size_words(size, removal->bytes);
    printf("%s %llu result%s, %s", removal->dry_run ? "would remove" : "removed",
           (unsigned long long)removal->removed, removal->removed == 1 ? "" : "s", size);
    if (kept >= 0) {
        cli_size_words(size, (uint64_t)kept);
        printf("; %s stay", size);
    }
    putchar('\n');
}
