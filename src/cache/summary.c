/* What the process did, in a line for people: "1,204 hits, 3 misses, 12 min 4 s saved, 3.1 MB
 * stored". */
#include "cache/summary.h"
#include "base/system.h"
#include "base/warn.h"
#include "cache/counting.h"

#include <stdatomic.h>
#include <stdio.h>

/* Of each number of the line. */
#define WORDS 48

static atomic_uint said_by; /* the process that will say it; 0: none */

/* With a comma before each three digits. */
static void write_count(char out[WORDS], uint64_t count, const char *one, const char *several)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    int at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    (void)snprintf(out + at, WORDS - (size_t)at, " %s", count == 1 ? one : several);
}

/* The two largest units of it, as people say them. */
static void write_span(char out[WORDS], uint64_t nanoseconds)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    uint64_t seconds = nanoseconds / 1000000000;
    double exactly = (double)nanoseconds / 1e9;
    size_t unit = 0;
    if (exactly < 9.95) {
        (void)snprintf(out, WORDS, exactly >= 0.9995 ? "%.1f s" : "%.0f ms",
                       exactly >= 0.9995 ? exactly : exactly * 1e3);
        return;
    }
    while (unit < 3 && seconds < units[unit].seconds)
        unit++;
    unsigned long long whole = seconds / units[unit].seconds;
    if (unit == 3)
        (void)snprintf(out, WORDS, "%llu s", whole);
    else
        (void)snprintf(
            out, WORDS, "%llu %s %llu %s", whole, units[unit].name,
            (unsigned long long)(seconds % units[unit].seconds / units[unit + 1].seconds),
            units[unit + 1].name);
}

/* In powers of 1,000, as disks are sold. */
static void write_bytes(char out[WORDS], uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1000;
    (void)snprintf(out, WORDS, unit > 0 && size < 9.95 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

bool locache_summary(char *out, size_t size)
{
    char hits[WORDS];
    char misses[WORDS];
    char saved[WORDS];
    char stored[WORDS];
    lc_counts sum;
    lc_counting_all(&sum);
    const uint64_t *numbers = sum.numbers;
    uint64_t missed = numbers[LC_COUNT_MISSES] + numbers[LC_COUNT_REJECTS];
    write_count(hits, numbers[LC_COUNT_HITS], "hit", "hits");
    write_count(misses, missed, "miss", "misses");
    write_span(saved, numbers[LC_COUNT_SAVED_TIME]);
    write_bytes(stored, numbers[LC_COUNT_BYTES_STORED]);
    (void)snprintf(out, size, "%s, %s, %s saved, %s stored", hits, misses, saved, stored);
    return numbers[LC_COUNT_HITS] > 0 || missed > 0 || numbers[LC_COUNT_STORES] > 0;
}

void lc_summary_at_exit(bool on)
{
    atomic_store(&said_by, on ? lc_process() : 0);
}

#if defined(__GNUC__)
__attribute__((destructor))
#endif
static void
say_at_exit(void)
{
    char line[LOCACHE_SUMMARY_MAX];
    uint32_t process = atomic_load(&said_by);
    if (process != 0 && process == lc_process() && locache_summary(line, sizeof line))
        lc_warn_print(line);
}
