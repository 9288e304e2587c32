/* `locache verify`: every result read whole, and compared with what it says of itself. */
#include "command.h"
#include "ls.h"
#include "print.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

enum { VERIFY_REPAIR, VERIFY_JSON };

static const cli_option options[] = {
    [VERIFY_REPAIR] = {0, "repair", NULL, "remove what is damaged"},
    [VERIFY_JSON] = {0, "json", NULL, "as a JSON object"},
};

typedef struct verification {
    bool repair;
    bool as_json;
    uint64_t sound;
    uint64_t bytes;
    uint64_t damaged;
    uint64_t untrusted;
    uint64_t foreign; /* pickles that are not signed by this user */
    uint64_t others;  /* of an earlier or a later format, or not locache's */
    uint64_t removed;
    int code;
    cli_json json;
    cli_progress progress;
} verification;

/* What was found of one file that is not right. */
typedef struct problem {
    const cli_visit *visit;
    const char *name;
    const char *status;
    const char *message;
    bool removed;
} problem;

static void tell(verification *in, const problem *found)
{
    char path[LOCACHE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", found->visit->info->path, found->name);
    cli_progress_clear(&in->progress);
    if (in->as_json) {
        cli_json_open(&in->json, '{');
        cli_json_member_text(&in->json, "path", path);
        cli_json_member_text(&in->json, "status", found->status);
        cli_json_member_text(&in->json, "message", found->message);
        cli_json_member_bool(&in->json, "removed", found->removed);
        cli_json_close(&in->json, '}');
        putchar('\n');
        return;
    }
    printf("%s%s%s%s: ", cli_colour_on(CLI_RED), found->status, cli_colour_off(),
           found->removed ? ", removed" : "");
    cli_put_text(found->message, strlen(found->message));
    putchar('\n');
}

/* Only what is damaged is removed: it is a miss to everybody. */
static void damaged(verification *in, const cli_visit *visit, const char *name, const char *message)
{
    locache_error error;
    problem found = {visit, name, "damaged", message, false};
    in->damaged++;
    if (in->repair) {
        found.removed = locache_folder_remove(visit->folder, name, &error) == LOCACHE_OK;
        in->removed += found.removed;
        if (!found.removed && error.status < LOCACHE_OK) {
            cli_progress_clear(&in->progress);
            cli_error("%s", error.message);
            in->code = CLI_FAILED;
        }
    }
    tell(in, &found);
}

static void judge_sound(verification *in, const cli_visit *visit, const locache_file *file,
                        const char *name)
{
    char message[LOCACHE_MESSAGE_MAX + LOCACHE_PATH_MAX];
    bool trusted = file->codec != LOCACHE_CODEC_PICKLE || file->signature == LOCACHE_SIGNATURE_OURS;
    if (!cli_is_of_folder(file, visit)) {
        (void)snprintf(message, sizeof message, "%s/%s is a result of another function",
                       visit->info->path, name);
        damaged(in, visit, name, message);
    } else if (!trusted) {
        (void)snprintf(message, sizeof message,
                       "%s/%s is pickled and not signed by this user: it is never used, and is "
                       "computed again",
                       visit->info->path, name);
        in->foreign++;
        tell(in, &(problem){visit, name, "foreign", message, false});
    } else {
        in->sound++;
        in->bytes += file->file_size;
    }
}

static bool verify_file(void *context, const cli_visit *visit, const locache_file *listed)
{
    verification *in = context;
    locache_error error;
    locache_file file = {.size = sizeof file};
    locache_value *value = NULL;
    cli_progress_step(&in->progress);
    locache_status status = locache_folder_read(&value, &file, visit->folder, listed->name, &error);
    if (status == LOCACHE_OK) {
        judge_sound(in, visit, &file, listed->name);
        locache_value_free(value);
    } else if (status == LOCACHE_MISS) {
        /* Removed meanwhile; or written by an earlier release, which is no fault. */
        in->others += listed->ours && listed->status == LOCACHE_MISS;
    } else if (status == LOCACHE_EFORMAT || (status == LOCACHE_ECORRUPT && !listed->ours)) {
        in->others++;
    } else if (status == LOCACHE_ECORRUPT) {
        damaged(in, visit, listed->name, error.message);
    } else {
        in->untrusted++;
        tell(in, &(problem){visit, listed->name, cli_status_name(status), error.message, false});
    }
    return true;
}

static void end_verification(verification *in)
{
    char size[CLI_SIZE_WORDS];
    cli_progress_clear(&in->progress);
    if (in->as_json) {
        cli_json_close(&in->json, ']');
        cli_json_member_uint(&in->json, "sound", in->sound);
        cli_json_member_uint(&in->json, "bytes", in->bytes);
        cli_json_member_uint(&in->json, "damaged", in->damaged);
        cli_json_member_uint(&in->json, "untrusted", in->untrusted);
        cli_json_member_uint(&in->json, "foreign", in->foreign);
        cli_json_member_uint(&in->json, "others", in->others);
        cli_json_member_uint(&in->json, "removed", in->removed);
        cli_json_close(&in->json, '}');
        putchar('\n');
        return;
    }
    cli_size_words(size, in->bytes);
    printf("%llu sound, %s; %llu damaged", (unsigned long long)in->sound, size,
           (unsigned long long)in->damaged);
    if (in->removed > 0)
        printf(" (%llu removed)", (unsigned long long)in->removed);
    else if (in->damaged > 0)
        printf(" (--repair removes them)");
    printf(", %llu untrusted, %llu not signed by this user", (unsigned long long)in->untrusted,
           (unsigned long long)in->foreign);
    if (in->others > 0)
        printf(", %llu of another format or not locache's", (unsigned long long)in->others);
    putchar('\n');
}

static int run_verify(cli_parse *parse)
{
    verification in = {.code = CLI_DONE};
    const cli_visitor visitor = {.file = verify_file, .context = &in};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0) {
        in.repair = in.repair || option == VERIFY_REPAIR;
        in.as_json = in.as_json || option == VERIFY_JSON;
    }
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    int code = cli_places_of(&places, parse);
    if (in.as_json) {
        cli_json_open(&in.json, '{');
        cli_json_name(&in.json, "problems");
        cli_json_open(&in.json, '[');
    }
    cli_progress_begin(&in.progress, "verified", &places);
    int walked = cli_walk(&places, &visitor);
    end_verification(&in);
    cli_places_clear(&places);
    if (in.damaged > in.removed || in.untrusted > 0)
        in.code = in.code > CLI_FOUND ? in.code : CLI_FOUND;
    code = walked > code ? walked : code;
    return in.code > code ? in.code : code;
}

const cli_command cli_verify_command = {
    .name = "verify",
    .operands = "[options] [CACHE...]",
    .summary = "read every result, and find what is damaged",
    .about = "Of every result checksum, name, owner, function and signature are verified. What\n"
             "is damaged is a miss to every program, and computed again; --repair removes it.\n"
             "What is foreign is a pickle that another user's key signed, or none: it is a\n"
             "miss, too, and stays. Exit status 1: something is damaged and still there, or\n"
             "untrusted.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_verify,
};
