/* `locache top`: which functions' results are used now, how often, and who computes what. */
#include "top.h"
#include "command.h"
#include "print.h"
#include "units.h"
#include "walk.h"

#include <poll.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)
/* Processes count once a second: what is shown oftener is not newer. */
#define INTERVAL_DEFAULT (2 * SECOND)
#define INTERVAL_LEAST (SECOND / 10)
#define INTERVAL_MOST (3600 * SECOND)
/* Caches are looked for again so often: to go through a large tree takes longer than to read
 * counts. */
#define FIND_EVERY (10 * SECOND)

enum { TOP_ALL, TOP_INTERVAL, TOP_ONCE, TOP_JSON };

static const cli_option options[] = {
    [TOP_ALL] = {'a', "all-functions", NULL, "also those that nobody uses now"},
    [TOP_INTERVAL] = {'i', "interval", "TIME", "between two looks (2s)"},
    [TOP_ONCE] = {'1', "once", NULL, "look twice, print, and end; so without a terminal"},
    [TOP_JSON] = {0, "json", NULL, "the same as a JSON object"},
};

typedef struct watch {
    top_view view;
    int64_t interval;
    bool once;
    bool as_json;
    const cli_parse *parse;
    cli_places places;
    int64_t found; /* when they were looked for */
    int code;
} watch;

static int milliseconds(int64_t nanoseconds)
{
    return (int)(nanoseconds / 1000000);
}

static void look_for_places(watch *in)
{
    cli_places_clear(&in->places);
    in->code = cli_places_of(&in->places, in->parse);
    in->found = cli_now();
}

static int watch_once(watch *in)
{
    top_sample before;
    top_sample now;
    cli_top_take(&before, &in->places, NULL);
    (void)poll(NULL, 0, milliseconds(in->interval));
    cli_top_take(&now, &in->places, &before);
    if (in->as_json)
        cli_top_json(&now, &in->view);
    else
        cli_top_print(&now, &in->view);
    int code = before.code;
    cli_top_clear(&before);
    cli_top_clear(&now);
    return code;
}

static void draw(watch *in, const top_sample *sample)
{
    cli_screen_size(&in->view.lines, &in->view.columns);
    /* The last line is left free: what ends in it would scroll. */
    in->view.lines -= in->view.lines > 1;
    cli_screen_home();
    cli_top_print(sample, &in->view);
    cli_screen_rest();
}

/* Until q or Ctrl-C. A key, or a window of another size, draws at once. */
static void watch_on(watch *in)
{
    top_sample before;
    top_sample now;
    int64_t next = 0;
    cli_top_take(&before, &in->places, NULL);
    cli_top_take(&now, &in->places, NULL);
    for (;;) {
        draw(in, &now);
        if (next == 0) /* the first rates soon */
            next = cli_now() + (in->interval < SECOND ? in->interval : SECOND);
        int64_t rest = next - cli_now();
        int key = rest > 0 && rest <= INTERVAL_MOST ? cli_screen_wait(milliseconds(rest) + 1)
                                                    : cli_screen_wait(0);
        if (key == 'q')
            break;
        if (key != 0)
            continue;
        if (cli_now() - in->found > FIND_EVERY)
            look_for_places(in);
        cli_top_clear(&before);
        before = now;
        cli_top_take(&now, &in->places, &before);
        next = cli_now() + in->interval;
    }
    cli_top_clear(&before);
    cli_top_clear(&now);
}

static bool take_top_option(watch *in, int option, const char *value)
{
    switch (option) {
    case TOP_ALL:
        in->view.all = true;
        return true;
    case TOP_INTERVAL:
        if (!cli_read_span(&in->interval, "interval", value))
            return false;
        if (in->interval >= INTERVAL_LEAST && in->interval <= INTERVAL_MOST)
            return true;
        cli_error("--interval takes 100ms to 1h, not '%.99s'", value);
        return false;
    case TOP_ONCE:
        in->once = true;
        return true;
    default:
        in->as_json = true;
        return true;
    }
}

static int run_top(cli_parse *parse)
{
    watch in = {.interval = INTERVAL_DEFAULT, .parse = parse};
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        if (!take_top_option(&in, option, parse->value))
            return CLI_USAGE;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    in.view.interval = (double)in.interval / 1e9;
    look_for_places(&in);
    int code = in.code;
    if (in.code != CLI_DONE && in.places.count == 0) {
        cli_places_clear(&in.places);
        return code;
    }
    if (in.once || in.as_json || !cli_screen_begin()) {
        int watched = watch_once(&in);
        code = watched > code ? watched : code;
    } else {
        watch_on(&in);
        cli_screen_end();
    }
    cli_places_clear(&in.places);
    return code;
}

const cli_command cli_top_command_row = {
    .name = "top",
    .operands = "[options] [CACHE...]",
    .summary = "watch running programs: hits and misses a second, what is computed",
    .about = "Functions whose results are used now: hits and misses a second, the part of all\n"
             "look-ups that hit, the time that is saved a second, how many results are being\n"
             "computed and by how many processes the function is used, and when it was counted\n"
             "last; below, who computes what. q or Ctrl-C ends.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_top,
};
