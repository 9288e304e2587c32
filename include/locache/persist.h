/* locache: LOCACHE_PERSIST, which memoizes a C function. locache.h includes
 * it. */
#ifndef LOCACHE_PERSIST_H
#define LOCACHE_PERSIST_H

#include "locache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------ memoizing a C function
 *
 *     LOCACHE_PERSIST(double, integrate,
 *                     (int, n), (double, tol), (const char *, rule))
 *     {
 *         ... an ordinary body ...
 *     }
 *
 * defines `double integrate(int n, double tol, const char *rule)`: its body
 * runs once for each call that differs, and the result is kept in
 * <source>.cache/integrate/ beside the source. `static` may stand before it,
 * and prototypes anywhere. None to sixteen parameters. Memoized functions may
 * be called by any thread, at any time, and may call themselves.
 *
 * Parameters: numbers (complex ones too), bool, enums, strings (char * or const
 * char *, by their text; NULL is a value of its own), locache_array(double),
 * and structs listed with LOCACHE_STRUCT. Results: the same. What a char * or
 * an array that a memoized function returns points to was allocated with
 * malloc(), in its body and by locache alike: it is the caller's to free, which
 * locache_free() does without a cast. A const char * is nobody's to free: the
 * body returns a literal, say, and locache a text of its own, which stays where
 * it is until locache_shutdown().
 *
 * Whatever goes wrong with the cache, the body runs and its result is returned;
 * the first time for each function, a line says what and why, on stderr or
 * where locache_set_warn() says.
 *
 * Results hold for one text of the function. The text of the source is put into
 * the program when it is compiled, and a change of the definition, other than
 * of its comments and layout, invalidates. What the definition only refers to
 * (macros, types, constants, other functions, -D options) is not seen. These
 * say more, before locache.h is included:
 *
 *     #define LOCACHE_WHOLE_FILE   any change of the source file, but for
 *                                  comments and layout, invalidates
 *     #define LOCACHE_NO_SOURCE    no text in the program, and no change
 *                                  invalidates but one of the version
 *
 * and these after it, outside of functions and before those that they are for:
 *
 *     LOCACHE_FUNCTION_VERSION("2");
 *                                  another text invalidates the results of
 *                                  every memoized function of this file
 *     LOCACHE_SHARE("primes 1");   results are shared with every function of
 *                                  that name, in that cache directory, that
 *                                  says the same text: in another file or in
 *                                  Python (`version="primes 1"`). The source
 *                                  does not count then.
 *
 *     LOCACHE_PERSIST_WITH((.max_entries = 1000, .ignore = "verbose"),
 *                          double, integrate, (int, n), (bool, verbose))
 *
 * is LOCACHE_PERSIST with options of the function, members of
 * locache_persist_options as an initialiser has them. They are no part of the
 * version: another limit invalidates nothing.
 *
 * Without LOCACHE_SHARE no two functions share results: the source file counts,
 * for a function from a header the file that includes it, and the types of the
 * result and of the parameters.
 *
 * A result that is NULL, or an array whose data is, is not kept, since that is
 * how C says that something failed. Where negative numbers, or zero, say that,
 * the function has the option .discard = LOCACHE_DISCARD_NEGATIVE, or _ZERO.
 * For any other failure the body says LOCACHE_DISCARD(); and its result is
 * returned, but not kept.
 *
 * Threads and processes that call at the same time what is not there wait for
 * the one whose body runs. A body that is left by longjmp(), pthread_exit() or
 * pthread_cancel() is given up, and the next call runs it; after longjmp() that
 * is so at once with glibc, elsewhere when the thread calls a memoized function
 * again. A body ends on the thread where it began, and no C++ exception passes
 * through it.
 *
 * Within a body, __func__ is "locache_body_integrate". */

/* Of functions whose results are real numbers, integers, enums or bool. */
enum {
    LOCACHE_DISCARD_NEGATIVE = 1, /* below zero */
    LOCACHE_DISCARD_ZERO = 2      /* 0, false */
};

/* Of one function: LOCACHE_PERSIST_WITH; of all: locache_configure(). Zeros are
 * what that said, else the defaults of locache_options, whose members of these
 * names say what they are. Negative: no limit, in whatever was said. */
typedef struct locache_persist_options {
    size_t size;    /* sizeof(locache_persist_options): set by the macro */
    uint32_t flags; /* LOCACHE_OPEN_DURABLE, _UNMAPPED, _READ_ONLY */
    /* LOCACHE_DISCARD_...: results that are failures, and not kept */
    uint32_t discard;
    int64_t max_entries;
    int64_t max_age;
    int64_t memory_entries;
    int64_t memory_bytes;
    int64_t recheck;
    /* exactly this cache directory (relative: to the working directory at the
     * first call), before locache_set_dir() and $LOCACHE_DIR; NULL: as those
     * say */
    const char *dir;
    /* names of parameters that make no other call, parted by commas or spaces;
     * NULL: none */
    const char *ignore;
    /* LOCACHE_COMPRESS_... or a level, as locache_options has it */
    int64_t compress;
    int64_t max_bytes;
    int64_t ttl;
    /* Nobody computes in the background: of the callers that find a result
     * stale one computes it anew in its own call, and the others are given the
     * stale one at once. */
    int64_t stale;
    /* as in locache_options: caches that are only read, and the mode of
     * directories that others share */
    const char *base;
    uint32_t mode;
} locache_persist_options;

/* Where functions that were not called yet keep their results: exactly this
 * directory (relative: to the working directory now), for all sources, and
 * before $LOCACHE_DIR; NULL: where they would otherwise. OK; EINVAL, ELIMIT,
 * ENOMEM, EIO. Any thread. */
LOCACHE_API locache_status locache_set_dir(const char *dir,
                                           locache_error *error);

/* What holds for every memoized function of the process that was not called
 * yet, where its own options are zero; flags are joined. `dir` is as
 * locache_set_dir() takes it. Another call takes the place of all that the last
 * one said; NULL: of nothing. *defaults and what it points to are copied. OK;
 * EINVAL (with `ignore`, too, which is one function's), ELIMIT, ENOMEM, EIO.
 * Any thread. */
LOCACHE_API locache_status locache_configure(
    const locache_persist_options *defaults, locache_error *error);

/* free(), of what memoized functions return: the data of an array are const.
 * NULL is allowed. Any thread. */
LOCACHE_API void locache_free(const void *memory);

/* Forget every result of a memoized function: LOCACHE_RESET(integrate), in C in
 * the file that memoizes it, in C++ wherever it is declared; elsewhere by its
 * address. OK; EINVAL: it is not memoized; else as locache_reset(). A failure
 * is said on stderr too. Any thread. */
#ifdef __cplusplus
#define LOCACHE_RESET(function)                                                \
    locache_reset_function(reinterpret_cast<const void *>(&function))
#else
#define LOCACHE_RESET(function)                                                \
    locache_function_reset(&locache_function_of_##function)
#endif
LOCACHE_API locache_status locache_reset_function(const void *function);

/* clang-format off */
/* What a function takes as one argument: locache_array(double) v, with
 * v.data[0] to v.data[v.count - 1]. The call is
 * mean((locache_array(double)){values, count}), in C++ mean({values, count}).
 * Its elements are part of the call, as those of a NumPy array in one dimension
 * are. As a result its data are the caller's: locache_free(v.data). Types: the
 * names of one word below. */
#define locache_array(type) struct locache_array_##type

#define LOCACHE_ARRAY_TYPES_(m)                                                \
    m(char, LOCACHE_CHAR_) m(short, LOCACHE_ELEMENT_INT8)                      \
    m(int, LOCACHE_ELEMENT_INT8) m(long, LOCACHE_ELEMENT_INT8)                 \
    m(unsigned, LOCACHE_ELEMENT_UINT8) m(size_t, LOCACHE_ELEMENT_UINT8)        \
    m(int8_t, LOCACHE_ELEMENT_INT8) m(int16_t, LOCACHE_ELEMENT_INT8)           \
    m(int32_t, LOCACHE_ELEMENT_INT8) m(int64_t, LOCACHE_ELEMENT_INT8)          \
    m(uint8_t, LOCACHE_ELEMENT_UINT8) m(uint16_t, LOCACHE_ELEMENT_UINT8)       \
    m(uint32_t, LOCACHE_ELEMENT_UINT8) m(uint64_t, LOCACHE_ELEMENT_UINT8)      \
    m(float, LOCACHE_ELEMENT_FLOAT16 - 1) m(double, LOCACHE_ELEMENT_FLOAT16 - 1)
#define LOCACHE_CHAR_                                                          \
    ((char)-1 < 0 ? LOCACHE_ELEMENT_INT8 : LOCACHE_ELEMENT_UINT8)

#define LOCACHE_ARRAY_TYPE_(type, first)                                       \
    struct locache_array_##type {                                              \
        const type *data;                                                      \
        size_t count;                                                          \
    };
LOCACHE_ARRAY_TYPES_(LOCACHE_ARRAY_TYPE_)
/* clang-format on */

#ifdef __cplusplus
#define LOCACHE_PERSIST(...)                                                   \
    static_assert(false, "locache: LOCACHE_PERSIST is for C; C++ can call a "  \
                         "function that a C file memoizes")
#else

/* It has no form for _Generic, and macros that make definitions. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): most arguments are types and
 * names */

/* From here to LOCACHE_STRUCT and LOCACHE_PERSIST is what these two are made
 * of. It is no interface, but what the library provides for it keeps its shape:
 * programs carry it. */

enum {
    LOCACHE_CTYPE_NONE = 0,
    LOCACHE_CTYPE_BOOL = 1,
    LOCACHE_CTYPE_INT = 2,
    LOCACHE_CTYPE_UINT = 3,
    LOCACHE_CTYPE_REAL = 4, /* float, double */
    LOCACHE_CTYPE_LONG_REAL = 5,
    LOCACHE_CTYPE_TEXT = 6,
    LOCACHE_CTYPE_CONST_TEXT = 7,
    LOCACHE_CTYPE_COMPLEX = 8, /* float, double */
    LOCACHE_CTYPE_LONG_COMPLEX = 9,
    LOCACHE_CTYPE_ARRAY = 256 /* plus a locache_element */
};

/* Each begins with its own size, which is also how far it is to the next. */
typedef struct locache_member {
    size_t size;
    const char *name;
    uint32_t kind;
    size_t offset;
    size_t element_size;
    size_t count; /* of elements; 0: it is no array */
} locache_member;

typedef struct locache_layout {
    size_t size;
    const char *name;
    size_t type_size;
    size_t count;
    const locache_member *members;
} locache_layout;

typedef struct locache_parameter {
    size_t size;
    const char *name;
    uint32_t kind;
    size_t type_size;
    const locache_layout *layout;
} locache_parameter;

/* What LOCACHE_FUNCTION_VERSION or LOCACHE_SHARE says, and where. */
typedef struct locache_statement {
    size_t size;
    const void *unit; /* one address for each translation unit */
    const char *file; /* __FILE__ */
    uint32_t order;   /* grows within the unit */
    bool shared;
    const char *text;
} locache_statement;

typedef struct locache_function_record {
    size_t size;
    const char *name;
    const char *file;      /* __FILE__ */
    const char *base_file; /* __BASE_FILE__, or __FILE__ */
    int line;
    bool whole_file;
    bool no_source; /* LOCACHE_NO_SOURCE was said */
    uint32_t kind;  /* of the result */
    size_t result_size;
    const locache_layout *layout;
    const locache_parameter *parameters;
    size_t parameter_count;
    const void *unit; /* as of its statements */
    uint32_t order;
    /* pointers to statements, from here to statements_end */
    const locache_statement *const *statements;
    const locache_statement *const *statements_end;
    const void *text; /* that #embed made, of text_file */
    size_t text_size;
    const char *text_file;
    const locache_persist_options *options;
    /* what links functions to texts, from here to links_end: see
     * src/persist/text.h */
    const void *links;
    const void *links_end;
    void *_Atomic cache;
    /* when opening may be tried again, where it failed */
    int64_t _Atomic retry;
    /* calls that use `cache` now, and a bit: at its end */
    uint32_t _Atomic users;
    _Atomic bool warned;
    const void *code;                      /* of the function itself */
    struct locache_function_record *after; /* of all that are loaded */
} locache_function_record;

/* On the stack of the call: what is in it is the library's own, and most of it
 * room for the key. */
typedef struct locache_call {
    size_t size;
    uint64_t words[59];
} locache_call;

/* The way of a call: begin, every argument, take; where that is false, the body
 * and keep. */
LOCACHE_API void locache_call_begin(locache_call *call,
                                    locache_function_record *function,
                                    uint64_t count);
LOCACHE_API void locache_call_argument(locache_call *call, const char *name,
                                       unsigned kind, const void *value,
                                       size_t size,
                                       const locache_layout *layout);
LOCACHE_API bool locache_call_take(void *result, locache_call *call);
LOCACHE_API void locache_call_keep(locache_call *call, const void *result);
LOCACHE_API void locache_call_discard(locache_call *call);
/* In place of take: the call is handed on, and asked about by one of those
 * below, which ends it. */
LOCACHE_API void locache_call_hold(locache_call *call);
LOCACHE_API bool locache_call_contains(locache_call *call);
LOCACHE_API locache_status locache_call_forget(locache_call *call);
LOCACHE_API locache_status locache_call_path(char out[LOCACHE_PATH_MAX],
                                             locache_call *call);
/* The thread's next call of the function runs its body. */
LOCACHE_API void locache_call_refresh(const locache_function_record *function);
LOCACHE_API locache_status
locache_function_reset(locache_function_record *function);
/* The record's program begins, or its shared library is loaded. */
LOCACHE_API void locache_function_begin(locache_function_record *function);
/* The record's program ends, or its shared library is unloaded. */
LOCACHE_API void locache_function_end(locache_function_record *function);

#if defined(__GNUC__)
#define LOCACHE_UNUSED_ __attribute__((unused))
/* Of a body: frames on the stack say which bodies run still. */
#define LOCACHE_APART_ __attribute__((noinline))
/* 5: pointer_type_class, in every version. */
#define LOCACHE_IS_POINTER_(value)                                             \
    (__builtin_classify_type(                                                  \
         _Generic((value), float: 0, default: (value))) == 5)
#else
#define LOCACHE_UNUSED_
#define LOCACHE_APART_
#define LOCACHE_IS_POINTER_(value) 0
#endif

#define LOCACHE_ARRAY_CTYPE_(type, first)                                      \
    struct locache_array_##type:                                               \
        (int)LOCACHE_CTYPE_ARRAY + (int)(first) +                              \
            (sizeof(type) == 8 ? 3                                             \
             : sizeof(type) == 4 ? 2                                           \
             : sizeof(type) == 2 ? 1                                           \
             : 0),
#define LOCACHE_NUMBER_CTYPES_                                                 \
    bool: LOCACHE_CTYPE_BOOL,                                                  \
    char: (char)-1 < 0 ? LOCACHE_CTYPE_INT : LOCACHE_CTYPE_UINT,               \
    signed char: LOCACHE_CTYPE_INT, short: LOCACHE_CTYPE_INT,                  \
    int: LOCACHE_CTYPE_INT, long: LOCACHE_CTYPE_INT,                           \
    long long: LOCACHE_CTYPE_INT,                                              \
    unsigned char: LOCACHE_CTYPE_UINT, unsigned short: LOCACHE_CTYPE_UINT,     \
    unsigned: LOCACHE_CTYPE_UINT, unsigned long: LOCACHE_CTYPE_UINT,           \
    unsigned long long: LOCACHE_CTYPE_UINT,                                    \
    float: LOCACHE_CTYPE_REAL, double: LOCACHE_CTYPE_REAL
#ifdef __STDC_NO_COMPLEX__
#define LOCACHE_COMPLEX_CTYPES_
#else
#define LOCACHE_COMPLEX_CTYPES_                                                \
    float _Complex: LOCACHE_CTYPE_COMPLEX,                                     \
    double _Complex: LOCACHE_CTYPE_COMPLEX,                                    \
    long double _Complex: LOCACHE_CTYPE_LONG_COMPLEX,
#endif
/* Of an expression, which is not evaluated; NONE for what has no key of its
 * own. */
#define LOCACHE_CTYPE_(value)                                                  \
    _Generic((value), LOCACHE_NUMBER_CTYPES_,                                  \
             LOCACHE_ARRAY_TYPES_(LOCACHE_ARRAY_CTYPE_)                        \
             LOCACHE_COMPLEX_CTYPES_                                           \
             long double: LOCACHE_CTYPE_LONG_REAL,                             \
             char *: LOCACHE_CTYPE_TEXT,                                       \
             const char *: LOCACHE_CTYPE_CONST_TEXT,                           \
             default: LOCACHE_CTYPE_NONE)
#define LOCACHE_NUMBER_CTYPE_(value)                                           \
    _Generic((value), LOCACHE_NUMBER_CTYPES_, default: LOCACHE_CTYPE_NONE)

/* A struct is listed where locache_layout_<its name> is an array of two, which
 * only LOCACHE_STRUCT makes it: every use declares it an array of unknown size,
 * which agrees with any, and so with one of one. Types that begin with a
 * keyword have no such name: they all have that of locache_layout_none_. */
#define LOCACHE_1ST_(a, ...) a
#define LOCACHE_2ND_(a, b, ...) b
#define LOCACHE_LAYOUT_(type) LOCACHE_LAYOUT_OF_(locache_layout_##type, ~)
#define LOCACHE_LAYOUT_OF_(...) LOCACHE_LAYOUT_IF_(__VA_ARGS__)
#define LOCACHE_LAYOUT_IF_(first, ...)                                         \
    LOCACHE_LAYOUT_PICK_(LOCACHE_QUALIFIER_##first, 0, ~)(first, __VA_ARGS__)
#define LOCACHE_LAYOUT_PICK_(...) LOCACHE_LAYOUT_PICK_OF_(__VA_ARGS__)
#define LOCACHE_LAYOUT_PICK_OF_(first, is, ...) LOCACHE_LAYOUT_IS_##is
#define LOCACHE_LAYOUT_IS_0(first, ...) first
/* `const point` is a point: what follows the word names the type. */
#define LOCACHE_QUALIFIER_locache_qualifier_ ~, 1
#define LOCACHE_LAYOUT_IS_1(first, type, ...)                                  \
    LOCACHE_LAYOUT_FIRST_(locache_layout_##type, ~)
#define LOCACHE_LAYOUT_FIRST_(...) LOCACHE_1ST_(__VA_ARGS__)
#define LOCACHE_LISTED_(type)                                                  \
    _Generic(&LOCACHE_LAYOUT_(type),                                           \
             const locache_layout(*)[1]: (const locache_layout *)0,            \
             default: LOCACHE_LAYOUT_(type))
#define LOCACHE_IS_LISTED_(type)                                               \
    _Generic(&LOCACHE_LAYOUT_(type), const locache_layout(*)[1]: 0, default: 1)
extern const locache_layout locache_layout_none_[];
#define locache_layout_void locache_layout_none_,
#define locache_layout_bool locache_layout_none_,
#define locache_layout__Bool locache_layout_none_,
#define locache_layout_char locache_layout_none_,
#define locache_layout_signed locache_layout_none_,
#define locache_layout_unsigned locache_layout_none_,
#define locache_layout_short locache_layout_none_,
#define locache_layout_int locache_layout_none_,
#define locache_layout_long locache_layout_none_,
#define locache_layout_float locache_layout_none_,
#define locache_layout_double locache_layout_none_,
#define locache_layout_const locache_qualifier_,
#define locache_layout_volatile locache_qualifier_,
#define locache_layout_enum locache_layout_none_,
#define locache_layout_struct locache_layout_none_,
#define locache_layout_union locache_layout_none_,
#define locache_layout__Complex locache_layout_none_,
#define locache_layout__Atomic locache_layout_none_,

/* LOCACHE_COUNT_(ret, name, parameters...): how many parameters; LOCACHE_FITS_:
 * OK, or MANY beyond sixteen. */
#define LOCACHE_COUNT_(...)                                                    \
    LOCACHE_25TH_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, 16, 15, 14, \
                  13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, ~)
#define LOCACHE_FITS_(...)                                                     \
    LOCACHE_25TH_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, OK, OK, OK, \
                  OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, ~)
#define LOCACHE_25TH_(r, n, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, s, \
                      t, u, v, w, x, it, ...)                                  \
    it

/* LOCACHE_EACH_<count>(first, next, none, x, ret, name, parameters...):
 * first(x, parameter), then next(x, parameter) of each of the others; `none`
 * where there is none. */
#define LOCACHE_EACH_0(F, N, none, x, r, n) none
#define LOCACHE_EACH_1(F, N, none, x, r, n, a) F(x, a)
#define LOCACHE_EACH_2(F, N, none, x, r, n, a, b) F(x, a) N(x, b)
#define LOCACHE_EACH_3(F, N, none, x, r, n, a, b, c) F(x, a) N(x, b) N(x, c)
#define LOCACHE_EACH_4(F, N, none, x, r, n, a, b, c, d)                        \
    F(x, a) N(x, b) N(x, c) N(x, d)
#define LOCACHE_EACH_5(F, N, none, x, r, n, a, b, c, d, e)                     \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e)
#define LOCACHE_EACH_6(F, N, none, x, r, n, a, b, c, d, e, f)                  \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f)
#define LOCACHE_EACH_7(F, N, none, x, r, n, a, b, c, d, e, f, g)               \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g)
#define LOCACHE_EACH_8(F, N, none, x, r, n, a, b, c, d, e, f, g, h)            \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)
#define LOCACHE_EACH_9(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i)         \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i)
#define LOCACHE_EACH_10(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j)     \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j)
#define LOCACHE_EACH_11(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k)  \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k)
#define LOCACHE_EACH_12(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l)                                                     \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l)
#define LOCACHE_EACH_13(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m)                                                  \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m)
#define LOCACHE_EACH_14(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m, o)                                               \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m) N(x, o)
#define LOCACHE_EACH_15(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m, o, p)                                            \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m) N(x, o) N(x, p)
#define LOCACHE_EACH_16(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m, o, p, q)                                         \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m) N(x, o) N(x, p) N(x, q)

/* LOCACHE_WITH_(macro, x, (type, name)) is macro(x, type, name). */
#define LOCACHE_WITH_(macro, x, pair)                                          \
    LOCACHE_APPLY_(macro, x, LOCACHE_OPEN_ pair)
#define LOCACHE_APPLY_(macro, ...) macro(__VA_ARGS__)
#define LOCACHE_OPEN_(...) __VA_ARGS__

/* ------------------------------------------------------------------ structs */

/* List every member of a struct, by its typedef name, so that it may be a
 * parameter or a result of memoized functions:
 *
 *     typedef struct point { double x, y; char label[16]; } point;
 *     LOCACHE_STRUCT(point, (double, x), (double, y), (char, label))
 *
 * In their order, at most sixteen, each with the type of what it holds: a
 * number or bool, or, of an array, its elements'. A member of a struct within
 * is named `a.x`, a row of a matrix `m[0]`. What is between members would be in
 * no key, so a struct with padding is refused: give it a member there. */
#define LOCACHE_STRUCT(...)                                                    \
    LOCACHE_STRUCT_(LOCACHE_FITS_(~, __VA_ARGS__),                             \
                    LOCACHE_COUNT_(~, __VA_ARGS__),                            \
                    LOCACHE_1ST_(__VA_ARGS__, ~), ~, __VA_ARGS__)
#define LOCACHE_STRUCT_(fits, ...) LOCACHE_STRUCT_IF_(fits, __VA_ARGS__)
#define LOCACHE_STRUCT_IF_(fits, ...) LOCACHE_STRUCT_##fits(__VA_ARGS__)
#define LOCACHE_STRUCT_MANY(count, type, ...)                                  \
    _Static_assert(0, "locache: LOCACHE_STRUCT(" #type                         \
                      ") can list at most sixteen members");
#define LOCACHE_STRUCT_OK(count, type, ...)                                    \
    LOCACHE_EACH_##count(LOCACHE_CHECK_MEMBER_, LOCACHE_CHECK_MEMBER_, , type, \
                         __VA_ARGS__)                                          \
    _Static_assert(0 == LOCACHE_EACH_##count(LOCACHE_TILE_, LOCACHE_TILE_, ,   \
                                             type, __VA_ARGS__) sizeof(type),  \
                   "locache: LOCACHE_STRUCT(" #type ") must list every "       \
                   "member, in order, and the struct must have no padding: "   \
                   "give it a member where that would be");                    \
    static const locache_member locache_members_##type[] LOCACHE_UNUSED_ = {   \
        LOCACHE_EACH_##count(LOCACHE_MEMBER_, LOCACHE_MEMBER_, , type,         \
                             __VA_ARGS__)};                                    \
    static const locache_layout locache_layout_##type[2] LOCACHE_UNUSED_ = {   \
        {sizeof(locache_layout), #type, sizeof(type),                          \
         sizeof locache_members_##type / sizeof(locache_member),               \
         locache_members_##type},                                              \
        {0, NULL, 0, 0, NULL}};
#define LOCACHE_CHECK_MEMBER_(type, pair)                                      \
    LOCACHE_WITH_(LOCACHE_MEMBER_AS_TYPE_comma_NAME_IN_PARENTHESES, type, pair)
#define LOCACHE_TILE_(type, pair) LOCACHE_WITH_(LOCACHE_TILE_OF_, type, pair)
#define LOCACHE_MEMBER_(type, pair)                                            \
    LOCACHE_WITH_(LOCACHE_MEMBER_OF_, type, pair)
#define LOCACHE_AT_(type, member) (((type *)0)->member)
/* The number of elements, 0 where it is none of an array, -1 where `of` is
 * another type. */
#define LOCACHE_ELEMENTS_(type, of, member)                                    \
    _Generic(&LOCACHE_AT_(type, member), of *: 0,                              \
             of(*)[sizeof LOCACHE_AT_(type, member) / sizeof(of)]:             \
             (int)(sizeof LOCACHE_AT_(type, member) / sizeof(of)),             \
             default: -1)
#define LOCACHE_MEMBER_AS_TYPE_comma_NAME_IN_PARENTHESES(type, of, member)     \
    _Static_assert(LOCACHE_NUMBER_CTYPE_(*(of *)0) != LOCACHE_CTYPE_NONE,      \
                   "locache: LOCACHE_STRUCT(" #type "): the member (" #of      \
                   ", " #member ") is no number");                             \
    _Static_assert(LOCACHE_ELEMENTS_(type, of, member) >= 0,                   \
                   "locache: LOCACHE_STRUCT(" #type "): the member " #member   \
                   " is not of type " #of);
#define LOCACHE_TILE_OF_(type, of, member)                                     \
    offsetof(type, member) &&                                                  \
        offsetof(type, member) + sizeof LOCACHE_AT_(type, member) ==
#define LOCACHE_MEMBER_OF_(type, of, member)                                   \
    {sizeof(locache_member), #member, LOCACHE_NUMBER_CTYPE_(*(of *)0),         \
     offsetof(type, member), sizeof(of), LOCACHE_ELEMENTS_(type, of, member)},

/* --------------------------------------------------------------- parameters */

#define LOCACHE_LAYOUT_DECLARED_(fn, pair)                                     \
    LOCACHE_WITH_(LOCACHE_LAYOUT_DECLARED_OF_, fn, pair)
#define LOCACHE_LAYOUT_DECLARED_OF_(fn, type, param)                           \
    extern const locache_layout LOCACHE_LAYOUT_(type)[];
#define LOCACHE_CHECK_(fn, pair)                                               \
    LOCACHE_WITH_(LOCACHE_PARAMETER_AS_TYPE_comma_NAME_IN_PARENTHESES, fn, pair)
/* Within a function of its own, so that no two functions' names meet. */
#define LOCACHE_PARAMETER_AS_TYPE_comma_NAME_IN_PARENTHESES(fn, type, param)   \
    struct locache_##param;                                                    \
    enum {                                                                     \
        locache_##param##_is_no_bare_pointer =                                 \
            !LOCACHE_IS_POINTER_(*(type *)0) ||                                \
            LOCACHE_CTYPE_(*(type *)0) != LOCACHE_CTYPE_NONE                   \
    };                                                                         \
    _Static_assert(locache_##param##_is_no_bare_pointer,                       \
                   "locache: the parameter (" #type ", " #param ") of " #fn    \
                   " is a pointer, which has no key: use char *, "             \
                   "locache_array(type), or a struct listed with "             \
                   "LOCACHE_STRUCT");
#define LOCACHE_CHECK_KEY_(fn, pair)                                           \
    LOCACHE_WITH_(LOCACHE_CHECK_KEY_OF_, fn, pair)
#define LOCACHE_CHECK_KEY_OF_(fn, type, param)                                 \
    enum {                                                                     \
        locache_##param##_has_a_key =                                          \
            LOCACHE_CTYPE_(*(type *)0) != LOCACHE_CTYPE_NONE ||                \
            LOCACHE_IS_LISTED_(type)                                           \
    };                                                                         \
    _Static_assert(locache_##param##_has_a_key,                                \
                   "locache: the parameter (" #type ", " #param ") of " #fn    \
                   " has no key: its type must be a number, bool, an enum, "   \
                   "char *, locache_array(type), or the typedef name of a "    \
                   "struct listed with LOCACHE_STRUCT");
#define LOCACHE_RECORD_(fn, pair) LOCACHE_WITH_(LOCACHE_RECORD_OF_, fn, pair)
#define LOCACHE_RECORD_OF_(fn, type, param)                                    \
    {sizeof(locache_parameter), #param, LOCACHE_CTYPE_(*(type *)0),            \
     sizeof(type), LOCACHE_LISTED_(type)},
#define LOCACHE_DECLARE_(fn, pair)                                             \
    LOCACHE_WITH_(LOCACHE_DECLARE_AS_TYPE_comma_NAME_IN_PARENTHESES, fn, pair)
#define LOCACHE_DECLARE_AS_TYPE_comma_NAME_IN_PARENTHESES(fn, type, param)     \
    type param
#define LOCACHE_PASS_(fn, pair) LOCACHE_WITH_(LOCACHE_PASS_OF_, fn, pair)
#define LOCACHE_PASS_OF_(fn, type, param) param
#define LOCACHE_DECLARE_NEXT_(fn, pair) , LOCACHE_DECLARE_(fn, pair)
#define LOCACHE_PASS_NEXT_(fn, pair) , LOCACHE_PASS_(fn, pair)
#define LOCACHE_ARGUMENT_(fn, pair)                                            \
    LOCACHE_WITH_(LOCACHE_ARGUMENT_OF_, fn, pair)
#define LOCACHE_ARGUMENT_OF_(fn, type, param)                                  \
    {                                                                          \
        LOCACHE_UNQUALIFIED_(type, param) locache_argument_ = param;           \
        locache_call_argument(&locache_call_, #param, LOCACHE_CTYPE_(param),   \
                              &locache_argument_, sizeof locache_argument_,    \
                              LOCACHE_LISTED_(type));                          \
    }
/* The library takes the address of each argument as a const void *, which
 * volatile and restrict would not become. */
#if defined(__GNUC__)
#define LOCACHE_UNQUALIFIED_(type, param) __typeof__(((void)0, param))
#else
#define LOCACHE_UNQUALIFIED_(type, param) type
#endif

/* ----------------------------------- the text of the source, in the program */

/* One address for each translation unit, which tells statements of one from
 * those of another. */
static char locache_unit_ LOCACHE_UNUSED_;

#if defined(__GNUC__) && defined(__ELF__)
#define LOCACHE_SECTION_START_(section) "__start_" section
#define LOCACHE_SECTION_END_(section) "__stop_" section
#define LOCACHE_SECTION_NAME_(section) section
#elif defined(__GNUC__) && defined(__MACH__)
#define LOCACHE_SECTION_START_(section) "section$start$__DATA$" section
#define LOCACHE_SECTION_END_(section) "section$end$__DATA$" section
#define LOCACHE_SECTION_NAME_(section) "__DATA," section
#else
#error "locache: LOCACHE_PERSIST needs GCC or Clang, and ELF or Mach-O"
#endif
#define LOCACHE_WEAK_HIDDEN_ __attribute__((visibility("hidden"), weak))

/* Clang 22 warns, where -pedantic is given, that __COUNTER__ is of the next
 * standard. */
#define LOCACHE_COUNTER_BEGIN_
#define LOCACHE_COUNTER_END_
#if defined(__clang__) && defined(__has_warning)
#if __has_warning("-Wc2y-extensions")
#undef LOCACHE_COUNTER_BEGIN_
#undef LOCACHE_COUNTER_END_
#define LOCACHE_COUNTER_BEGIN_                                                 \
    _Pragma("clang diagnostic push")                                           \
    _Pragma("clang diagnostic ignored \"-Wc2y-extensions\"")
#define LOCACHE_COUNTER_END_ _Pragma("clang diagnostic pop")
#endif
#endif

/* A unity build has several: what counts for a function is the last that was
 * said in its file, else the last of all, before it. */
#define LOCACHE_FUNCTION_VERSION(text)                                         \
    LOCACHE_COUNTER_BEGIN_                                                     \
    LOCACHE_STATEMENT_(__COUNTER__, false, text) LOCACHE_COUNTER_END_
/* Its first name, which reads as the library's version. */
#define LOCACHE_VERSION(text) LOCACHE_FUNCTION_VERSION(text)
#define LOCACHE_SHARE(text)                                                    \
    LOCACHE_COUNTER_BEGIN_                                                     \
    LOCACHE_STATEMENT_(__COUNTER__, true, text) LOCACHE_COUNTER_END_
#define LOCACHE_STATEMENT_(order, shared, text)                                \
    LOCACHE_STATEMENT_OF_(order, shared, text)
#define LOCACHE_STATEMENT_OF_(order, shared, text)                             \
    static const locache_statement locache_statement_##order = {               \
        sizeof(locache_statement), &locache_unit_, __FILE__, order, shared,    \
        text};                                                                 \
    static const locache_statement *const locache_statement_at_##order         \
        __attribute__((used, section(LOCACHE_SECTION_NAME_(                    \
                                 "locache_said")))) = &locache_statement_##order
extern const locache_statement *const locache_statements_[] __asm__(
    LOCACHE_SECTION_START_("locache_said")) LOCACHE_WEAK_HIDDEN_;
extern const locache_statement *const locache_statements_end_[] __asm__(
    LOCACHE_SECTION_END_("locache_said")) LOCACHE_WEAK_HIDDEN_;

#if defined(__BASE_FILE__)
#define LOCACHE_BASE_FILE_ __BASE_FILE__
#else
#define LOCACHE_BASE_FILE_ __FILE__
#endif

#if !defined(LOCACHE_NO_SOURCE) && defined(__has_embed) &&                     \
    defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#if __has_embed(LOCACHE_BASE_FILE_) == __STDC_EMBED_FOUND__
#define LOCACHE_EMBEDDED_
static const unsigned char locache_embedded_[] LOCACHE_UNUSED_ = {
#embed LOCACHE_BASE_FILE_
};
/* In a precompiled header it is not that of the function's record. */
static const char locache_embedded_file_[] LOCACHE_UNUSED_ =
    LOCACHE_BASE_FILE_;
#endif
#endif
#ifdef LOCACHE_EMBEDDED_
#define LOCACHE_TEXT_                                                          \
    .text = locache_embedded_, .text_size = sizeof locache_embedded_,          \
    .text_file = locache_embedded_file_,
#else
#define LOCACHE_TEXT_
#endif

/* Each text once for each object file, in a section of its own, and in another
 * one a link for each function: how far it is from there to the function's
 * record, and to the texts of the two files that its definition is from. These
 * are distances between addresses of one object file, so that no name has to be
 * unique, and no relocation is left when the program is loaded.
 *
 * All of it is in a function that is never called: weak and hidden, so that a
 * compiler must make it, but link-time optimisation, which sees that nobody
 * calls it, does not. For the assembler would run at link time then, in the
 * linker's directory, on a source that may have been edited since. Such a
 * program is told from others by what its linker noted of all of it
 * (src/persist/text.h). Without optimisation GCC would keep it all the same,
 * but for `inline`.
 *
 * "R" keeps a linker that drops what nothing refers to from it. ".inc" "bin" is
 * in two parts, since ccache takes the directive for a dependency that it does
 * not know; what it compares, the preprocessed source, is enough. */
#ifndef LOCACHE_NO_SOURCE
#if defined(__has_attribute)
#if __has_attribute(retain)
#define LOCACHE_SECTION_FLAGS_ "aR"
#endif
#endif
#ifndef LOCACHE_SECTION_FLAGS_
#define LOCACHE_SECTION_FLAGS_ "a"
#endif
#ifdef __ELF__
#define LOCACHE_PUSH_SECTION_(section)                                         \
    ".pushsection " section ",\"" LOCACHE_SECTION_FLAGS_ "\",%progbits\n"
#define LOCACHE_SYMBOL_(name) name
#else
#define LOCACHE_PUSH_SECTION_(section)                                         \
    ".pushsection __DATA," section ",regular,no_dead_strip\n"
#define LOCACHE_SYMBOL_(name) "_" name
#endif
#if __SIZEOF_POINTER__ == 8
#define LOCACHE_WORD_ ".quad "
#else
#define LOCACHE_WORD_ ".long "
#endif
#define LOCACHE_LABEL_(file) "\".Llocache_text_" file "\""
#define LOCACHE_EMBED_(file)                                                   \
    LOCACHE_PUSH_SECTION_("locache_source")                                    \
    ".ifndef " LOCACHE_LABEL_(file) "\n"                                       \
    ".balign 8\n"                                                              \
    LOCACHE_LABEL_(file) ": .quad 72f - 71f\n"                                 \
    "71: .inc" "bin \"" file "\"\n"                                            \
    "72:\n"                                                                    \
    ".endif\n"                                                                 \
    ".popsection\n"
#ifdef LOCACHE_EMBEDDED_
#define LOCACHE_EMBED_BASE_
#define LOCACHE_LINK_BASE_ LOCACHE_WORD_ "0\n"
#else
#define LOCACHE_EMBED_BASE_ LOCACHE_EMBED_(__BASE_FILE__)
#define LOCACHE_LINK_BASE_                                                     \
    LOCACHE_WORD_ LOCACHE_LABEL_(__BASE_FILE__) " - .\n"
#endif
#define LOCACHE_LINK_(name)                                                    \
    __asm__ volatile(                                                          \
        LOCACHE_EMBED_BASE_ LOCACHE_EMBED_(__FILE__)                           \
        LOCACHE_PUSH_SECTION_("locache_links")                                 \
        ".balign 8\n"                                                          \
        LOCACHE_WORD_ LOCACHE_SYMBOL_("locache_function_of_" name) " - .\n"    \
        LOCACHE_LINK_BASE_                                                     \
        LOCACHE_WORD_ LOCACHE_LABEL_(__FILE__) " - .\n"                        \
        ".popsection\n")
#if defined(__clang__) || defined(__GNUC_GNU_INLINE__)
#define LOCACHE_EXTERN_INLINE_
#else
#define LOCACHE_EXTERN_INLINE_ extern inline
#endif
extern const char locache_links_[] __asm__(
    LOCACHE_SECTION_START_("locache_links")) LOCACHE_WEAK_HIDDEN_;
extern const char locache_links_end_[] __asm__(
    LOCACHE_SECTION_END_("locache_links")) LOCACHE_WEAK_HIDDEN_;
#define LOCACHE_TEXTS_ .links = locache_links_, .links_end = locache_links_end_,
#define LOCACHE_EMBED_FOR_(name)                                               \
    LOCACHE_WEAK_HIDDEN_ void locache_embed_for_##name(void);                  \
    LOCACHE_EXTERN_INLINE_ void locache_embed_for_##name(void)                 \
    {                                                                          \
        LOCACHE_LINK_(#name);                                                  \
    }
#define LOCACHE_HAS_NO_SOURCE_ false
#else
#define LOCACHE_TEXTS_
#define LOCACHE_EMBED_FOR_(name)
#define LOCACHE_HAS_NO_SOURCE_ true
#endif

#ifdef LOCACHE_WHOLE_FILE
#define LOCACHE_IS_WHOLE_FILE_ true
#else
#define LOCACHE_IS_WHOLE_FILE_ false
#endif

/* ----------------------------------------------------------- the definition */

#define LOCACHE_PERSIST(...) LOCACHE_PERSIST_WITH((), __VA_ARGS__)
#define LOCACHE_PERSIST_WITH(options, ...)                                     \
    LOCACHE_PERSIST_(LOCACHE_FITS_(__VA_ARGS__), options,                      \
                     LOCACHE_COUNT_(__VA_ARGS__),                              \
                     LOCACHE_1ST_(__VA_ARGS__, ~),                             \
                     LOCACHE_2ND_(__VA_ARGS__, ~, ~), __VA_ARGS__)
#define LOCACHE_PERSIST_(fits, ...) LOCACHE_PERSIST_IF_(fits, __VA_ARGS__)
#define LOCACHE_PERSIST_IF_(fits, ...) LOCACHE_PERSIST_##fits(__VA_ARGS__)
#define LOCACHE_PERSIST_MANY(options, count, ret, fn, ...)                     \
    _Static_assert(0, "locache: " #fn " can have at most sixteen parameters"); \
    ret fn(void)

/* A warning here would be about the library's own: a layout declared twice. */
#define LOCACHE_QUIET_BEGIN_                                                   \
    _Pragma("GCC diagnostic push")                                             \
    _Pragma("GCC diagnostic ignored \"-Wredundant-decls\"")
#define LOCACHE_QUIET_END_ _Pragma("GCC diagnostic pop")

/* What takes `static` and the like comes first, before there is anything that
 * it could call. For GCC it is a definition, of another name for the function
 * that comes later: as a declaration it would be a redundant one where the
 * function has a prototype, and -Wredundant-decls can be switched off nowhere
 * between `static` and here. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ELF__)
#define LOCACHE_ALIAS_(fn) __attribute__((alias("locache_enter_" #fn)))
#define LOCACHE_ENTER_(ret, fn) static ret locache_enter_##fn
#else
#define LOCACHE_ALIAS_(fn)
#define LOCACHE_ENTER_(ret, fn) ret fn
#endif

/* The body's own declaration comes last, so that the body follows it as it was
 * written. */
#define LOCACHE_PERSIST_OK(options_, count, ret, fn, ...)                      \
    ret fn(LOCACHE_EACH_##count(LOCACHE_DECLARE_, LOCACHE_DECLARE_NEXT_, void, \
                                fn, __VA_ARGS__)) LOCACHE_ALIAS_(fn);          \
    static inline LOCACHE_UNUSED_ void locache_check_pointers_##fn(void)       \
    {                                                                          \
        LOCACHE_EACH_##count(LOCACHE_CHECK_, LOCACHE_CHECK_, , fn,             \
                             __VA_ARGS__)                                      \
    }                                                                          \
    LOCACHE_QUIET_BEGIN_                                                       \
    LOCACHE_EACH_##count(LOCACHE_LAYOUT_DECLARED_, LOCACHE_LAYOUT_DECLARED_, , \
                         fn, __VA_ARGS__)                                      \
    extern const locache_layout LOCACHE_LAYOUT_(ret)[];                        \
    LOCACHE_EMBED_FOR_(fn)                                                     \
    LOCACHE_QUIET_END_                                                         \
    static inline LOCACHE_UNUSED_ void locache_check_##fn(void)                \
    {                                                                          \
        LOCACHE_EACH_##count(LOCACHE_CHECK_KEY_, LOCACHE_CHECK_KEY_, , fn,     \
                             __VA_ARGS__)                                      \
        _Static_assert(LOCACHE_CTYPE_(*(ret *)0) != LOCACHE_CTYPE_NONE ||      \
                           LOCACHE_IS_LISTED_(ret),                            \
                       "locache: the result of " #fn ", of type " #ret         \
                       ", cannot be kept: it must be a number, bool, an "      \
                       "enum, a string, locache_array(type) (allocated with "  \
                       "malloc, the caller frees it), or the typedef name of " \
                       "a struct listed with LOCACHE_STRUCT");                 \
    }                                                                          \
    static const locache_parameter locache_parameters_##fn[] = {               \
        LOCACHE_EACH_##count(LOCACHE_RECORD_, LOCACHE_RECORD_, , fn,           \
                             __VA_ARGS__) {0, NULL, 0, 0, NULL}};              \
    static const locache_persist_options locache_options_of_##fn = {           \
        .size = sizeof(locache_persist_options), LOCACHE_OPEN_ options_};      \
    static locache_function_record locache_function_of_##fn                    \
        __attribute__((used)) = {                                              \
            .size = sizeof(locache_function_record),                           \
            .name = #fn,                                                       \
            .file = __FILE__,                                                  \
            .base_file = LOCACHE_BASE_FILE_,                                   \
            .line = __LINE__,                                                  \
            .whole_file = LOCACHE_IS_WHOLE_FILE_,                              \
            .no_source = LOCACHE_HAS_NO_SOURCE_,                               \
            .kind = LOCACHE_CTYPE_(*(ret *)0),                                 \
            .result_size = sizeof(ret),                                        \
            .layout = LOCACHE_LISTED_(ret),                                    \
            .options = &locache_options_of_##fn,                               \
            .parameters = locache_parameters_##fn,                             \
            .parameter_count = count,                                          \
            .unit = &locache_unit_,                                            \
            LOCACHE_COUNTER_BEGIN_ .order = __COUNTER__ LOCACHE_COUNTER_END_,  \
            .statements = locache_statements_,                                 \
            .statements_end = locache_statements_end_,                         \
            .code = __extension__(const void *)fn,                             \
            LOCACHE_TEXT_ LOCACHE_TEXTS_};                                     \
    static __attribute__((constructor)) void locache_begin_##fn(void)          \
    {                                                                          \
        locache_function_begin(&locache_function_of_##fn);                     \
    }                                                                          \
    static __attribute__((destructor)) void locache_end_##fn(void)             \
    {                                                                          \
        locache_function_end(&locache_function_of_##fn);                       \
    }                                                                          \
    LOCACHE_APART_ static ret locache_body_##fn(                               \
        locache_call *locache_this_call_ LOCACHE_EACH_##count(                 \
            LOCACHE_DECLARE_NEXT_, LOCACHE_DECLARE_NEXT_, , fn, __VA_ARGS__)); \
    LOCACHE_ENTER_(ret, fn)                                                    \
    (LOCACHE_EACH_##count(LOCACHE_DECLARE_, LOCACHE_DECLARE_NEXT_, void, fn,   \
                          __VA_ARGS__))                                        \
    {                                                                          \
        locache_call locache_call_;                                            \
        ret locache_result_;                                                   \
        locache_call_.size = sizeof locache_call_;                             \
        locache_call_begin(&locache_call_, &locache_function_of_##fn, count);  \
        LOCACHE_EACH_##count(LOCACHE_ARGUMENT_, LOCACHE_ARGUMENT_, , fn,       \
                             __VA_ARGS__)                                      \
        if (!locache_call_take(&locache_result_, &locache_call_)) {            \
            locache_result_ = locache_body_##fn(                               \
                &locache_call_ LOCACHE_EACH_##count(                           \
                    LOCACHE_PASS_NEXT_, LOCACHE_PASS_NEXT_, , fn,              \
                    __VA_ARGS__));                                             \
            locache_call_keep(&locache_call_, &locache_result_);               \
        }                                                                      \
        return locache_result_;                                                \
    }                                                                          \
    static inline LOCACHE_UNUSED_ locache_call locache_call_of_##fn(           \
        LOCACHE_EACH_##count(LOCACHE_DECLARE_, LOCACHE_DECLARE_NEXT_, void,    \
                             fn, __VA_ARGS__))                                 \
    {                                                                          \
        locache_call locache_call_;                                            \
        locache_call_.size = sizeof locache_call_;                             \
        locache_call_begin(&locache_call_, &locache_function_of_##fn, count);  \
        LOCACHE_EACH_##count(LOCACHE_ARGUMENT_, LOCACHE_ARGUMENT_, , fn,       \
                             __VA_ARGS__)                                      \
        locache_call_hold(&locache_call_);                                     \
        return locache_call_;                                                  \
    }                                                                          \
    static inline LOCACHE_UNUSED_ ret locache_refresh_##fn(                    \
        LOCACHE_EACH_##count(LOCACHE_DECLARE_, LOCACHE_DECLARE_NEXT_, void,    \
                             fn, __VA_ARGS__))                                 \
    {                                                                          \
        locache_call_refresh(&locache_function_of_##fn);                       \
        return fn(LOCACHE_EACH_##count(LOCACHE_PASS_, LOCACHE_PASS_NEXT_, , fn,\
                                       __VA_ARGS__));                          \
    }                                                                          \
    static ret locache_body_##fn(                                              \
        locache_call *locache_this_call_ LOCACHE_UNUSED_ LOCACHE_EACH_##count( \
            LOCACHE_DECLARE_NEXT_, LOCACHE_DECLARE_NEXT_, , fn, __VA_ARGS__))
/* As a statement within the body of a memoized function. */
#define LOCACHE_DISCARD() locache_call_discard(locache_this_call_)
/* About one call of a function that is memoized above in this file, its
 * arguments in parentheses: LOCACHE_FORGET(integrate, (3, true)). Any thread.
 * CONTAINS: is a result there that the call would give? FORGET: OK, or MISS
 * where there was none. PATH: of the call's file, there or not, into out (of
 * LOCACHE_PATH_MAX bytes). REFRESH is the call itself: its body runs, and its
 * result takes the place of the one there is. Failures are locache_path()'s and
 * locache_remove()'s, and those of opening the cache, which are said on stderr,
 * too. */
#define LOCACHE_CONTAINS(fn, arguments)                                        \
    locache_call_contains((locache_call[]){locache_call_of_##fn arguments})
#define LOCACHE_FORGET(fn, arguments)                                          \
    locache_call_forget((locache_call[]){locache_call_of_##fn arguments})
#define LOCACHE_PATH(out, fn, arguments)                                       \
    locache_call_path(out, (locache_call[]){locache_call_of_##fn arguments})
#define LOCACHE_REFRESH(fn, arguments) locache_refresh_##fn arguments

/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */
#endif /* __cplusplus */

#ifdef __cplusplus
}
#endif

#endif
