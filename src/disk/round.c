/* The end of a round through a large directory, which sets its tally right. So one that nobody
 * disturbs stays exact, and one that is wrong becomes right but for a part of what was stored in the
 * round. */
#include "disk/round.h"

/* What there is, where so much was said to be there: of what was stored in the round, some came
 * where the hand had been already, half by and large. */
static int64_t set_right(int64_t said, int64_t begin, int64_t evicted, int64_t seen)
{
    int64_t stored = said > begin - evicted ? said - begin + evicted : 0;
    int64_t least = seen + stored / 2;
    int64_t most = seen + stored;
    return said < least ? least : said > most ? most : said;
}

void lc_round_end(lc_round *in, lc_tally *tally)
{
    const lc_tally said = *tally;
    if (in->seen.entries > 0)
        *tally = (lc_tally){
            set_right(said.entries, in->begin.entries, in->evicted.entries, in->seen.entries),
            set_right(said.bytes, in->begin.bytes, in->evicted.bytes, in->seen.bytes)};
    in->seen = in->evicted = (lc_tally){0, 0};
    in->begin = *tally;
}
