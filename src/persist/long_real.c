/* The machine's long double, by its bits.
 *
 * Three formats are known: x87's of 80 bits, whose leading one is written, IEEE's binary128, and
 * the one that is a double. Of another (PowerPC's pair of doubles) none is taken for a double. */
#include "persist/long_real.h"

#include <string.h>

/* Of binary64: bits of its fraction, and what is added to exponents. */
#define FRACTION 52
#define BIAS 1023
/* What the longer formats add, and their exponent of infinities and NaNs. */
#define LONG_BIAS 16383
#define LONG_SPECIAL 0x7FFF

/* A number taken apart: 1.fraction * 2^exponent, with 64 bits of 1.fraction and whether there is
 * more behind them. */
typedef struct parts {
    uint64_t mantissa; /* the leading one is its first bit; 0: the number is zero */
    bool more;
    bool negative;
    int exponent; /* LONG_SPECIAL - LONG_BIAS: infinity, or a NaN where `more` or bits are set */
} parts;

#define LEADING ((uint64_t)1 << 63)

static bool compose(uint64_t *out, const parts *in)
{
    uint64_t sign = in->negative ? LEADING : 0;
    uint64_t mantissa = in->mantissa;
    unsigned drop = 63 - FRACTION;
    *out = sign;
    if (mantissa == 0)
        return !in->more;
    if (in->exponent == LONG_SPECIAL - LONG_BIAS) {
        *out = sign | (uint64_t)(2 * BIAS + 1) << FRACTION;
        return mantissa == LEADING && !in->more;
    }
    bool subnormal = in->exponent < 1 - BIAS;
    if (in->exponent > BIAS || in->exponent < 1 - BIAS - FRACTION)
        return false;
    if (subnormal)
        drop += (unsigned)(1 - BIAS - in->exponent);
    if (in->more || (mantissa & (((uint64_t)1 << drop) - 1)) != 0)
        return false;
    uint64_t fraction = mantissa >> drop & (((uint64_t)1 << FRACTION) - 1);
    *out = sign | (subnormal ? 0 : (uint64_t)(in->exponent + BIAS) << FRACTION) | fraction;
    return true;
}

static void decompose(parts *out, uint64_t bits)
{
    int field = (int)(bits >> FRACTION & (2 * BIAS + 1));
    uint64_t fraction = bits << (64 - FRACTION) >> 1;
    *out = (parts){.negative = bits >> 63 != 0, .mantissa = fraction, .exponent = field - BIAS};
    if (field == 2 * BIAS + 1)
        out->exponent = LONG_SPECIAL - LONG_BIAS;
    if (field != 0) {
        out->mantissa |= LEADING;
    } else if (fraction != 0) { /* a subnormal double is a normal one there */
        out->exponent = 1 - BIAS;
        for (; !(out->mantissa & LEADING); out->exponent--)
            out->mantissa <<= 1;
    }
}

#if LDBL_MANT_DIG == 64

bool lc_long_real_narrow(uint64_t *out, const void *value)
{
    parts in = {.more = false};
    uint16_t head;
    memcpy(&in.mantissa, value, sizeof in.mantissa);
    memcpy(&head, (const char *)value + sizeof in.mantissa, sizeof head);
    in.negative = head >> 15 != 0;
    in.exponent = (head & LONG_SPECIAL) - LONG_BIAS;
    /* Without its leading one it is below all doubles, or no number of the processor's. */
    if (in.mantissa != 0 ? !(in.mantissa & LEADING) : (head & LONG_SPECIAL) != 0)
        return false;
    return compose(out, &in);
}

void lc_long_real_widen(void *out, uint64_t bits)
{
    parts in;
    decompose(&in, bits);
    unsigned field = in.mantissa ? (unsigned)(in.exponent + LONG_BIAS) : 0;
    uint16_t head = (uint16_t)(field | (in.negative ? 0x8000U : 0));
    memset(out, 0, sizeof(long double));
    memcpy(out, &in.mantissa, sizeof in.mantissa);
    memcpy((char *)out + sizeof in.mantissa, &head, sizeof head);
}

#elif LDBL_MANT_DIG == 113

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { HIGH, LOW };
#else
enum { LOW, HIGH };
#endif

bool lc_long_real_narrow(uint64_t *out, const void *value)
{
    uint64_t halves[2];
    memcpy(halves, value, sizeof halves);
    unsigned field = (unsigned)(halves[HIGH] >> 48) & LONG_SPECIAL;
    parts in = {.mantissa = halves[HIGH] << 16 >> 1 | halves[LOW] >> 49,
                .more = (halves[LOW] << 15) != 0,
                .negative = halves[HIGH] >> 63 != 0,
                .exponent = (int)field - LONG_BIAS};
    if (field != 0)
        in.mantissa |= LEADING;
    else if (in.mantissa != 0)
        return false;
    return compose(out, &in);
}

void lc_long_real_widen(void *out, uint64_t bits)
{
    parts in;
    uint64_t halves[2];
    decompose(&in, bits);
    uint64_t field = in.mantissa ? (uint64_t)(in.exponent + LONG_BIAS) : 0;
    halves[HIGH] = (in.negative ? LEADING : 0) | field << 48 | in.mantissa << 1 >> 16;
    halves[LOW] = in.mantissa << 49;
    memcpy(out, halves, sizeof halves);
}

#else

bool lc_long_real_narrow(uint64_t *out, const void *value)
{
    parts in;
    bool is_double = sizeof(long double) == sizeof *out;
    memcpy(out, value, sizeof *out);
    decompose(&in, *out);
    return is_double && compose(out, &in);
}

void lc_long_real_widen(void *out, uint64_t bits)
{
    long double x = 0;
    double wide;
    memcpy(&wide, &bits, sizeof wide);
    x = (long double)wide;
    memcpy(out, &x, sizeof x);
}

#endif
