/* `locache run`: a command whose output and exit status are kept, and given again.
 *
 * The way of a hit: the key, its file, what it holds is written. The way of a miss: the turn to
 * compute (one process of all has it), the command, its output passed on as it comes, stored when
 * all of it was seen. Whatever is wrong with the cache, the command runs. */
#include "run.h"
#include "command.h"
#include "print.h"
#include "run_feed.h"
#include "units.h"
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    RUN_CWD,
    RUN_ENV,
    RUN_FILE,
    RUN_STDIN,
    RUN_SCOPE,
    RUN_TTL,
    RUN_STALE,
    RUN_KEEP_FAILURES,
    RUN_TIMEOUT,
    RUN_WARM,
    RUN_FORCE,
    RUN_DISCARD,
    RUN_CACHE_DIR,
    RUN_BASE,
};

static const cli_option options[] = {
    [RUN_CWD] = {0, "cwd", NULL, "the working directory counts"},
    [RUN_ENV] = {0, "env", "NAME", "the environment variable NAME counts"},
    [RUN_FILE] = {0, "file", "PATH", "what a file or a directory's tree holds counts"},
    [RUN_STDIN] = {0, "stdin", NULL, "standard input counts; without, there is none"},
    [RUN_SCOPE] = {0, "scope", "TEXT", "results of another TEXT are others"},
    [RUN_TTL] = {0, "ttl", "AGE", "results older than AGE (90s, 10m, 1h, 7d) do not count"},
    [RUN_STALE] = {0, "stale", "AGE", "older than AGE: given, and refreshed behind"},
    [RUN_KEEP_FAILURES] = {0, "keep-failures", NULL, "keep results of other exit codes than 0"},
    [RUN_TIMEOUT] = {0, "timeout", "AGE", "end the command after AGE; exit code 124"},
    [RUN_WARM] = {0, "warm", NULL, "compute it in the background, print nothing"},
    [RUN_FORCE] = {0, "force", NULL, "compute it anew, whatever is kept"},
    [RUN_DISCARD] = {0, "discard", NULL, "forget the result, run nothing"},
    [RUN_CACHE_DIR] = {0, "cache-dir", "DIR", "keep results in DIR/run.cache"},
    [RUN_BASE] = {0, "base", "DIRS", "caches that are read where there is no result"},
};

/* ---------------------------------------------------------------------------------- the options */

/* Those that say what the key is made of; false: it is another. */
static bool take_key_option(cli_run *run, int option, char *value)
{
    if (option == RUN_CWD)
        run->with_cwd = true;
    else if (option == RUN_ENV)
        run->environment[run->environment_count++] = value;
    else if (option == RUN_FILE)
        run->files[run->file_count++] = value;
    else if (option == RUN_STDIN)
        run->with_stdin = true;
    else if (option == RUN_SCOPE)
        run->scope = value;
    else
        return false;
    return true;
}

static bool take_run_option(cli_run *run, int option, char *value)
{
    if (take_key_option(run, option, value))
        return true;
    switch (option) {
    case RUN_TTL:
        return cli_read_age(&run->ttl, "ttl", value);
    case RUN_STALE:
        return cli_read_age(&run->stale, "stale", value);
    case RUN_TIMEOUT:
        return cli_read_age(&run->timeout, "timeout", value);
    case RUN_KEEP_FAILURES:
        run->keep_failures = true;
        return true;
    case RUN_CACHE_DIR:
        run->cache_dir = value;
        return true;
    case RUN_BASE:
        run->base = value;
        return true;
    default:
        run->warm = run->warm || option == RUN_WARM;
        run->force = run->force || option == RUN_FORCE;
        run->discard = run->discard || option == RUN_DISCARD;
        return true;
    }
}

/* Who says --env A=B wants it set, as with env: it would count as one that is not. */
static const char *wrong_name(const cli_run *run)
{
    /* There are more words than names, so that NULL is behind the last. */
    for (char **name = run->environment; *name != NULL; name++)
        if ((*name)[0] == '\0' || strchr(*name, '=') != NULL)
            return *name;
    return NULL;
}

static bool check_options(const cli_run *run)
{
    const char *wrong = wrong_name(run);
    if (wrong != NULL)
        cli_error("--env takes the name of a variable, whose value counts, not '%.999s'", wrong);
    else if (run->command_count == 0)
        cli_error("run needs a command: locache run [options] -- CMD...");
    else if (run->ttl > 0 && run->stale >= run->ttl)
        cli_error("--stale must be less than --ttl: from then on there is nothing to give");
    else if (run->warm + run->force + run->discard > 1)
        cli_error("--warm, --force and --discard are three things to do: say one");
    else
        return true;
    return false;
}

/* ------------------------------------------------------------------------------------ the place */

/* By hand: printf() is not used on the way of a hit, where the pages that it is in would take
 * longer to come than the result. */
static bool join_place(cli_run *run, const char *const *parts, size_t count)
{
    size_t length = 0;
    for (size_t n = 0; n < count; n++) {
        size_t size = strlen(parts[n]);
        if (size >= sizeof run->place - length) {
            cli_error("run: the path of the cache is too long: not cached");
            run->place[0] = '\0';
            return false;
        }
        memcpy(run->place + length, parts[n], size + 1);
        length += size;
    }
    return true;
}

/* --cache-dir, $LOCACHE_DIR, $XDG_CACHE_HOME/locache, ~/.cache/locache: the first that is said. */
static bool find_place(cli_run *run)
{
    const char *told = run->cache_dir != NULL ? run->cache_dir : getenv("LOCACHE_DIR");
    const char *below = "";
    char cwd[LOCACHE_PATH_MAX] = "";
    if (told == NULL || told[0] == '\0') {
        told = getenv("XDG_CACHE_HOME");
        below = "/locache";
        if (told == NULL || told[0] != '/') {
            told = getenv("HOME");
            below = "/.cache/locache";
        }
    }
    if (told == NULL || told[0] == '\0') {
        cli_error("run: neither --cache-dir nor HOME says where results are: not cached");
        return false;
    }
    if (told[0] != '/' && getcwd(cwd, sizeof cwd - 1) == NULL)
        cwd[0] = '\0';
    else if (told[0] != '/')
        memcpy(cwd + strlen(cwd), "/", 2);
    const char *const parts[] = {cwd, told, below, "/run.cache"};
    return join_place(run, parts, sizeof parts / sizeof *parts);
}

static void open_cache(cli_run *run)
{
    locache_error error;
    char *function = cli_run_function(run);
    const locache_options told = {
        .size = sizeof told,
        .function = function,
        .flags = run->read_only ? LOCACHE_OPEN_READ_ONLY : 0,
        .memory_entries = -1, /* one look is all there is */
        /* The key says all of it: whichever run.cache it is, results are of this command. */
        .base = run->base != NULL ? run->base : getenv("LOCACHE_BASE"),
    };
    if (function != NULL && locache_open(&run->cache, run->place, &told, &error) != LOCACHE_OK)
        cli_error("run: not cached: %s", error.message);
    free(function);
}

/* -------------------------------------------------------------------------------------- compute */

/* Die of it as the command did, without a core of our own. */
static int die_of(int number)
{
    sigset_t all;
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(number, SIG_DFL);
    (void)sigemptyset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)raise(number);
    return 128 + number;
}

/* flight is NULL where nothing is stored. */
static int compute(cli_run *run, locache_flight *flight, bool quiet)
{
    cli_recording recording;
    cli_ending ending;
    int64_t began = cli_steady_clock();
    cli_recording_begin(&recording, run->place);
    cli_run_command(&ending, run, flight != NULL ? &recording : NULL, quiet);
    bool kept = ending.whole && (ending.code == 0 || run->keep_failures);
    if (flight != NULL && kept)
        (void)cli_recording_commit(&recording, flight, ending.code, cli_steady_clock() - began);
    else
        locache_abandon(flight);
    cli_recording_clear(&recording);
    if (ending.signal != 0)
        return die_of(ending.signal);
    return ending.unwritten && ending.code == 0 ? CLI_RUN_FAILED : ending.code;
}

/* ----------------------------------------------------------------------------------------- give */

static int give(const cli_output *output)
{
    int error = cli_output_replay(output);
    if (error != 0 && error != EPIPE)
        cli_error("run: cannot write the command's output: %s", strerror(error));
    return error != 0 ? CLI_RUN_FAILED : output->status;
}

static bool counts(const cli_run *run, const cli_output *output)
{
    return output->status == 0 || run->keep_failures;
}

/* In the background: whoever has the turn already does it for us. */
static void refresh(cli_run *run, int64_t newer_than)
{
    locache_value *value = NULL;
    locache_flight *flight = NULL;
    locache_error error;
    int until = -1;
    locache_request request = {.size = sizeof request,
                               .key = run->key.data,
                               .key_size = run->key.length,
                               .wait = -1,
                               .newer_than = newer_than};
    if (cli_run_detach(&until) != 0)
        return;
    locache_status status = locache_ask(&value, &flight, run->cache, &request, &error);
    locache_give_up(&request);
    (void)close(until);
    if (status == LOCACHE_MISS)
        (void)compute(run, flight, true);
    _exit(0);
}

/* False: it does not count. What is older than --stale is given, and refreshed behind. */
static bool give_value(int *code, cli_run *run, const locache_value *value)
{
    cli_output output;
    int64_t created = locache_value_created(value);
    if (!cli_output_read(&output, value) || !counts(run, &output))
        return false;
    *code = give(&output);
    if (run->stale > 0 && cli_now() - created > run->stale)
        refresh(run, created + 1);
    return true;
}

/* What is stored and counts, or what somebody stores who computes it now. Nobody else's command is
 * waited for twice. */
static int give_or_compute(cli_run *run)
{
    locache_status status = LOCACHE_MISS;
    locache_flight *flight = NULL;
    locache_error error;
    locache_request request = {.size = sizeof request,
                               .key = run->key.data,
                               .key_size = run->key.length,
                               .fresh = run->force,
                               .newer_than = run->ttl > 0 ? cli_now() - run->ttl : 0};
    for (int look = 0; look < 2; look++) {
        locache_value *value = NULL;
        int code = 0;
        status = locache_ask(&value, &flight, run->cache, &request, &error);
        locache_give_up(&request);
        if (status != LOCACHE_OK)
            break;
        bool given = give_value(&code, run, value);
        request.newer_than = locache_value_created(value) + 1;
        locache_value_free(value);
        if (given)
            return code;
    }
    if (status < 0)
        cli_error("run: not cached: %s", error.message);
    return compute(run, status == LOCACHE_MISS && !run->read_only ? flight : NULL, false);
}

static int discard(cli_run *run)
{
    locache_error error;
    locache_status status = locache_remove(run->cache, run->key.data, run->key.length, &error);
    if (status < 0)
        cli_error("run: %s", error.message);
    return status == LOCACHE_OK ? CLI_DONE : status == LOCACHE_MISS ? CLI_FOUND : CLI_RUN_FAILED;
}

static int run_cached(cli_run *run)
{
    if (run->discard)
        return discard(run);
    if (!run->warm)
        return give_or_compute(run);
    refresh(run, cli_now());
    return 0;
}

static int run_prepared(cli_run *run)
{
    cli_run_take_switch(run);
    cli_feed_read(run);
    bool cached = !run->off && find_place(run) && cli_run_make_key(run);
    if (cached)
        open_cache(run);
    if (cached && run->cache != NULL)
        return run_cached(run);
    /* Without a cache nothing is forgotten, or made ready for later. */
    if (run->discard || run->warm)
        return run->off ? CLI_DONE : CLI_RUN_FAILED;
    return compute(run, NULL, false);
}

/* ---------------------------------------------------------------------------------- the command */

/* A file that we open must not become somebody's standard output. */
static void fill_standard(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return;
}

static int run_run(cli_parse *parse)
{
    unsigned char room[512];
    int option;
    fill_standard();
    /* One word of the command line says at most one name. */
    char **names = calloc(2 * (size_t)parse->argc + 1, sizeof *names);
    if (names == NULL) {
        cli_error("no memory");
        return CLI_RUN_FAILED;
    }
    /* Not on the stack, where all of its room would be filled with zeros. */
    static cli_run run;
    run.environment = names;
    run.files = names + parse->argc;
    while ((option = cli_parse_next(parse)) >= 0)
        if (!take_run_option(&run, option, parse->value))
            break;
    run.command_count = parse->operands;
    int code = CLI_RUN_FAILED;
    if (option == CLI_OPTIONS_HELP)
        code = CLI_DONE;
    /* The words of the command were moved to the front, and argv ends with NULL. */
    run.command = parse->argv;
    if (option == CLI_OPTIONS_END && check_options(&run)) {
        run.command[run.command_count] = NULL;
        locache_cbor_writer_init(&run.key, room, sizeof room);
        code = run_prepared(&run);
        locache_cbor_writer_clear(&run.key);
        locache_close(run.cache);
        cli_spool_clear(&run.input);
    }
    free(names);
    return code;
}

const cli_command cli_run_command_row = {
    .name = "run",
    .operands = "[options] -- CMD...",
    .summary = "run a command, or give what it printed before",
    .about = "The result is what the command printed and its exit code. It is given again to\n"
             "the same command line with the same of what is said to count below; the\n"
             "command's own standard input is empty but with --stdin. One process computes,\n"
             "others that ask meanwhile wait for it. Only exit code 0 is kept by default.\n"
             "Results are in DIR/run.cache of --cache-dir, $LOCACHE_DIR,\n"
             "$XDG_CACHE_HOME/locache or ~/.cache/locache, the first that is set. Exit codes:\n"
             "the command's; 124 timed out; 125 locache failed; 126 it cannot be run; 127\n"
             "there is no such command.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .first_operand_ends = true,
    .run = run_run,
};
