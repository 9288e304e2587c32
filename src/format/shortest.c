/* The shortest decimal of a double: the free-format algorithm of Burger and Dybvig ("Printing
 * Floating-Point Numbers Quickly and Accurately", 1996), which generates digits of an exact
 * fraction until what is left is nearer to the double than half of the way to its neighbours.
 *
 * The fraction's terms are whole numbers of up to 1,130 bits. Doubles near one, which most
 * arguments are, have short ones: one or two microseconds; the longest take some ten. */
#include "format/shortest.h"

#include <stdbool.h>
#include <string.h>

#define FRACTION_BITS 52
#define HIDDEN_BIT (UINT64_C(1) << FRACTION_BITS)
/* Of the least significant bit of a double whose exponent field is 1, and of the subnormals. */
#define EXPONENT_MIN (-1074)
/* 1,130 bits, and some more for sums and for a factor that is taken back. */
#define LIMBS 38

/* Limbs of 32 bits, the lowest first. */
typedef struct whole {
    uint32_t limbs[LIMBS];
    int count; /* the highest one is not 0 */
} whole;

static void set(whole *out, uint64_t value)
{
    out->limbs[0] = (uint32_t)value;
    out->limbs[1] = (uint32_t)(value >> 32);
    out->count = out->limbs[1] != 0 ? 2 : out->limbs[0] != 0;
}

static void multiply(whole *number, uint32_t factor)
{
    uint64_t rest = 0;
    for (int i = 0; i < number->count; i++) {
        rest += (uint64_t)number->limbs[i] * factor;
        number->limbs[i] = (uint32_t)rest;
        rest >>= 32;
    }
    if (rest != 0)
        number->limbs[number->count++] = (uint32_t)rest;
}

static void multiply_by_power_of_ten(whole *number, int power)
{
    for (; power >= 9; power -= 9)
        multiply(number, 1000000000U);
    for (; power > 0; power--)
        multiply(number, 10);
}

static void shift_left(whole *number, int bits)
{
    int limbs = bits / 32;
    if (number->count == 0)
        return;
    memmove(number->limbs + limbs, number->limbs, (size_t)number->count * sizeof(uint32_t));
    memset(number->limbs, 0, (size_t)limbs * sizeof(uint32_t));
    number->count += limbs;
    multiply(number, UINT32_C(1) << bits % 32);
}

/* Less than, equal to or greater than 0, as a is to b. */
static int compare_whole(const whole *a, const whole *b)
{
    if (a->count != b->count)
        return a->count - b->count;
    for (int i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

static void add(whole *to, const whole *other)
{
    uint64_t rest = 0;
    for (int i = 0; i < to->count || i < other->count; i++) {
        rest += i < to->count ? to->limbs[i] : 0;
        rest += i < other->count ? other->limbs[i] : 0;
        to->limbs[i] = (uint32_t)rest;
        rest >>= 32;
    }
    if (other->count > to->count)
        to->count = other->count;
    if (rest != 0)
        to->limbs[to->count++] = (uint32_t)rest;
}

/* `other` is not greater. */
static void subtract(whole *from, const whole *other)
{
    int64_t rest = 0;
    for (int i = 0; i < from->count; i++) {
        rest += from->limbs[i];
        rest -= i < other->count ? other->limbs[i] : 0;
        from->limbs[i] = (uint32_t)rest;
        rest >>= 32; /* -1 where a bit was borrowed */
    }
    while (from->count > 0 && from->limbs[from->count - 1] == 0)
        from->count--;
}

/* The double is rest / scale, and everything between (rest - below) / scale and (rest + above) /
 * scale is read back as it; what lies on these bounds, too, where `even`. */
typedef struct fraction {
    whole rest;
    whole scale;
    whole above;
    whole below;
    bool even;
} fraction;

/* Is rest + above past the scale: would the next higher digit do? */
static bool reaches_up(const fraction *of)
{
    whole sum = of->rest;
    add(&sum, &of->above);
    int order = compare_whole(&sum, &of->scale);
    return order > 0 || (order == 0 && of->even);
}

static bool reaches_down(const fraction *of)
{
    int order = compare_whole(&of->rest, &of->below);
    return order < 0 || (order == 0 && of->even);
}

/* significand * 2^exponent. Halves of the distances to the neighbours are whole numbers, too, where
 * all is doubled; twice below a power of two, where the lower neighbour is half as far. */
static void begin(fraction *out, uint64_t significand, int exponent, bool nearer_below)
{
    int up = exponent > 0 ? exponent : 0;
    int down = exponent < 0 ? -exponent : 0;
    int doubled = nearer_below ? 2 : 1;
    set(&out->rest, significand);
    set(&out->scale, 1);
    set(&out->above, 1);
    set(&out->below, 1);
    shift_left(&out->rest, up + doubled);
    shift_left(&out->scale, down + doubled);
    shift_left(&out->above, up + doubled - 1);
    shift_left(&out->below, up);
    out->even = significand % 2 == 0;
}

static void multiply_terms(fraction *of, int power)
{
    multiply_by_power_of_ten(&of->rest, power);
    multiply_by_power_of_ten(&of->above, power);
    multiply_by_power_of_ten(&of->below, power);
}

/* Divide by a power of ten, so that it is below one and would not be below a tenth: the power. */
static int scale_down(fraction *of, uint64_t significand, int exponent)
{
    int bits = 0;
    while (significand >> bits > 1)
        bits++;
    /* The logarithm of the power of two below, by that of two times 2^32, rounded down: at most one
     * less than that of the double. */
    int64_t logarithm = (int64_t)(exponent + bits) * 1292913986;
    int point = 1 + (int)(logarithm >= 0 ? logarithm >> 32 : -((-logarithm + 0xFFFFFFFF) >> 32));
    if (point > 0)
        multiply_by_power_of_ten(&of->scale, point);
    else
        multiply_terms(of, -point);
    while (reaches_up(of)) {
        multiply(&of->scale, 10);
        point++;
    }
    return point;
}

/* The next digit: the rest is what it leaves. */
static int take_digit(fraction *of)
{
    int digit = 0;
    multiply_terms(of, 1);
    while (compare_whole(&of->rest, &of->scale) >= 0) {
        subtract(&of->rest, &of->scale);
        digit++;
    }
    return digit;
}

/* The last digit, where both it and the one above would do. */
static int nearer_digit(fraction *of, int digit)
{
    multiply(&of->rest, 2);
    int order = compare_whole(&of->rest, &of->scale);
    return digit + (order > 0 || (order == 0 && digit % 2 != 0));
}

void lc_shortest(lc_shortest_digits *out, uint64_t bits)
{
    fraction of;
    int field = (int)(bits >> FRACTION_BITS);
    uint64_t significand = bits % HIDDEN_BIT + (field > 0 ? HIDDEN_BIT : 0);
    int exponent = EXPONENT_MIN + (field > 0 ? field - 1 : 0);
    begin(&of, significand, exponent, significand == HIDDEN_BIT && field > 1);
    out->point = scale_down(&of, significand, exponent);
    out->count = 0;
    bool down;
    bool up;
    do {
        int digit = take_digit(&of);
        down = reaches_down(&of);
        up = reaches_up(&of);
        if (up)
            digit = down ? nearer_digit(&of, digit) : digit + 1;
        out->text[out->count++] = (char)('0' + digit);
    } while (!down && !up && out->count < LC_SHORTEST_DIGITS_MAX);
}
