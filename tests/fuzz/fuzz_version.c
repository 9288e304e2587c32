/* Any bytes as the record of a version: whatever is accepted prints as the very same bytes, and
 * what is learned of another identity survives being printed and parsed. */
#include "format/version_text.h"
#include "memory.h"

#include <string.h>

static bool same(const lc_version *a, const lc_version *b)
{
    bool equal = a->lost == b->lost && a->newer == b->newer && lc_version_same_id(&a->id, &b->id) &&
                 a->has_source == b->has_source && lc_version_same_id(&a->source, &b->source) &&
                 a->count == b->count && a->has_before == b->has_before &&
                 lc_version_same_id(&a->before, &b->before) && strcmp(a->state, b->state) == 0 &&
                 a->kept_count == b->kept_count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = strcmp(a->codes[i].tag, b->codes[i].tag) == 0 &&
                lc_version_same_id(&a->codes[i].digest, &b->codes[i].digest);
    for (size_t i = 0; equal && i < a->kept_count; i++)
        equal = lc_version_same_id(&a->kept[i].id, &b->kept[i].id) &&
                a->kept[i].has_source == b->kept[i].has_source &&
                lc_version_same_id(&a->kept[i].source, &b->kept[i].source) &&
                strcmp(a->kept[i].said, b->kept[i].said) == 0;
    return equal;
}

static void check_refused(const lc_version *version)
{
    const lc_version lost = {.lost = true};
    REQUIRE(same(version, &lost));
}

static void prints_as(const lc_version *version, const char *text, size_t size)
{
    char printed[LC_VERSION_TEXT_MAX];
    REQUIRE(lc_version_print(printed, version) == size);
    REQUIRE(memcmp(printed, text, size) == 0);
}

static void parses_back(const lc_version *version)
{
    char printed[LC_VERSION_TEXT_MAX];
    lc_version again;
    size_t size = lc_version_print(printed, version);
    REQUIRE(size <= sizeof printed);
    REQUIRE(lc_version_parse(&again, printed, size));
    REQUIRE(same(version, &again));
}

/* Whichever way they compare, a record that has learned an identity is of it, and has nothing left
 * to learn. The longest tag there is, so that a full record is as long as it can be. */
static void check_learned(lc_version *version)
{
    char tag[LC_TAG_MAX + 1];
    memset(tag, 't', LC_TAG_MAX);
    tag[LC_TAG_MAX] = '\0';
    const locache_identity identity = {
        .code_tag = tag, .code = {{1, 2, 3}}, .has_source = true, .source = {{4, 5, 6}}};
    const lc_identities asked = {.main = &identity};
    (void)!lc_version_compare(NULL, version, &asked);
    lc_version_learn(version, &identity);
    REQUIRE(version->count <= LC_VERSION_CODES_MAX);
    REQUIRE(lc_version_compare(NULL, version, &asked) == LOCACHE_OK);
    REQUIRE(!lc_version_learn(version, &identity));
    parses_back(version);
}

/* It takes in any other, the longest record there is among them, and is of that one then. */
static void check_taken(lc_version *version)
{
    const lc_version other = {.id = {{7}}, .has_source = true, .source = {{8}}};
    char said[LC_SAID_MAX + 1];
    memset(said, 's', LC_SAID_MAX);
    said[LC_SAID_MAX] = '\0';
    memset(version->state, 'x', LC_STATE_MAX);
    version->state[LC_STATE_MAX] = '\0';
    lc_version_take(version, &other, said);
    REQUIRE(lc_version_has_id(version, &other.id));
    parses_back(version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    lc_version version;
    size_t began = memory_begin();
    bool parsed = lc_version_parse(&version, text, size);
    memory_within(began, size);
    if (!parsed) {
        check_refused(&version);
        return 0;
    }
    REQUIRE(!version.lost && size <= LC_VERSION_TEXT_MAX && version.count <= LC_VERSION_CODES_MAX);
    if (version.newer)
        return 0;
    prints_as(&version, text, size);
    parses_back(&version);
    check_learned(&version);
    check_taken(&version);
    return 0;
}
