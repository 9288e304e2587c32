/* Bounds for a cache as a whole, or for all of a user's caches together, written down for whoever
 * stores from now on. */
#include "gc_set.h"
#include "command.h"
#include "print.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

bool cli_setting_read(cli_setting *out, int n, const char *value)
{
    static const char *const names[] = {"set-max-size", "set-max-entries", "set-max-age"};
    uint64_t number = 0;
    out->given[n] = true;
    if (n == 2)
        return cli_read_span(&out->values[n], names[n], value);
    bool read =
        n == 0 ? cli_read_size(&number, names[n], value) : cli_read_count(&number, names[n], value);
    out->values[n] = number < INT64_MAX ? (int64_t)number : INT64_MAX;
    return read;
}

static void say_bounds(const locache_bounds *set, const char *of, bool dry_run)
{
    char size[CLI_SIZE_WORDS] = "any size";
    char entries[48] = "";
    char age[48] = "";
    if (set->max_bytes > 0)
        cli_size_words(size, (uint64_t)set->max_bytes);
    if (set->max_entries > 0)
        (void)snprintf(entries, sizeof entries, ", at most %lld result%s",
                       (long long)set->max_entries, cli_plural((uint64_t)set->max_entries));
    double days = (double)set->max_age / 86400e9;
    if (set->max_age > 0)
        (void)snprintf(age, sizeof age, ", none unused for more than %.4g day%s", days,
                       days == 1 ? "" : "s");
    fprintf(stderr, "%s: %s%s%s%s%s\n", of, dry_run ? "would be set to " : "",
            set->max_bytes > 0 ? "at most " : "", size, entries, age);
}

static int put_one(const cli_setting *setting, const char *dir, const char *of, bool dry_run)
{
    locache_error error;
    locache_bounds set = {.size = sizeof set};
    /* What is there and cannot be read is written anew. */
    locache_status status = locache_get_bounds(&set, dir, &error);
    int64_t *values[CLI_SET_COUNT] = {&set.max_bytes, &set.max_entries, &set.max_age};
    for (int n = 0; n < CLI_SET_COUNT; n++)
        if (setting->given[n])
            *values[n] = setting->values[n];
    if (status == LOCACHE_EINVAL || status == LOCACHE_ELIMIT)
        status = LOCACHE_OK;
    if (status == LOCACHE_OK && !dry_run)
        status = locache_set_bounds(dir, &set, &error);
    if (status != LOCACHE_OK) {
        cli_error("%s", error.message);
        return CLI_FAILED;
    }
    say_bounds(&set, of, dry_run);
    return CLI_DONE;
}

/* A bound of a cache is not one of a function in it. */
static bool are_whole(const cli_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].function != NULL || places->items[i].folder != NULL) {
            cli_error("--set-... is for whole caches: a function's bounds are persist(max_bytes=) "
                      "and its like");
            return false;
        }
    return true;
}

int cli_setting_put(const cli_setting *setting, const cli_parse *parse, bool dry_run)
{
    cli_places places;
    bool any = false;
    for (int n = 0; n < CLI_SET_COUNT; n++)
        any = any || setting->given[n];
    if (!any)
        return CLI_DONE;
    if (parse->all)
        return put_one(setting, NULL, "all caches of yours together", dry_run);
    if (parse->operands == 0) {
        cli_error("--set-... needs the caches that it is for, as foo.cache, or --all, for all of "
                  "yours together");
        return CLI_USAGE;
    }
    int code = cli_places_of(&places, parse);
    if (!are_whole(&places))
        code = CLI_USAGE;
    for (size_t i = 0; code == CLI_DONE && i < places.count; i++)
        code = put_one(setting, places.items[i].dir, cli_shown_path(places.items[i].dir), dry_run);
    cli_places_clear(&places);
    return code;
}
