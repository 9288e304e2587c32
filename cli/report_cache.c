/* The colours and patterns of the caches in a report, for its maps, its tables and its legend. */
#include "report.h"

#include <string.h>

size_t cli_report_cache(const cli_report *report, const char *cache)
{
    size_t place = 0;
    for (size_t n = 0; n < report->row_count; n++) {
        const char *seen = report->rows[n]->cache;
        if (strcmp(seen, cache) == 0)
            return place < CLI_REPORT_PATTERNS ? place : CLI_REPORT_PATTERNS - 1;
        /* Its first row: another cache. */
        bool first = true;
        for (size_t i = 0; i < n && first; i++)
            first = strcmp(report->rows[i]->cache, seen) != 0;
        place += first;
    }
    return CLI_REPORT_PATTERNS - 1;
}
