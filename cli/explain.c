/* `locache explain`: which versions of a function are kept, what they are made of, and how they
 * differ from the present one. */
#include "command.h"
#include "note.h"
#include "print.h"
#include "progress.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

enum { EXPLAIN_JSON };

static const cli_option options[] = {
    [EXPLAIN_JSON] = {0, "json", NULL, "as a JSON array of functions"},
};

/* A version, with all its texts its own. */
typedef struct version {
    char *cache;
    char *name; /* of the function's directory */
    char *path;
    char *kept;
    bool current;
    bool has_id;
    bool has_before;
    locache_id id;
    locache_id before;
    int64_t changed;
    cli_sums sums;
} version;

typedef struct explanation {
    bool as_json;
    version *versions;
    size_t count;
    size_t room;
    cli_json json;
    cli_progress progress;
} explanation;

static char *own_text(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        cli_error("no memory");
        exit(CLI_FAILED);
    }
    return copy;
}

static bool begin_version(void *context, const cli_visit *visit)
{
    explanation *in = context;
    const locache_folder_info *info = visit->info;
    if (in->count == in->room) {
        in->room = 2 * in->room + 16;
        in->versions = realloc(in->versions, in->room * sizeof *in->versions);
        if (in->versions == NULL) {
            cli_error("no memory");
            exit(CLI_FAILED);
        }
    }
    in->versions[in->count++] = (version){.cache = own_text(visit->place->dir),
                                          .name = own_text(info->name),
                                          .path = own_text(info->path),
                                          .kept = own_text(info->kept),
                                          .current = info->current,
                                          .has_id = info->has_version,
                                          .has_before = info->has_before,
                                          .id = info->version,
                                          .before = info->before,
                                          .changed = info->changed};
    return true;
}

static bool count_result(void *context, const cli_visit *visit, const locache_file *file)
{
    explanation *in = context;
    (void)visit;
    cli_progress_step(&in->progress);
    if (cli_is_entry(file))
        cli_sums_add(&in->versions[in->count - 1].sums, file);
    return true;
}

/* Function by function, the present version first, then those that were left last. */
static int compare_versions(const void *left, const void *right)
{
    const version *a = left;
    const version *b = right;
    int by = strcmp(a->cache, b->cache);
    if (by == 0)
        by = strcmp(a->name, b->name);
    if (by == 0 && a->current != b->current)
        by = a->current ? -1 : 1;
    if (by == 0)
        by = a->changed < b->changed ? 1 : a->changed > b->changed ? -1 : 0;
    return by != 0 ? by : strcmp(a->path, b->path);
}

static bool is_one_function(const version *a, const version *b)
{
    return strcmp(a->cache, b->cache) == 0 && strcmp(a->name, b->name) == 0;
}

static void hex_of(char out[2 * LOCACHE_ID_SIZE + 1], const locache_id *id)
{
    for (size_t i = 0; i < LOCACHE_ID_SIZE; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
}

/* ------------------------------------------------------------------------------------- in words */

/* A line of a source: its tabs are blanks, all else is as cli_put_text() has it. */
static void put_line(const char *text, size_t size)
{
    while (size > 0) {
        const char *tab = memchr(text, '\t', size);
        size_t part = tab != NULL ? (size_t)(tab - text) : size;
        cli_put_text(text, part);
        if (tab != NULL)
            fputs("    ", stdout);
        part += tab != NULL;
        text += part;
        size -= part;
    }
    putchar('\n');
}

static void put_changed_line(void *context, char sign, const char *line, size_t size)
{
    (void)context;
    printf("        %s%c ", cli_colour_on(sign == '-' ? CLI_RED : CLI_GREEN), sign);
    put_line(line, size);
    fputs(cli_colour_off(), stdout);
}

static void put_part(const cli_part *part)
{
    cli_put_text(part->kind, strlen(part->kind));
    putchar(' ');
    cli_put_text(part->name, strlen(part->name));
    if (part->module[0] != '\0') {
        fputs(" in ", stdout);
        cli_put_text(part->module, strlen(part->module));
    }
}

static void put_change(void *context, const char *change, const cli_part *before,
                       const cli_part *now)
{
    uint64_t *count = context;
    ++*count;
    printf("      %s: ", change);
    put_part(now != NULL ? now : before);
    putchar('\n');
    if (before != NULL && now != NULL)
        cli_text_compare(before->text, now->text, put_changed_line, NULL);
}

static void put_parts(const cli_note *note)
{
    if (note->count == 0) {
        puts("      what it depends on is not recorded");
        return;
    }
    fputs("      depends on ", stdout);
    for (size_t i = 0; i < note->count; i++) {
        if (i > 0)
            fputs(", ", stdout);
        put_part(&note->parts[i]);
    }
    putchar('\n');
}

static void say_version(const version *of)
{
    char id[2 * LOCACHE_ID_SIZE + 1];
    char text[CLI_SPAN_TEXT];
    char size[CLI_SIZE_WORDS];
    char results[CLI_RESULTS_TEXT];
    hex_of(id, &of->id);
    cli_size_words(size, of->sums.bytes);
    cli_results_text(results, of->sums.entries, of->sums.unusable);
    printf("  %s%.8s%s  %s: %s, %s", cli_colour_on(CLI_BOLD), of->has_id ? id : "unknown",
           cli_colour_off(), of->current ? "present" : "earlier", results, size);
    if (!of->current) {
        cli_span_text(text, cli_now() > of->changed ? cli_now() - of->changed : 0);
        printf(", left %s ago", text);
    }
    putchar('\n');
    if (of->kept[0] == '\0')
        return;
    fputs("      said to mean the same as the one before: ", stdout);
    put_line(of->kept, strlen(of->kept));
}

static void explain_in_words(const version *versions, size_t count)
{
    cli_note now = {.count = 0};
    const char *shown = versions[0].current ? versions[0].path : versions[0].cache;
    shown = cli_shown_path(shown);
    fputs(cli_colour_on(CLI_BOLD), stdout);
    cli_put_text(shown, strlen(shown));
    printf("%s\n", cli_colour_off());
    for (size_t i = 0; i < count; i++) {
        uint64_t changes = 0;
        cli_note note;
        say_version(&versions[i]);
        cli_note_read(&note, versions[i].path);
        if (i == 0 && versions[0].current) {
            put_parts(&note);
            now = note;
            continue;
        }
        cli_note_compare(&note, &now, put_change, &changes);
        if (changes == 0)
            puts(note.count > 0 && now.count > 0 ? "      the code changed, and how is not recorded"
                                                 : "      how it differs is not recorded");
        cli_note_clear(&note);
    }
    cli_note_clear(&now);
}

/* -------------------------------------------------------------------------------------- in JSON */

typedef struct lines_out {
    cli_json *json;
} lines_out;

static void json_line(void *context, char sign, const char *line, size_t size)
{
    const lines_out *out = context;
    char start[300];
    size_t cut = size < sizeof start - 1 ? size : sizeof start - 1;
    start[0] = sign;
    memcpy(start + 1, line, cut);
    cli_json_text(out->json, start, cut + 1);
}

static void json_part(cli_json *json, const cli_part *part)
{
    cli_json_member_text(json, "kind", part->kind);
    cli_json_member_text(json, "module", part->module);
    cli_json_member_text(json, "name", part->name);
}

static void json_change(void *context, const char *change, const cli_part *before,
                        const cli_part *now)
{
    cli_json *json = context;
    lines_out out = {json};
    cli_json_open(json, '{');
    cli_json_member_text(json, "change", change);
    json_part(json, now != NULL ? now : before);
    cli_json_name(json, "diff");
    cli_json_open(json, '[');
    if (before != NULL && now != NULL)
        cli_text_compare(before->text, now->text, json_line, &out);
    cli_json_close(json, ']');
    cli_json_close(json, '}');
}

static void json_version(cli_json *json, const version *of, const cli_note *now)
{
    char id[2 * LOCACHE_ID_SIZE + 1];
    cli_note note;
    cli_note_read(&note, of->path);
    cli_json_open(json, '{');
    hex_of(id, &of->id);
    cli_json_member_text(json, "version", of->has_id ? id : NULL);
    cli_json_member_bool(json, "current", of->current);
    hex_of(id, &of->before);
    cli_json_member_text(json, "before", of->has_before ? id : NULL);
    cli_json_member_text(json, "path", of->path);
    cli_json_member_time(json, "changed", of->changed);
    cli_json_member_uint(json, "entries", of->sums.entries);
    cli_json_member_uint(json, "unusable", of->sums.unusable);
    cli_json_member_uint(json, "bytes", of->sums.bytes);
    cli_json_member_text(json, "kept", of->kept[0] != '\0' ? of->kept : NULL);
    cli_json_name(json, "parts");
    cli_json_open(json, '[');
    for (size_t i = 0; i < note.count; i++) {
        cli_json_open(json, '{');
        json_part(json, &note.parts[i]);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
    cli_json_name(json, "changes");
    cli_json_open(json, '[');
    cli_note_compare(&note, now, json_change, json);
    cli_json_close(json, ']');
    cli_json_close(json, '}');
    cli_note_clear(&note);
}

static void explain_in_json(cli_json *json, const version *versions, size_t count)
{
    char name[LOCACHE_NAME_MAX + 1];
    cli_note now = {.count = 0};
    if (versions[0].current)
        cli_note_read(&now, versions[0].path);
    cli_json_open(json, '{');
    cli_json_member_text(json, "cache", versions[0].cache);
    cli_function_name(name, versions[0].name);
    cli_json_member_text(json, "function", name);
    cli_json_name(json, "versions");
    cli_json_open(json, '[');
    for (size_t i = 0; i < count; i++)
        json_version(json, &versions[i], &now);
    cli_json_close(json, ']');
    cli_json_close(json, '}');
    putchar('\n');
    cli_note_clear(&now);
}

/* ---------------------------------------------------------------------------------- the command */

static void explain_all(explanation *in)
{
    if (in->count > 0)
        qsort(in->versions, in->count, sizeof *in->versions, compare_versions);
    if (in->as_json)
        cli_json_open(&in->json, '[');
    for (size_t i = 0; i < in->count;) {
        size_t end = i + 1;
        while (end < in->count && is_one_function(&in->versions[i], &in->versions[end]))
            end++;
        if (in->as_json)
            explain_in_json(&in->json, in->versions + i, end - i);
        else
            explain_in_words(in->versions + i, end - i);
        i = end;
    }
    if (in->as_json) {
        cli_json_close(&in->json, ']');
        putchar('\n');
    }
}

static int run_explain(cli_parse *parse)
{
    explanation in = {.count = 0};
    const cli_visitor visitor = {.begin = begin_version, .file = count_result, .context = &in};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        in.as_json = in.as_json || option == EXPLAIN_JSON;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    int code = cli_places_of(&places, parse);
    cli_progress_begin(&in.progress, "looked at", &places);
    int walked = cli_walk(&places, &visitor);
    cli_progress_clear(&in.progress);
    explain_all(&in);
    for (size_t i = 0; i < in.count; i++) {
        free(in.versions[i].cache);
        free(in.versions[i].name);
        free(in.versions[i].path);
        free(in.versions[i].kept);
    }
    free(in.versions);
    cli_places_clear(&places);
    return walked > code ? walked : code;
}

const cli_command cli_explain_command = {
    .name = "explain",
    .operands = "[options] [CACHE...]",
    .summary = "show which versions of functions are kept, and how they differ",
    .about = "Of each function its present version with what that depends on, and each earlier\n"
             "one that is kept, with what in it is not as in the present one. Lines with - are\n"
             "of the earlier one, those with + of the present.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_explain,
};
