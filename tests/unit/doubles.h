/* Doubles by their bits. */
#ifndef DOUBLES_H
#define DOUBLES_H

#include <stdint.h>
#include <string.h>

static inline double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#endif
