/* Numbers as decimal text: integers of any size that a name can hold, reals in their shortest form.
 *
 * Names of files are made of these, and a name must be the same in every process: so nothing here
 * depends on the locale, the rounding mode, the C library's idea of "shortest" or the machine. A
 * real has the digits that Python's repr() gives it, since users compare names with what they see
 * there. */
#include "format/decimal.h"
#include "format/shortest.h"

#include <string.h>

/* ------------------------------------------------------------------------------------- integers */

size_t lc_decimal_uint(char *out, uint64_t value)
{
    char reversed[20]; /* digits of 2^64 - 1 */
    size_t size = 0;
    /* At least once: zero has a digit, too. */
    do {
        reversed[size++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < size; i++)
        out[i] = reversed[size - 1 - i];
    return size;
}

size_t lc_decimal_negative(char *out, uint64_t number)
{
    /* -2^64: one more than the magnitude that fits 64 bits. */
    if (number == UINT64_MAX) {
        static const unsigned char all_ones[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
        return lc_decimal_bigint(out, true, all_ones, sizeof all_ones);
    }
    out[0] = '-';
    return 1 + lc_decimal_uint(out + 1, number + 1);
}

/* Limbs of nine digits, the lowest first: the most that 32 bits hold, and a limb times 256 and a
 * carry stay within 64 bits by far. */
#define LIMB 1000000000U
#define LIMB_DIGITS 9
#define LIMBS 16 /* 144 digits; 256^58 has 140 */

typedef struct decimal {
    uint32_t limbs[LIMBS];
    size_t count;
} decimal;

/* number * factor + carry. From one base to another by Horner's rule, a byte at a time: quadratic,
 * for numbers whose size LC_DECIMAL_BYTES_MAX bounds. */
static void multiply_add(decimal *number, uint32_t factor, uint32_t carry)
{
    uint64_t rest = carry;
    for (size_t i = 0; i < number->count; i++) {
        rest += (uint64_t)number->limbs[i] * factor;
        number->limbs[i] = (uint32_t)(rest % LIMB);
        rest /= LIMB;
    }
    if (rest > 0)
        number->limbs[number->count++] = (uint32_t)rest;
}

size_t lc_decimal_bigint(char *out, bool negative, const unsigned char *magnitude, size_t size)
{
    decimal number = {{0}, 0};
    for (size_t i = 0; i < size; i++)
        multiply_add(&number, 256, magnitude[i]);
    /* CBOR has -1 - n for n: the magnitude is one more. */
    if (negative)
        multiply_add(&number, 1, 1);
    if (number.count == 0)
        return lc_decimal_uint(out, 0);

    char *at = out;
    if (negative)
        *at++ = '-';
    at += lc_decimal_uint(at, number.limbs[number.count - 1]);
    /* All but the highest limb have leading zeros. */
    for (size_t i = number.count - 1; i-- > 0;) {
        uint32_t limb = number.limbs[i];
        for (size_t digit = LIMB_DIGITS; digit-- > 0; limb /= 10)
            at[digit] = (char)('0' + limb % 10);
        at += LIMB_DIGITS;
    }
    return (size_t)(at - out);
}

/* ---------------------------------------------------------------------------------------- reals */

#define SIGN_BIT (UINT64_C(1) << 63)
#define INFINITE UINT64_C(0x7FF0000000000000)
#define FRACTION_BITS 52
#define EXPONENT_OF_ONE 1023

/* The whole number that the positive double with these bits is, if it is one below 2^53; else 0. */
static uint64_t whole_number(uint64_t bits)
{
    int exponent = (int)(bits >> FRACTION_BITS) - EXPONENT_OF_ONE;
    if (exponent < 0 || exponent > FRACTION_BITS)
        return 0;
    uint64_t one = UINT64_C(1) << FRACTION_BITS;
    uint64_t significand = bits % one + one;
    int fraction = FRACTION_BITS - exponent; /* bits behind the point */
    return significand % (UINT64_C(1) << fraction) == 0 ? significand >> fraction : 0;
}

/* Whole numbers, which most reals in names are, and zero without a long division. */
static void shortest(lc_shortest_digits *out, uint64_t bits)
{
    char text[20]; /* digits of 2^64 - 1 */
    uint64_t whole = whole_number(bits);
    if (whole == 0 && bits != 0) {
        lc_shortest(out, bits);
        return;
    }
    out->count = (int)lc_decimal_uint(text, whole);
    out->point = out->count;
    while (out->count > 1 && text[out->count - 1] == '0')
        out->count--;
    memcpy(out->text, text, (size_t)out->count);
}

static char *put_bytes(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

static char *put_zeros(char *at, int count)
{
    memset(at, '0', (size_t)count);
    return at + count;
}

/* "1e+16", "1.5e-07": a sign and two digits at least, as C and Python write exponents. */
static char *put_scientific(char *at, const lc_shortest_digits *number)
{
    int exponent = number->point - 1;
    *at++ = number->text[0];
    if (number->count > 1) {
        *at++ = '.';
        at = put_bytes(at, number->text + 1, (size_t)number->count - 1);
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    uint64_t magnitude = (uint64_t)(exponent < 0 ? -exponent : exponent);
    if (magnitude < 10)
        *at++ = '0';
    return at + lc_decimal_uint(at, magnitude);
}

/* "0.001", "12.5", "100.0": always with a point, which tells a real from an integer. */
static char *put_positional(char *at, const lc_shortest_digits *number)
{
    int whole = number->point < number->count ? number->point : number->count;
    if (whole <= 0) {
        at = put_bytes(at, "0.", 2);
        at = put_zeros(at, -number->point);
        return put_bytes(at, number->text, (size_t)number->count);
    }
    at = put_bytes(at, number->text, (size_t)whole);
    at = put_zeros(at, number->point - whole);
    *at++ = '.';
    if (whole == number->count)
        return put_zeros(at, 1);
    return put_bytes(at, number->text + whole, (size_t)(number->count - whole));
}

size_t lc_decimal_real(char *out, double value)
{
    char *at = out;
    lc_shortest_digits number;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t magnitude = bits & ~SIGN_BIT;
    if (magnitude > INFINITE)
        return (size_t)(put_bytes(at, "nan", 3) - out);
    if (magnitude != bits)
        *at++ = '-';
    if (magnitude == INFINITE)
        return (size_t)(put_bytes(at, "inf", 3) - out);
    shortest(&number, magnitude);
    /* From 1e16 and below 1e-4, where Python changes over. */
    bool scientific = number.point > 16 || number.point <= -4;
    at = scientific ? put_scientific(at, &number) : put_positional(at, &number);
    return (size_t)(at - out);
}
