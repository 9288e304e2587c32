/* A treemap: rectangles whose areas are to each other as what they stand for. Squarified (Bruls,
 * Huizing, van Wijk 2000): rows are filled along the shorter side as long as that makes their
 * rectangles less oblong.
 *
 * Rectangles are HTML elements placed in hundredths of their container, so that their labels stay
 * as large as other text however narrow the window is. */
#include "print.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* Width by height that the two layouts assume, of a wide window and of a narrow one, as the style
 * sheet has them. Areas are in units of one hundredth of the width, by one of the height. */
static const double shapes[] = {1150.0 / 384, 330.0 / 448};
enum { SHAPES = sizeof shapes / sizeof *shapes };
/* Of the whole: what is smaller is no link, since nobody could hit it. */
#define LINK_MIN 0.004
/* Bytes of a name in a rectangle. */
#define NAME_SHOWN 80

/* In hundredths of the map's width, or height. */
typedef struct area {
    double x, y, width, height;
} area;

typedef struct tile {
    const cli_row *row; /* NULL: all others */
    double value;
    area areas[SHAPES];
} tile;

typedef struct map {
    const cli_report *report;
    bool by_time;
    tile tiles[CLI_REPORT_TILES + 1];
    size_t count;
    double total;
    uint64_t others; /* functions that have no rectangle of their own */
} map;

/* --------------------------------------------------------------------------------------- layout */

/* How oblong the worst of a row is: values of that sum, the largest and the smallest of them, along
 * a side of that length. */
static double worst(double sum, double largest, double smallest, double side)
{
    double square = side * side;
    double a = square * largest / (sum * sum);
    double b = sum * sum / (square * smallest);
    return a > b ? a : b;
}

/* A layout under way: what is left to be filled, in a map whose height is 1. */
typedef struct filling {
    const map *in;
    double scale; /* of values to areas */
    area left;
} filling;

/* The end of the row that begins with that tile. */
static size_t end_of_row(const filling *to, size_t from, double *sum)
{
    const tile *tiles = to->in->tiles;
    const area *left = &to->left;
    double side = left->width < left->height ? left->width : left->height;
    double largest = tiles[from].value * to->scale;
    double smallest = largest;
    size_t n = from + 1;
    *sum = largest;
    for (; n < to->in->count; n++) {
        double next = tiles[n].value * to->scale;
        if (worst(*sum + next, largest, next, side) > worst(*sum, largest, smallest, side))
            break;
        *sum += next;
        smallest = next;
    }
    return n;
}

/* Put tiles [from, end), of that area together, along the shorter side. */
static void place_row(filling *to, map *in, size_t shape, size_t from, size_t end, double sum)
{
    area *left = &to->left;
    bool across = left->width >= left->height;
    double side = across ? left->height : left->width;
    double depth = side > 0 ? sum / side : 0;
    double at = 0;
    for (size_t n = from; n < end; n++) {
        double length = depth > 0 ? in->tiles[n].value * to->scale / depth : 0;
        in->tiles[n].areas[shape] = (area){.x = left->x + (across ? 0 : at),
                                           .y = left->y + (across ? at : 0),
                                           .width = across ? depth : length,
                                           .height = across ? length : depth};
        at += length;
    }
    left->x += across ? depth : 0;
    left->width -= across ? depth : 0;
    left->y += across ? 0 : depth;
    left->height -= across ? 0 : depth;
}

/* Values are in falling order, and none is 0. */
static void lay_out(map *in, size_t shape)
{
    filling to = {.in = in, .scale = shapes[shape] / in->total};
    double sum = 0;
    to.left = (area){.width = shapes[shape], .height = 1};
    for (size_t from = 0; from < in->count;) {
        size_t end = end_of_row(&to, from, &sum);
        place_row(&to, in, shape, from, end, sum);
        from = end;
    }
    for (size_t n = 0; n < in->count; n++) {
        area *one = &in->tiles[n].areas[shape];
        one->x *= 100 / shapes[shape];
        one->width *= 100 / shapes[shape];
        one->y *= 100;
        one->height *= 100;
    }
}

/* -------------------------------------------------------------------------------------- content */

double cli_report_time(const cli_report *report, const cli_row *row)
{
    return report->saved > 0 ? (double)row->counts.saved_time : (double)row->sums.took;
}

static double value_of(const map *in, const cli_row *row)
{
    return in->by_time ? cli_report_time(in->report, row) : (double)row->sums.bytes;
}

static int compare_tiles(const void *left, const void *right)
{
    const tile *a = left;
    const tile *b = right;
    return a->value < b->value ? 1 : a->value > b->value ? -1 : 0;
}

static void map_tiles_of(map *in)
{
    const cli_rows *rows = in->by_time ? &in->report->by_time : &in->report->by_size;
    double shown = 0;
    const cli_row whole = {.sums = in->report->sums, .counts.saved_time = in->report->saved};
    in->total = value_of(in, &whole);
    for (size_t n = 0; n < rows->count && in->count < CLI_REPORT_TILES; n++) {
        double value = value_of(in, &rows->items[n]);
        if (value <= 0)
            break;
        in->tiles[in->count++] = (tile){.row = &rows->items[n], .value = value};
        shown += value;
    }
    in->others = in->report->functions - in->count;
    /* Sums of what headers say may be cut off, and so be less than their parts. */
    if (shown > in->total)
        in->total = shown;
    if (in->others > 0 && in->total - shown > in->total / 1e6)
        in->tiles[in->count++] = (tile){.value = in->total - shown};
    qsort(in->tiles, in->count, sizeof *in->tiles, compare_tiles);
}

/* --------------------------------------------------------------------------------------- output */

static void map_value(const map *in, double value)
{
    char text[CLI_SIZE_WORDS];
    if (in->by_time)
        cli_span_text(text, value < 9e18 ? (int64_t)value : INT64_MAX);
    else
        cli_size_words(text, value < 1.8e19 ? (uint64_t)value : UINT64_MAX);
    fputs(text, in->report->to);
}

static void map_name(const map *in, const tile *one, size_t max)
{
    char count[CLI_HTML_COUNT];
    if (one->row != NULL)
        cli_html_text(in->report->to, one->row->function, max);
    else
        fprintf(in->report->to, "%s other function%s", cli_html_count(count, in->others),
                in->others == 1 ? "" : "s");
}

static void map_place(FILE *to, const tile *one)
{
    const area *wide = &one->areas[0];
    const area *narrow = &one->areas[1];
    fprintf(to, "style=\"--x:%.2f%%;--y:%.2f%%;--w:%.2f%%;--h:%.2f%%;", wide->x, wide->y,
            wide->width, wide->height);
    fprintf(to, "--nx:%.2f%%;--ny:%.2f%%;--nw:%.2f%%;--nh:%.2f%%\">", narrow->x, narrow->y,
            narrow->width, narrow->height);
}

static void map_tile(const map *in, const tile *one)
{
    FILE *to = in->report->to;
    double part = one->value / in->total;
    bool linked = one->row != NULL && part >= LINK_MIN;
    if (one->row != NULL)
        fprintf(to, "<li class=\"c%zu\" ", cli_report_cache(in->report, one->row->cache));
    else
        fputs("<li class=\"rest\" ", to);
    map_place(to, one);
    if (linked)
        fprintf(to, "<a href=\"#f%zu\"", cli_report_number(in->report, one->row));
    else
        fputs("<span", to);
    fputs(" title=\"", to);
    map_name(in, one, NAME_SHOWN);
    fputs(", ", to);
    map_value(in, one->value);
    fprintf(to, ", %.1f%%", part * 100);
    if (one->row != NULL) {
        fputs(" (", to);
        cli_html_path(to, one->row->cache);
        fputc(')', to);
    }
    fputs("\"><b>", to);
    map_name(in, one, NAME_SHOWN);
    fputs("</b> <i>", to);
    map_value(in, one->value);
    fputs(linked ? "</i></a></li>\n" : "</i></span></li>\n", to);
}

void cli_report_map(const cli_report *report, bool by_time)
{
    map in = {.report = report, .by_time = by_time};
    map_tiles_of(&in);
    if (in.count == 0 || in.total <= 0) {
        fputs("<p class=\"none\">There is nothing to show.</p>\n", report->to);
        return;
    }
    for (size_t shape = 0; shape < SHAPES; shape++)
        lay_out(&in, shape);
    fprintf(report->to, "<ul class=\"map\" aria-label=\"Functions by %s, the largest first\">\n",
            !by_time            ? "the bytes of their results"
            : report->saved > 0 ? "the time that they saved"
                                : "the time that their results took to compute");
    for (size_t n = 0; n < in.count; n++)
        map_tile(&in, &in.tiles[n]);
    fputs("</ul>\n", report->to);
}
