/* A sample of `locache top` as it is printed: a screenful for people, or JSON. */
#include "command.h"
#include "ls.h"
#include "print.h"
#include "top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------- in words */

/* What is printed so far of a screen. */
typedef struct page {
    const top_view *view;
    unsigned lines;
} page;

static bool is_full(const page *on)
{
    return on->view->lines > 0 && on->lines >= on->view->lines;
}

/* The end of a line, and of what an earlier screen had there. */
static void end_line(page *on)
{
    fputs(cli_on_terminal() && on->view->lines > 0 ? "\x1b[K\n" : "\n", stdout);
    on->lines++;
}

/* The end of a name is what tells it from others: a long one is cut at its front. */
static void put_function(const page *on, const char *text, unsigned used)
{
    size_t size = strlen(text);
    size_t room = on->view->columns > used + 8 ? on->view->columns - used : 8;
    if (on->view->columns > 0 && size > room) {
        text += size - room + 2;
        size = room - 2;
        /* Not within a character of several bytes. */
        while (size > 0 && ((unsigned char)*text & 0xC0) == 0x80) {
            text++;
            size--;
        }
        fputs("..", stdout);
    }
    cli_put_text(text, size);
}

/* Whole from ten on, "0.5" below; "." where there is none, so that a column of idle ones is
 * empty. */
static void put_rate(double rate)
{
    char text[32];
    if (rate <= 0)
        (void)snprintf(text, sizeof text, ".");
    else if (rate < 9.95)
        (void)snprintf(text, sizeof text, "%.1f", rate);
    else if (rate < 999999)
        (void)snprintf(text, sizeof text, "%.0f", rate);
    else
        (void)snprintf(text, sizeof text, "%.1fM", rate / 1e6);
    cli_put_cell(8, text);
}

static void put_count(size_t count)
{
    char text[24] = ".";
    if (count > 0)
        (void)snprintf(text, sizeof text, "%zu", count);
    cli_put_cell(5, text);
}

static int64_t nanoseconds_of(double seconds)
{
    return seconds < 9e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
}

static void put_row(page *on, const top_row *row, int64_t now)
{
    char ratio[CLI_RATIO_TEXT];
    char span[CLI_SPAN_TEXT];
    const char *shown = cli_shown_path(row->path);
    put_rate(row->hits);
    put_rate(row->misses);
    cli_counted_ratio_text(ratio, &row->counts);
    cli_put_cell(6, ratio);
    cli_span_text(span, nanoseconds_of(row->saved));
    cli_put_cell(7, row->saved > 0 ? span : ".");
    put_count(row->computing);
    put_count(row->process_count);
    int64_t age = row->counts.until < now ? now - row->counts.until : 0;
    cli_span_text(span, age);
    cli_put_cell(6, row->counts.since != 0 ? span : "-");
    fputs(cli_colour_on(CLI_BOLD), stdout);
    put_function(on, shown, 57);
    fputs(cli_colour_off(), stdout);
    end_line(on);
}

static void put_heads(page *on)
{
    static const struct {
        int width;
        const char *title;
    } heads[] = {{8, "HITS/S"}, {8, "MISSES/S"}, {6, "RATIO"}, {7, "SAVED/S"},
                 {5, "COMP."},  {5, "PROC."},    {6, "LAST"}};
    if (!cli_on_terminal())
        return;
    fputs(cli_colour_on(CLI_DIM), stdout);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        cli_put_cell(heads[i].width, heads[i].title);
    printf("FUNCTION%s", cli_colour_off());
    end_line(on);
}

static void put_all_rates(page *on, const top_sample *sample)
{
    char span[CLI_SPAN_TEXT];
    double hits = 0;
    double misses = 0;
    double saved = 0;
    size_t active = 0;
    if (!cli_on_terminal())
        return;
    for (size_t i = 0; i < sample->count; i++) {
        hits += sample->rows[i].hits;
        misses += sample->rows[i].misses;
        saved += sample->rows[i].saved;
        active += cli_top_active(&sample->rows[i]);
    }
    cli_span_text(span, nanoseconds_of(saved));
    printf("locache: %zu of %zu function%s in use, %.1f hits/s, %.1f misses/s, %s saved/s, %zu "
           "computed now",
           active, sample->count, cli_plural(sample->count), hits, misses, span,
           sample->computing_count);
    end_line(on);
}

static void put_computing(page *on, const top_sample *sample, const top_computing *one)
{
    char text[TOP_COMMAND];
    const char *shown = cli_shown_path(sample->rows[one->row].path);
    (void)snprintf(text, 24, one->process != 0 ? "%u" : "?", (unsigned)one->process);
    cli_put_cell(8, text);
    cli_span_text(text, one->since < sample->taken ? sample->taken - one->since : 0);
    /* It is known to the minute. */
    bool young = sample->taken - one->since < INT64_C(120000000000);
    cli_put_cell(7, young ? "<2min" : text);
    size_t room = strlen(shown) < 40 ? strlen(shown) : 40;
    put_function(on, shown, on->view->columns > 40 ? on->view->columns - 40 : 0);
    cli_top_command(text, one->process);
    fputs(cli_on_terminal() ? "  " : "\t", stdout);
    fputs(cli_colour_on(CLI_DIM), stdout);
    size_t left = on->view->columns > room + 22 ? on->view->columns - room - 22 : 0;
    if (on->view->columns > 0 && strlen(text) > left)
        text[left] = '\0';
    cli_put_text(text, strlen(text));
    fputs(cli_colour_off(), stdout);
    end_line(on);
}

static void put_all_computing(page *on, const top_sample *sample)
{
    if (sample->computing_count == 0 || is_full(on))
        return;
    if (cli_on_terminal()) {
        end_line(on);
        fputs(cli_colour_on(CLI_DIM), stdout);
        cli_put_cell(8, "PROCESS");
        cli_put_cell(7, "SINCE");
        printf("COMPUTES%s", cli_colour_off());
        end_line(on);
    }
    for (size_t i = 0; i < sample->computing_count && !is_full(on); i++)
        put_computing(on, sample, &sample->computing[i]);
}

void cli_top_print(const top_sample *sample, const top_view *view)
{
    page on = {.view = view};
    size_t count;
    const top_row **rows = cli_top_order(&count, sample, view->all);
    /* Who computes is what nothing else tells: it gets half of a small screen. */
    unsigned kept = view->lines == 0 || sample->computing_count == 0 ? 0 : view->lines / 2;
    put_all_rates(&on, sample);
    put_heads(&on);
    for (size_t i = 0; i < count && (view->lines == 0 || on.lines + kept < view->lines); i++)
        put_row(&on, rows[i], sample->taken);
    if (count == 0 && cli_on_terminal()) {
        fputs("no function was used in the last seconds; -a shows all", stdout);
        end_line(&on);
    }
    put_all_computing(&on, sample);
    free(rows);
}

/* -------------------------------------------------------------------------------------- in JSON */

static void json_rate(cli_json *json, const char *name, double value)
{
    cli_json_name(json, name);
    cli_json_real(json, value);
}

static void json_row(cli_json *json, const top_row *row)
{
    const cli_row place = {.cache = row->cache,
                           .function = row->function,
                           .path = row->path,
                           .current = row->current,
                           .has_version = row->has_version,
                           .version = row->version};
    cli_json_open(json, '{');
    cli_json_member_text(json, "path", row->path);
    cli_json_place(json, &place);
    cli_counted_json(json, &row->counts);
    json_rate(json, "hits_per_second", row->hits);
    json_rate(json, "misses_per_second", row->misses);
    json_rate(json, "saved_per_second", row->saved);
    cli_json_member_uint(json, "computing", row->computing);
    cli_json_name(json, "processes");
    cli_json_open(json, '[');
    for (size_t i = 0; i < row->process_count && i < TOP_PROCESSES; i++)
        cli_json_uint(json, row->processes[i]);
    cli_json_close(json, ']');
    cli_json_member_time(json, "last", row->counts.until);
    cli_json_close(json, '}');
}

static void json_computing(cli_json *json, const top_sample *sample, const top_computing *one)
{
    char command[TOP_COMMAND];
    cli_top_command(command, one->process);
    cli_json_open(json, '{');
    cli_json_name(json, "process");
    if (one->process != 0)
        cli_json_uint(json, one->process);
    else
        cli_json_null(json);
    cli_json_member_time(json, "since", one->since);
    cli_json_member_text(json, "path", sample->rows[one->row].path);
    cli_json_member_text(json, "command", command[0] != '\0' ? command : NULL);
    cli_json_close(json, '}');
}

void cli_top_json(const top_sample *sample, const top_view *view)
{
    cli_json json = {.comma = false};
    size_t count;
    const top_row **rows = cli_top_order(&count, sample, view->all);
    cli_json_open(&json, '{');
    cli_json_member_time(&json, "time", sample->taken);
    cli_json_name(&json, "interval_seconds");
    cli_json_real(&json, view->interval);
    cli_json_name(&json, "functions");
    cli_json_open(&json, '[');
    for (size_t i = 0; i < count; i++)
        json_row(&json, rows[i]);
    cli_json_close(&json, ']');
    cli_json_name(&json, "computing");
    cli_json_open(&json, '[');
    for (size_t i = 0; i < sample->computing_count; i++)
        json_computing(&json, sample, &sample->computing[i]);
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    putchar('\n');
    free(rows);
}
