/* What every fuzz target begins with. */
#ifndef FUZZ_REQUIRE_H
#define FUZZ_REQUIRE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What libFuzzer and replay.c call (bounded.c), and what a target is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fuzz_input(const uint8_t *data, size_t size);
/* From here on, the input may take so many times its size, not the few that reading takes. */
void fuzz_allow(size_t times_from_here);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
