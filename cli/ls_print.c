/* The rows of `locache ls` in words and in JSON. */
#include "counted.h"
#include "ls.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

/* As wide as what they can say, "999K", "12min", with two blanks behind. */
#define COUNT_WIDTH 8
#define BYTES_WIDTH 5
#define SPAN_WIDTH 6
#define VERSION_WIDTH (-8)

/* Digits of a version's id that are shown: enough to tell 64 versions apart. */
#define VERSION_SHOWN 4

const char *cli_codec_name(uint32_t codec)
{
    static const char *const names[] = {"", "cbor", "pickle", "raw"};
    return codec < sizeof names / sizeof *names ? names[codec] : "";
}

const char *cli_status_name(int status)
{
    switch (status) {
    case LOCACHE_OK:
        return "ok";
    case LOCACHE_MISS:
        return "earlier format";
    case LOCACHE_EUNTRUSTED:
        return "untrusted";
    case LOCACHE_EFORMAT:
        return "later format";
    case LOCACHE_EIO:
        return "unreadable";
    default:
        return "damaged";
    }
}

/* ------------------------------------------------------------------------------------- in words */

static void put_size(uint64_t bytes)
{
    char text[CLI_SIZE_TEXT];
    cli_size_text(text, bytes);
    cli_put_cell(BYTES_WIDTH, text);
}

/* How long ago: "-" where there is no such moment. */
static void put_age(int64_t moment)
{
    char text[CLI_SPAN_TEXT] = "-";
    int64_t now = cli_now();
    if (moment != 0)
        cli_span_text(text, moment < now ? now - moment : 0);
    cli_put_cell(SPAN_WIDTH, text);
}

static void put_version(const cli_row *row)
{
    char text[2 * VERSION_SHOWN + 1] = "-";
    for (size_t i = 0; row->has_version && i < VERSION_SHOWN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", row->version.bytes[i]);
    cli_put_cell(VERSION_WIDTH, text);
}

static void put_numbers(cli_level level, const cli_row *row)
{
    char text[24];
    if (level != CLI_ENTRIES) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)row->sums.entries);
        cli_put_cell(COUNT_WIDTH, text);
    }
    put_size(row->sums.bytes);
    put_size(row->sums.disk);
    put_age(row->sums.newest);
    put_age(row->sums.used);
    cli_span_text(text, row->sums.took);
    cli_put_cell(SPAN_WIDTH, row->status == LOCACHE_OK ? text : "-");
    if (level != CLI_ENTRIES)
        cli_counted_cells(&row->counts);
    if (level != CLI_CACHES)
        put_version(row);
}

void cli_ls_head(cli_level level)
{
    static const char *const titles[] = {"CACHE", "FUNCTION", "RESULT"};
    if (!cli_on_terminal())
        return;
    fputs(cli_colour_on(CLI_DIM), stdout);
    if (level != CLI_ENTRIES)
        cli_put_cell(COUNT_WIDTH, "ENTRIES");
    cli_put_cell(BYTES_WIDTH, "SIZE");
    cli_put_cell(BYTES_WIDTH, "DISK");
    cli_put_cell(SPAN_WIDTH, "AGE");
    cli_put_cell(SPAN_WIDTH, "USED");
    cli_put_cell(SPAN_WIDTH, "TIME");
    if (level != CLI_ENTRIES)
        cli_counted_heads();
    if (level != CLI_CACHES)
        cli_put_cell(VERSION_WIDTH, "VERSION");
    printf("%s%s\n", titles[level], cli_colour_off());
}

static void put_name(cli_level level, const cli_row *row, const char *shown)
{
    bool damaged = row->status != LOCACHE_OK || row->sums.unusable > 0;
    cli_colour colour = damaged ? CLI_RED : level == CLI_ENTRIES ? CLI_PLAIN : CLI_BOLD;
    fputs(cli_colour_on(colour), stdout);
    cli_put_text(shown, strlen(shown));
    fputs(cli_colour_off(), stdout);
    if (row->status != LOCACHE_OK)
        printf("  (%s)", cli_status_name(row->status));
    else if (row->sums.unusable > 0)
        printf("  (%llu unusable: locache verify)", (unsigned long long)row->sums.unusable);
    putchar('\n');
}

void cli_ls_line(cli_level level, const cli_row *row)
{
    put_numbers(level, row);
    put_name(level, row, cli_shown_path(row->path));
}

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The directory of an entry, or of a cache, is said once, above what is in it. */
void cli_ls_tree(cli_level level, const cli_row *row, const cli_row *before)
{
    bool same_cache = before != NULL && is_same(row->cache, before->cache);
    const char *below = row->path + strlen(row->cache) + 1;
    const char *entry = row->entry;
    if (!same_cache) {
        const char *shown = cli_shown_path(row->cache);
        fputs(cli_colour_on(CLI_BOLD), stdout);
        cli_put_text(shown, strlen(shown));
        printf("%s\n", cli_colour_off());
    }
    if (entry == NULL) {
        fputs("  ", stdout);
        put_numbers(level, row);
        put_name(level, row, below);
        return;
    }
    size_t folder = (size_t)(entry - row->path);
    if (!same_cache || before->entry == NULL || before->entry - before->path != entry - row->path ||
        strncmp(row->path, before->path, folder) != 0) {
        fputs("  ", stdout);
        cli_put_text(below, (size_t)(entry - below) - 1);
        putchar('\n');
    }
    fputs("    ", stdout);
    put_numbers(level, row);
    put_name(level, row, entry);
}

/* -------------------------------------------------------------------------------------- in JSON */

void cli_json_place(cli_json *json, const cli_row *row)
{
    char name[LOCACHE_NAME_MAX + 1];
    char version[2 * LOCACHE_ID_SIZE + 1];
    cli_json_member_text(json, "cache", row->cache);
    cli_function_name(name, row->function);
    cli_json_member_text(json, "function", name);
    for (size_t i = 0; i < LOCACHE_ID_SIZE; i++)
        (void)snprintf(version + 2 * i, 3, "%02x", row->version.bytes[i]);
    cli_json_member_text(json, "version", row->has_version ? version : NULL);
    cli_json_member_bool(json, "current", row->current);
}

static void put_sums(cli_json *json, const cli_sums *sums)
{
    cli_json_member_uint(json, "entries", sums->entries);
    cli_json_member_uint(json, "unusable", sums->unusable);
    cli_json_member_time(json, "oldest", sums->oldest);
    cli_json_member_time(json, "newest", sums->newest);
}

void cli_ls_json(cli_json *json, cli_level level, const cli_row *row)
{
    cli_json_open(json, '{');
    cli_json_member_text(json, "path", row->path);
    if (level == CLI_CACHES) {
        cli_json_member_uint(json, "functions", row->functions);
        cli_json_member_uint(json, "earlier_versions", row->versions);
    } else {
        cli_json_place(json, row);
    }
    if (level == CLI_ENTRIES) {
        cli_json_member_text(json, "name", row->entry);
        cli_json_member_text(json, "status", cli_status_name(row->status));
        cli_json_member_text(json, "codec", row->codec != 0 ? cli_codec_name(row->codec) : NULL);
        cli_json_member_bool(json, "signed", row->signature != LOCACHE_SIGNATURE_NONE);
        cli_json_member_time(json, "created", row->sums.newest);
        cli_json_member_time(json, "expires", row->expires);
    } else {
        put_sums(json, &row->sums);
    }
    cli_json_member_uint(json, "bytes", row->sums.bytes);
    cli_json_member_uint(json, "disk_bytes", row->sums.disk);
    cli_json_member_time(json, "used", row->sums.used);
    cli_json_member_span(json, "compute_seconds", row->sums.took);
    if (level != CLI_ENTRIES)
        cli_counted_json(json, &row->counts);
    cli_json_close(json, '}');
    putchar('\n');
}
