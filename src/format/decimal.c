/* Numbers as decimal text: integers of any size that a name can hold, reals in their shortest form.
 *
 * Names of files are made of these, and a name must be the same in every process: so nothing here
 * depends on the locale, the C library's idea of "shortest" or the machine. A real has the digits
 * that Python's repr() gives it, since users compare names with what they see there. */
#include "format/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

#define DIGITS_MAX 17 /* DBL_DECIMAL_DIG: so many tell any two doubles apart */
/* DBL_DIG: a decimal of so many digits survives a normal double, so that no shorter is missed */
#define DIGITS_SAFE 15
/* 17 digits, an exponent, and a decimal point of however many bytes the locale has */
#define TEXT_MAX 48
/* 2^53: below, neighbouring integers are neighbouring doubles or further apart */
#define EXACT_INTEGER 9007199254740992.0

/* 0.DIGITS times ten to the power of point. */
typedef struct digits {
    char text[DIGITS_MAX + 3]; /* 20: what lc_decimal_uint() may write */
    int count;
    int point;
} digits;

/* Do so many digits of a positive value read back as it? */
static bool try_precision(digits *out, double value, int count)
{
    char text[TEXT_MAX];
    /* printf() and strtod() round correctly (IEEE 754, in every C library that we run on), and both
     * follow the same locale: what one writes the other reads. */
    (void)snprintf(text, sizeof text, "%.*e", count - 1, value);
    bool same = strtod(text, NULL) == value;
    char *exponent = strchr(text, 'e');
    if (!same && count == DIGITS_MAX - 1 && exponent[-1] != '9') {
        /* Below a power of two doubles lie twice as close, so that the nearest decimal may be too
         * far off where the next one up is not. There is no carry: after a 9 it would be a shorter
         * decimal, tried before. */
        exponent[-1]++;
        same = strtod(text, NULL) == value;
    }
    if (!same)
        return false;
    /* The decimal point is the locale's: whatever is no digit. */
    out->count = 0;
    for (const char *at = text; at < exponent; at++) {
        if (*at >= '0' && *at <= '9')
            out->text[out->count++] = *at;
    }
    out->point = (int)strtol(exponent + 1, NULL, 10) + 1;
    return true;
}

static void shortest(digits *out, double value)
{
    /* Whole numbers, which are most reals in names, without any conversion. */
    if (value < EXACT_INTEGER && value == (double)(uint64_t)value) {
        out->count = (int)lc_decimal_uint(out->text, (uint64_t)value);
        out->point = out->count;
    } else {
        /* Fewer digits than DIGITS_SAFE come out as zeros at the end, which go below: at most three
         * tries. A subnormal has fewer bits, so that DIGITS_SAFE digits may not be its shortest. */
        int count = isnormal(value) ? DIGITS_SAFE : 1;
        while (!try_precision(out, value, count) && count < DIGITS_MAX)
            count++;
    }
    while (out->count > 1 && out->text[out->count - 1] == '0')
        out->count--;
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
static char *put_scientific(char *at, const digits *number)
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
static char *put_positional(char *at, const digits *number)
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
    digits number = {.count = 0};
    if (isnan(value))
        return (size_t)(put_bytes(at, "nan", 3) - out);
    if (signbit(value))
        *at++ = '-';
    if (isinf(value))
        return (size_t)(put_bytes(at, "inf", 3) - out);
    shortest(&number, fabs(value));
    /* From 1e16 and below 1e-4, where Python changes over. */
    bool scientific = number.point > 16 || number.point <= -4;
    at = scientific ? put_scientific(at, &number) : put_positional(at, &number);
    return (size_t)(at - out);
}
