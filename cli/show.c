/* `locache show`: one result, with the call that it is of, and what its file says. */
#include "command.h"
#include "ls.h"
#include "print.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

enum { SHOW_JSON, SHOW_FULL };

static const cli_option options[] = {
    [SHOW_JSON] = {0, "json", NULL, "as a JSON array of objects, results whole but for arrays"},
    [SHOW_FULL] = {'f', "full", NULL, "all of a result, however long; of an array its summary"},
};

/* What of a result is shown to people: a screenful. */
#define ITEMS_SHOWN 200
#define TEXT_SHOWN 2000

typedef struct showing {
    bool as_json;
    bool full;
    int code;
    uint64_t shown;
    cli_json json;
} showing;

static const char *signature_name(uint32_t signature)
{
    static const char *const names[] = {"none", "unknown", "ours", "foreign"};
    return names[signature <= LOCACHE_SIGNATURE_FOREIGN ? signature : LOCACHE_SIGNATURE_UNKNOWN];
}

/* An entry that was read, or could not be: then value is NULL and `why` says why. */
typedef struct shown_entry {
    const cli_visit *visit;
    const locache_file *file;
    const locache_value *value;
    const char *why;
} shown_entry;

static cli_shown shown_by(showing *in, cli_json *json, const locache_value *value)
{
    bool all = in->as_json || in->full;
    return (cli_shown){.json = json,
                       .value = value,
                       .items_max = all ? 0 : ITEMS_SHOWN,
                       .text_max = all ? 0 : TEXT_SHOWN};
}

/* The result; what is damaged within it, whose checksum was right, was written so. */
static bool put_result(showing *in, cli_json *json, const locache_value *value)
{
    cli_shown to = shown_by(in, json, value);
    locache_cbor_reader reader;
    if (locache_value_codec(value) == LOCACHE_CODEC_CBOR &&
        locache_value_reader(&reader, value) == LOCACHE_OK)
        return cli_show_item(&to, &reader);
    cli_show_opaque(&to, value);
    return true;
}

/* ------------------------------------------------------------------------------------- the call */

/* One label of a key: "x=" or nothing for a position; in JSON a member. False: it is none. */
static bool put_label(showing *in, cli_json *json, locache_cbor_reader *reader)
{
    locache_cbor_item label;
    if (locache_cbor_read(&label, reader) != LOCACHE_OK)
        return false;
    bool named = label.kind == LOCACHE_KIND_TEXT;
    if (!named && label.kind != LOCACHE_KIND_UINT)
        return false;
    if (in->as_json) {
        cli_json_open(json, '{');
        cli_json_name(json, named ? "name" : "position");
        if (named)
            cli_json_text(json, (const char *)label.data, label.size);
        else
            cli_json_uint(json, label.number);
        cli_json_name(json, "value");
    } else if (named) {
        cli_put_text((const char *)label.data, label.size);
        putchar('=');
    }
    return true;
}

/* The arguments of a key, which is an array of labels and values; a long one's digest is none. */
static void put_arguments(showing *in, const locache_file *file)
{
    cli_json json = {.comma = false};
    cli_json *to = in->as_json ? &in->json : &json;
    cli_shown shown = shown_by(in, to, NULL);
    locache_cbor_reader reader;
    locache_cbor_item head;
    locache_cbor_reader_init(&reader, file->key, file->key_size);
    if (locache_cbor_read(&head, &reader) != LOCACHE_OK || head.kind != LOCACHE_KIND_ARRAY) {
        if (in->as_json)
            cli_json_null(to);
        else
            fputs("...", stdout);
        return;
    }
    if (in->as_json)
        cli_json_open(to, '[');
    for (uint64_t i = 0; i < head.number / 2; i++) {
        if (!in->as_json && i > 0)
            fputs(", ", stdout);
        json.comma = false;
        if (!put_label(in, to, &reader))
            break;
        bool sound = cli_show_item(&shown, &reader);
        if (in->as_json)
            cli_json_close(to, '}');
        if (!sound)
            break;
    }
    if (in->as_json)
        cli_json_close(to, ']');
}

/* -------------------------------------------------------------------------------------- in JSON */

static void put_object(showing *in, const shown_entry *entry)
{
    char path[LOCACHE_PATH_MAX];
    const locache_file *file = entry->file;
    cli_json *json = &in->json;
    bool sound = entry->value != NULL;
    const cli_row row = {.cache = entry->visit->place->dir,
                         .function = (char *)entry->visit->info->name,
                         .current = entry->visit->info->current,
                         .has_version = sound || entry->visit->info->has_version,
                         .version = sound ? file->version : entry->visit->info->version};
    (void)snprintf(path, sizeof path, "%s/%s", entry->visit->info->path, file->name);
    cli_json_open(json, '{');
    cli_json_member_text(json, "path", path);
    cli_json_place(json, &row);
    cli_json_member_text(json, "name", file->name);
    cli_json_member_text(json, "status", cli_status_name(file->status));
    cli_json_member_text(json, "message", entry->why);
    cli_json_member_uint(json, "bytes", file->file_size);
    cli_json_member_uint(json, "disk_bytes", file->disk_size);
    cli_json_member_time(json, "used", file->used);
    if (sound) {
        cli_json_member_text(json, "codec", cli_codec_name(file->codec));
        cli_json_member_text(json, "signature", signature_name(file->signature));
        cli_json_member_bool(json, "compressed", file->compressed);
        cli_json_member_time(json, "created", file->created);
        cli_json_member_time(json, "expires", file->expires);
        cli_json_member_span(json, "compute_seconds", file->compute_time);
        cli_json_name(json, "arguments");
        put_arguments(in, file);
        cli_json_name(json, "result");
        (void)put_result(in, json, entry->value);
    }
    cli_json_close(json, '}');
    putchar('\n');
}

/* ------------------------------------------------------------------------------------- in words */

static void put_heading(const char *heading)
{
    printf("  %s%-9s%s", cli_colour_on(CLI_DIM), heading, cli_colour_off());
}

static void put_when(const locache_file *file)
{
    char moment[CLI_TIME_TEXT];
    char span[CLI_SPAN_TEXT];
    cli_time_text(moment, file->created);
    cli_span_text(span, cli_now() > file->created ? cli_now() - file->created : 0);
    put_heading("stored");
    printf("%s, %s ago", moment, span);
    cli_span_text(span, file->compute_time);
    printf("; computed in %s\n", span);
    if (file->expires != 0) {
        cli_time_text(moment, file->expires);
        put_heading("expires");
        printf("%s%s\n", moment, file->expires <= cli_now() ? ", that is no more" : "");
    }
}

static void put_file(const shown_entry *entry)
{
    static const char *const signatures[] = {
        "not signed", "signed", "signed by this user",
        "signed with another key than this user's: its pickle is not used"};
    char size[CLI_SIZE_WORDS];
    const locache_file *file = entry->file;
    put_heading("version");
    for (size_t i = 0; i < LOCACHE_ID_SIZE; i++)
        printf("%02x", file->version.bytes[i]);
    printf("%s\n", entry->visit->info->current ? "" : ", an earlier one");
    put_heading("file");
    cli_size_words(size, file->file_size);
    printf("%s, ", size);
    cli_size_words(size, file->disk_size);
    printf("%s on disk; %s%s, %s\n", size, cli_codec_name(file->codec),
           file->compressed ? ", compressed" : "",
           signatures[file->signature <= LOCACHE_SIGNATURE_FOREIGN ? file->signature : 1]);
}

/* On a terminal a result may hold anything: JSON escapes controls, and what is beyond ASCII is what
 * its text says. */
static void put_words(showing *in, const shown_entry *entry)
{
    char function[LOCACHE_NAME_MAX + 1];
    char path[LOCACHE_PATH_MAX];
    cli_json json = {.comma = false};
    (void)snprintf(path, sizeof path, "%s/%s", entry->visit->info->path, entry->file->name);
    const char *shown = cli_shown_path(path);
    printf("%s%s", in->shown > 0 ? "\n" : "", cli_colour_on(CLI_BOLD));
    cli_put_text(shown, strlen(shown));
    printf("%s\n", cli_colour_off());
    if (entry->value == NULL)
        return;
    put_heading("call");
    cli_function_name(function, entry->visit->info->name);
    cli_put_text(function, strlen(function));
    putchar('(');
    put_arguments(in, entry->file);
    puts(")");
    put_heading("result");
    bool sound = put_result(in, &json, entry->value);
    putchar('\n');
    if (!sound)
        cli_error("%s: its content is not what the format says", path);
    put_when(entry->file);
    put_file(entry);
}

/* ---------------------------------------------------------------------------------- the command */

static bool show_file(void *context, const cli_visit *visit, const locache_file *listed)
{
    showing *in = context;
    locache_error error = {.status = LOCACHE_OK};
    locache_file file = {.size = sizeof file};
    locache_value *value = NULL;
    if (!listed->ours && visit->place->entry == NULL)
        return true;
    locache_status status = locache_folder_read(&value, &file, visit->folder, listed->name, &error);
    /* Removed meanwhile: what is in an earlier format was listed as such. */
    if (status == LOCACHE_MISS && (!listed->ours || listed->status != LOCACHE_MISS))
        return true;
    if (status == LOCACHE_MISS)
        (void)snprintf(error.message, sizeof error.message, "%s/%s is in an earlier format",
                       visit->info->path, listed->name);
    file.name = listed->name;
    file.status = status;
    const shown_entry entry = {visit, &file, value, status != LOCACHE_OK ? error.message : NULL};
    if (in->as_json)
        put_object(in, &entry);
    else
        put_words(in, &entry);
    in->shown++;
    if (status != LOCACHE_OK) {
        cli_error("%s", error.message);
        in->code = CLI_FOUND;
    }
    locache_value_free(value);
    return true;
}

static int run_show(cli_parse *parse)
{
    showing in = {.code = CLI_DONE};
    const cli_visitor visitor = {.file = show_file, .context = &in};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0) {
        in.as_json = in.as_json || option == SHOW_JSON;
        in.full = in.full || option == SHOW_FULL;
    }
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (parse->operands == 0) {
        cli_error("show needs a result: its file, or a function as foo.py:my_func; locache ls "
                  "--entries lists them");
        return CLI_USAGE;
    }
    int code = cli_places_find(&places, parse->operands, parse->argv);
    if (in.as_json)
        cli_json_open(&in.json, '[');
    int walked = cli_walk(&places, &visitor);
    if (in.as_json) {
        cli_json_close(&in.json, ']');
        putchar('\n');
    }
    cli_places_clear(&places);
    code = walked > code ? walked : code;
    return in.code > code ? in.code : code;
}

const cli_command cli_show_command = {
    .name = "show",
    .operands = "[options] RESULT...",
    .summary = "show results: the call, what it returned, when, by which version",
    .about = "Of each result the call and what it returned: plain data as JSON, arrays by type,\n"
             "shape and a summary; a pickle is only named, and never loaded. RESULT is its file,\n"
             "or a function (foo.py:my_func), all of whose results are shown.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_show,
};
