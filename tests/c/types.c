/* Every type that a memoized function may take and return: a value, the same again from the cache.
 * Run twice: with "cold" every function's body runs once for each call that differs, with "warm"
 * none does. */
#include <locache.h>

#include <complex.h>
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int runs;
static int failures;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

typedef enum color { RED, GREEN = 7 } color;

typedef struct point {
    double x, y;
    char label[8];
    int32_t a;
    uint8_t b[3];
    bool ok;
} point;
LOCACHE_STRUCT(point, (double, x), (double, y), (char, label), (int32_t, a), (uint8_t, b),
               (bool, ok))

typedef struct shape {
    point corner;
    double m[2][2];
} shape;
LOCACHE_STRUCT(shape, (double, corner.x), (double, corner.y), (char, corner.label),
               (int32_t, corner.a), (uint8_t, corner.b), (bool, corner.ok), (double, m[0]),
               (double, m[1]))

#define ECHO(name, type)                                                                           \
    static LOCACHE_PERSIST(type, name, (type, v))                                                  \
    {                                                                                              \
        runs++;                                                                                    \
        return v;                                                                                  \
    }                                                                                              \
    static void check_##name(type v)                                                               \
    {                                                                                              \
        type first = name(v);                                                                      \
        type second = name(v);                                                                     \
        EXPECT(first == v && second == v);                                                         \
    }

ECHO(echo_bool, bool)
ECHO(echo_char, char)
ECHO(echo_schar, signed char)
ECHO(echo_uchar, unsigned char)
ECHO(echo_short, short)
ECHO(echo_ushort, unsigned short)
ECHO(echo_int, int)
ECHO(echo_unsigned, unsigned)
ECHO(echo_long, long)
ECHO(echo_ulong, unsigned long)
ECHO(echo_llong, long long)
ECHO(echo_ullong, unsigned long long)
ECHO(echo_size, size_t)
ECHO(echo_u16, uint16_t)
ECHO(echo_float, float)
ECHO(echo_double, double)
ECHO(echo_long_double, long double)
ECHO(echo_complex_float, float _Complex)
ECHO(echo_complex, double _Complex)
ECHO(echo_complex_long, _Complex long double)
ECHO(echo_color, color)
ECHO(echo_enum_color, enum color)

LOCACHE_PERSIST(point, echo_point, (point, v))
{
    runs++;
    return v;
}

LOCACHE_PERSIST(shape, echo_shape, (shape, v))
{
    runs++;
    return v;
}

/* strdup() is not of C11. */
static char *copy_of(const char *text)
{
    char *copy = text ? malloc(strlen(text) + 1) : NULL;
    return copy ? strcpy(copy, text) : NULL;
}

LOCACHE_PERSIST(char *, echo_text, (const char *, v))
{
    runs++;
    return copy_of(v);
}

LOCACHE_PERSIST(char *, echo_own_text, (char *, v))
{
    runs++;
    return copy_of(v);
}

/* Never freed: the body's own is a literal. */
LOCACHE_PERSIST(const char *, name_of, (const char *, v))
{
    runs++;
    return v == NULL ? NULL : strcmp(v, "a") == 0 ? "the first letter" : "\xff";
}

/* 0 to count - 1: small ones are within the entry, large ones apart. */
LOCACHE_PERSIST(locache_array(int32_t), count_to, (size_t, count), (bool, fails))
{
    int32_t *data = fails ? NULL : malloc(count * sizeof *data + 1);
    runs++;
    for (size_t i = 0; data != NULL && i < count; i++)
        data[i] = (int32_t)i;
    return (locache_array(int32_t)){data, count};
}

LOCACHE_PERSIST(double, sum, (locache_array(double), v))
{
    double total = 0;
    runs++;
    for (size_t i = 0; i < v.count; i++)
        total += v.data[i];
    return total;
}

LOCACHE_PERSIST(int64_t, first_of_two, (locache_array(int16_t), v), (locache_array(uint8_t), w))
{
    runs++;
    return v.data[0] + w.data[0];
}

LOCACHE_PERSIST(int, without_parameters)
{
    runs++;
    return 42;
}

LOCACHE_PERSIST(int, sixteen, (int, a), (int, b), (int, c), (int, d), (int, e), (int, f), (int, g),
                (int, h), (int, i), (int, j), (int, k), (int, l), (int, m), (int, n), (int, o),
                (int, p))
{
    runs++;
    return a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p;
}

/* With a prototype, and its own caller. */
uint64_t fibonacci(unsigned n);

LOCACHE_PERSIST(uint64_t, fibonacci, (unsigned, n))
{
    runs++;
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static void check_text(char *(*function)(const char *), const char *text)
{
    for (int i = 0; i < 2; i++) {
        char *got = function(text);
        EXPECT(text ? got != NULL && strcmp(got, text) == 0 : got == NULL);
        free(got);
    }
}

static char *with_own_text(const char *text)
{
    char room[16] = "";
    return echo_own_text(text ? strncpy(room, text, sizeof room - 1) : NULL);
}

static void check_names(void)
{
    const char *texts[] = {"a", "b"};
    const char *expected[] = {"the first letter", "\xff"};
    const char *again[2];
    for (int i = 0; i < 2; i++) {
        EXPECT(strcmp(name_of(texts[i]), expected[i]) == 0);
        again[i] = name_of(texts[i]);
    }
    /* What locache lends stays, and is lent again. */
    for (int i = 0; i < 2; i++)
        EXPECT(strcmp(again[i], expected[i]) == 0 && name_of(texts[i]) == again[i]);
    EXPECT(name_of(NULL) == NULL && name_of(NULL) == NULL);
}

static void check_counted(size_t count)
{
    for (int turn = 0; turn < 2; turn++) {
        locache_array(int32_t) v = count_to(count, false);
        EXPECT(v.data != NULL && v.count == count);
        for (size_t i = 0; i < v.count; i++)
            EXPECT(v.data[i] == (int32_t)i);
        locache_free(v.data);
    }
}

static void check_arrays(void)
{
    check_counted(0);
    check_counted(3);
    check_counted(1024);
    check_counted(100000);
    EXPECT(count_to(5, true).data == NULL && count_to(5, true).data == NULL);
}

static void check_structs(void)
{
    point p = {.x = 1, .y = -0.0, .label = "hi", .a = 3, .b = {1, 2, 3}, .ok = true};
    shape s = {.corner = p, .m = {{1, 2}, {3, 4}}};
    for (int i = 0; i < 2; i++) {
        point q = echo_point(p);
        shape t = echo_shape(s);
        EXPECT(memcmp(&p, &q, sizeof p) == 0 && memcmp(&s, &t, sizeof s) == 0);
    }
    p.y = 0.0;
    EXPECT(echo_point(p).y == 0);
}

static void check_numbers(void)
{
    check_echo_bool(true);
    check_echo_bool(false);
    check_echo_char('x');
    check_echo_schar(SCHAR_MIN);
    check_echo_uchar(UCHAR_MAX);
    check_echo_short(SHRT_MIN);
    check_echo_ushort(USHRT_MAX);
    check_echo_int(INT_MIN);
    check_echo_unsigned(UINT_MAX);
    check_echo_long(LONG_MIN);
    check_echo_ulong(ULONG_MAX);
    check_echo_llong(LLONG_MIN);
    check_echo_ullong(ULLONG_MAX);
    check_echo_size(7);
    check_echo_u16(65535);
    check_echo_float(0.1F);
    check_echo_float(FLT_MAX);
    check_echo_double(0.1);
    check_echo_double(-0.0);
    check_echo_double(0.0);
    check_echo_double(DBL_MIN / 4);
    check_echo_long_double(0.1L);
    check_echo_long_double(2.0L);
    const double _Complex i = I;
    check_echo_complex(0.1 + i);
    check_echo_complex_float((float _Complex)(0.5 - i));
    check_echo_complex_long(0.1L + (long double _Complex)i);
    check_echo_complex_long(2.0L - (long double _Complex)i);
    check_echo_color(GREEN);
    check_echo_enum_color(RED);
    EXPECT(1 / echo_double(-0.0) < 0);
}

int main(int argc, char **argv)
{
    double values[1000] = {1, 2, 3};
    bool cold = argc > 1 && strcmp(argv[1], "cold") == 0;
    check_numbers();
    check_structs();
    check_names();
    check_arrays();
    check_text(echo_text, "hello");
    check_text(echo_text, "");
    check_text(echo_text, "not UTF-8: \xff");
    check_text(echo_text, NULL);
    check_text(with_own_text, "hello");
    for (int i = 0; i < 2; i++) {
        EXPECT(sum((locache_array(double)){values, 3}) == 6);
        EXPECT(sum((locache_array(double)){values, 1000}) == 6);
        EXPECT(sum((locache_array(double)){NULL, 0}) == 0);
        EXPECT(first_of_two((locache_array(int16_t)){(int16_t[]){5}, 1},
                            (locache_array(uint8_t)){(uint8_t[]){2}, 1}) == 7);
        EXPECT(without_parameters() == 42);
        EXPECT(sixteen(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) == 16);
    }
    EXPECT(fibonacci(80) == UINT64_C(23416728348467685));
    /* Numbers, structs, strings, arrays, the two last, fibonacci(0) to fibonacci(80), names, arrays
     * as results. A result that is NULL is never kept: both of its calls run. */
    EXPECT(runs == (cold ? 29 + 3 + 6 + 4 + 2 + 81 + 4 + 6 : 6));
    if (runs != 6 && !cold)
        fprintf(stderr, "%d bodies ran\n", runs);
    return failures != 0;
}
