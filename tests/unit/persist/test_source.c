/* What of a C source is a function: its text among others, tokens without comments and layout, the
 * definition's extent. */
#include "fault.h"
#include "persist/source.h"
#include "scratch.h"

static lc_span span(const char *text)
{
    return (lc_span){text, strlen(text)};
}

static lc_source *tokens_of(const char *text)
{
    lc_source *tokens = NULL;
    assert_int_equal(lc_source_make(&tokens, span(text)), LOCACHE_OK);
    return tokens;
}

static bool same(const char *a, const char *b)
{
    lc_source *first = tokens_of(a);
    lc_source *second = tokens_of(b);
    lc_span x = lc_source_all(first);
    lc_span y = lc_source_all(second);
    bool equal = x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    lc_source_free(first);
    lc_source_free(second);
    return equal;
}

#define assert_same(a, b) assert_true(same(a, b))
#define assert_differ(a, b) assert_false(same(a, b))

static void test_source__comments_and_layout_change_no_token(void **unused)
{
    (void)unused;
    assert_same("a + b", "a+b");
    assert_same("a /* x */ + // y\n b", "a\n+\r\n\tb\n");
    assert_same("a/**/b", "a b");
    assert_same("f((x))", "f( ( x ) )");
    assert_same("int long_\\\nname;", "int long_name;");
    assert_same("/\\\n/ comment \\\n goes on\nx", "x");
    assert_same("/\\\n* comment *\\\r\n/ x", "x");
    assert_same("", "/* never closed");
    assert_same("x", "x // no line feed");
}

static void test_source__other_tokens_differ(void **unused)
{
    (void)unused;
    assert_differ("a b", "ab");
    assert_differ("a + +b", "a ++ b");
    assert_differ("a - - > b", "a -- > b");
    assert_differ("x <<= 1", "x << = 1");
    assert_differ("1e+5", "1e + 5");
    assert_differ("0x1p-3", "0x1p - 3");
    assert_differ("1'000", "1 '000'");
    assert_differ("L\"x\"", "L \"x\"");
    assert_differ("a.b", "a . 5b");
}

static void test_source__strings_stay_as_they_are(void **unused)
{
    (void)unused;
    assert_differ("\"a b\"", "\"a  b\"");
    assert_differ("\"/* a */\"", "\"/* b */\"");
    assert_differ("\"\\\"// a\"", "\"\\\"// b\"");
    assert_differ("'\"' /* a */ x", "'\"' /* a */ y");
    assert_same("'\"' /* a */", "'\"' /* b */");
    assert_differ("R\"(\" // a)\"", "R\"(\" // b)\"");
    assert_differ("u8R\"x(/* )\" a */ )x\"", "u8R\"x(/* )\" b */ )x\"");
    assert_same("R\"x()x\" /* a */ y", "R\"x()x\" /* b */ y");
    assert_differ("R\"never closed /* a", "R\"never closed /* b");
    assert_differ("\"a\\\nb\"", "\"a b\"");
}

static void test_source__directives_keep_their_lines(void **unused)
{
    (void)unused;
    assert_differ("#define f(x) 1\n", "#define f (x) 1\n");
    assert_differ("#define f\n(x)", "#define f (x)\n");
    assert_same("#define f(x) \\\n 1\nx", " # define f(x)   1 /* one */\n\nx");
    assert_differ("x # y", "x\n# y\n");
}

static const char *definition_of(lc_source **tokens, const char *text, const char *name, int line)
{
    static char flat[512];
    lc_span found;
    *tokens = tokens_of(text);
    if (!lc_source_definition(&found, *tokens, name, line))
        return NULL;
    assert_true(found.size < sizeof flat);
    memcpy(flat, found.data, found.size);
    flat[found.size] = '\0';
    for (size_t i = 0; i < found.size; i++)
        if (flat[i] == '\0')
            flat[i] = ' ';
    return flat;
}

static void check_definition(const char *text, const char *name, int line, const char *expected)
{
    lc_source *tokens;
    const char *found = definition_of(&tokens, text, name, line);
    if (expected == NULL)
        assert_null(found);
    else
        assert_string_equal(found, expected);
    lc_source_free(tokens);
}

static void test_source__definition_is_found_by_name_and_line(void **unused)
{
    const char *text = "// LOCACHE_PERSIST(int, f)\n"
                       "const char *s = \"LOCACHE_PERSIST(int, f) {\";\n"
                       "static LOCACHE_PERSIST(int, f,\n"
                       "    (int, x))\n"
                       "{ if (x) { return 1; } return 2; }\n"
                       "LOCACHE_PERSIST(char *, g) { return 0; } int h;\n"
                       "LOCACHE_PERSIST(int, f, (int, x)) { return 3; }\n";
    const char *f =
        "LOCACHE_PERSIST ( int , f , ( int , x ) ) { if ( x ) { return 1 ; } return 2 ; }";
    (void)unused;
    check_definition(text, "f", 3, f);
    check_definition(text, "f", 4, f);
    check_definition(text, "f", 0, f);
    check_definition(text, "f", 5, NULL);
    check_definition(text, "f", 7, "LOCACHE_PERSIST ( int , f , ( int , x ) ) { return 3 ; }");
    check_definition(text, "g", 6, "LOCACHE_PERSIST ( char * , g ) { return 0 ; }");
    check_definition(text, "s", 0, NULL);
    check_definition("LOCACHE_PERSIST(int, f);", "f", 0, NULL);
    check_definition("LOCACHE_PERSIST(int, f", "f", 0, NULL);
    check_definition("LOCACHE_PERSIST(int, f g) {}", "f", 0, NULL);
    check_definition("#define M LOCACHE_PERSIST(int, f) {}\n", "f", 0, NULL);
    check_definition("LOCACHE_PERSIST", "f", 0, NULL);
}

static void test_source__body_ends_at_its_brace_whatever_the_branches(void **unused)
{
    (void)unused;
    check_definition("LOCACHE_PERSIST(int, f) {\n#if A\nif (a) {\n#elif B\nif (b) "
                     "{\n#else\n{\n#endif\n} x; } y;",
                     "f", 1,
                     "LOCACHE_PERSIST ( int , f ) { # if A \nif ( a ) { # elif B \nif ( b ) { # "
                     "else \n{ # endif \n} x ; }");
    check_definition("LOCACHE_PERSIST(int, f) {\n#ifdef A\nx; }\n#else\ny; }\n#endif\nz;", "f", 1,
                     "LOCACHE_PERSIST ( int , f ) { # ifdef A \nx ; } # else \ny ; } # endif");
    /* An #if without #else may be passed over: its brace counts for nobody, or for all. */
    check_definition("LOCACHE_PERSIST(int, f) {\n#if 0\n}\n#endif\nx; } y;", "f", 1,
                     "LOCACHE_PERSIST ( int , f ) { # if 0 \n} # endif \nx ; }");
    check_definition(
        "LOCACHE_PERSIST(int, f) {\n#if A\nif (a) {\n#else\n#if B\n}\n#endif\nif (b) "
        "{\n#endif\n} x; } y;",
        "f", 1,
        "LOCACHE_PERSIST ( int , f ) { # if A \nif ( a ) { # else \n# if B \n} # endif "
        "\nif ( b ) { # endif \n} x ; }");
    check_definition(
        "LOCACHE_PERSIST(int, f) {\n#if A\n{\n#endif\n#if A\n}\n#endif\n} y;", "f", 1,
        "LOCACHE_PERSIST ( int , f ) { # if A \n{ # endif \n# if A \n} # endif \n} y ;");
    check_definition("LOCACHE_PERSIST(int, f) {\n#define X }\nx; } y;", "f", 1,
                     "LOCACHE_PERSIST ( int , f ) { # define X } \nx ; }");
    check_definition("LOCACHE_PERSIST(int, f) { never closed", "f", 1,
                     "LOCACHE_PERSIST ( int , f ) { never closed");
    check_definition("LOCACHE_PERSIST(int, f) <% x; %> y;", "f", 1,
                     "LOCACHE_PERSIST ( int , f ) <% x ; %>");
    check_definition("LOCACHE_PERSIST(int, f) {\n#endif\n#else\n} y;", "f", 1,
                     "LOCACHE_PERSIST ( int , f ) { # endif \n# else \n}");
}

static void test_source__reports_each_failed_allocation(void **unused)
{
    lc_source *tokens = NULL;
    (void)unused;
    for (int n = 1;; n++) {
        fault_set("alloc", n, ENOMEM);
        locache_status status = lc_source_make(&tokens, span("int x;"));
        if (!fault_clear()) {
            assert_int_equal(status, LOCACHE_OK);
            break;
        }
        assert_int_equal(status, LOCACHE_ENOMEM);
        assert_null(tokens);
    }
    lc_source_free(tokens);
    lc_source_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source__comments_and_layout_change_no_token),
        cmocka_unit_test(test_source__other_tokens_differ),
        cmocka_unit_test(test_source__strings_stay_as_they_are),
        cmocka_unit_test(test_source__directives_keep_their_lines),
        cmocka_unit_test(test_source__definition_is_found_by_name_and_line),
        cmocka_unit_test(test_source__body_ends_at_its_brace_whatever_the_branches),
        cmocka_unit_test(test_source__reports_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
