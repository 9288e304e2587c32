/* What a memoized C function is.
 *
 * Two functions of one name may meet in one directory: of two files of one name, of one header that
 * two files include, of two programs, or all of them under locache_set_dir(). So all that tells
 * them apart goes into one digest, with what tells a function from its own earlier self: its text,
 * or, where the program carries none, whatever stands for the whole program. Types count by their
 * kinds and sizes, since a typedef elsewhere may change them. */
#include "persist/identity.h"
#include "base/error.h"
#include "base/warn.h"
#include "persist/convert.h"
#include "persist/digests.h"
#include "persist/object.h"
#include "persist/text.h"

#include <float.h>
#include <stdatomic.h>
#include <string.h>

/* What a digest is of, as the tag of its code: two digests of different things are never
 * compared. */
#define TAG_DEFINITION "c-definition"
#define TAG_FILE "c-file"
#define TAG_PROGRAM "c-program"
#define TAG_VERSION "c-version"

const char *lc_identity_statement(const locache_function_record *function, bool shared)
{
    const locache_statement *best = NULL;
    bool best_own = false;
    const locache_statement *const *at = function->statements;
    for (; at != function->statements_end; at++) {
        bool own = strcmp((*at)->file, function->file) == 0;
        if ((*at)->unit != function->unit || (*at)->shared != shared ||
            (*at)->order > function->order || (best_own && !own))
            continue;
        if (best == NULL || (own && !best_own) || (*at)->order > best->order) {
            best = *at;
            best_own = own;
        }
    }
    return best ? best->text : NULL;
}

static void write_part(locache_cbor_writer *out, const char *text)
{
    locache_cbor_write_bytes(out, text, strlen(text));
}

/* A type that two programs spell alike may be float in one and double in the other. */
static void write_type(locache_cbor_writer *out, unsigned kind, size_t size,
                       const locache_layout *layout)
{
    locache_cbor_write_uint(out, kind);
    locache_cbor_write_uint(out, size);
    if (kind == LOCACHE_CTYPE_LONG_REAL || kind == LOCACHE_CTYPE_LONG_COMPLEX)
        locache_cbor_write_uint(out, LDBL_MANT_DIG);
    if (kind == LOCACHE_CTYPE_NONE)
        lc_convert_layout(out, layout);
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static void write_names(locache_cbor_writer *out, const locache_function_record *function,
                        bool located)
{
    write_part(out, function->name);
    write_part(out, located ? base_name(function->base_file) : function->base_file);
    bool from_header = strcmp(function->file, function->base_file) != 0;
    write_part(out, from_header ? function->file : "");
    write_type(out, function->kind, function->result_size, function->layout);
    const locache_parameter *parameter = function->parameters;
    for (size_t i = 0; i < function->parameter_count; i++, parameter = lc_convert_next(parameter)) {
        write_part(out, parameter->name);
        write_type(out, parameter->kind, parameter->type_size, parameter->layout);
    }
}

/* Said once in a program, whatever the number of its functions. */
static void say_no_text(void)
{
    static atomic_bool said;
    if (!atomic_exchange(&said, true))
        lc_warn("this program does not carry the text of its source (link-time optimisation leaves "
                "none, and a precompiled header may have another): any change of the program "
                "counts as one of its memoized functions; compile their files with -fno-lto, keep "
                "them out of precompiled headers, or define LOCACHE_NO_SOURCE and say "
                "LOCACHE_FUNCTION_VERSION");
}

/* The text's digest, of the definition where it is found, else of the whole file: another macro may
 * hide it, and any change may be one of it. */
static locache_status write_text(const char **tag, locache_cbor_writer *out,
                                 const locache_function_record *function, const lc_text *text)
{
    locache_id id;
    bool found = false;
    locache_status status = LOCACHE_OK;
    if (!function->whole_file)
        status = lc_digest_definition(&found, &id, text->own, function->name, function->line);
    *tag = found ? TAG_DEFINITION : TAG_FILE;
    if (status == LOCACHE_OK && !found)
        status = lc_digest_whole(&id, text->own);
    if (status == LOCACHE_OK)
        locache_cbor_write_bytes(out, id.bytes, sizeof id.bytes);
    /* A header's function means what the file that includes it makes of it. */
    if (status == LOCACHE_OK && !found && text->base.data != NULL)
        status = lc_digest_whole(&id, text->base);
    if (status == LOCACHE_OK && !found)
        locache_cbor_write_bytes(out, id.bytes, sizeof id.bytes);
    locache_cbor_write_uint(out, text->ordinal);
    return status;
}

/* Without a text: the program's path where that was asked for, else all of the program. */
static locache_status write_program(const char **tag, locache_cbor_writer *out,
                                    const locache_function_record *function, locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    locache_id id;
    if (!function->no_source) {
        say_no_text();
        *tag = TAG_PROGRAM;
        if (!lc_object_id(&id, function))
            return lc_fail(error, LOCACHE_EIO,
                           "the program carries neither the text of its source nor a build ID: "
                           "link it with -Wl,--build-id");
        locache_cbor_write_bytes(out, id.bytes, sizeof id.bytes);
        return LOCACHE_OK;
    }
    *tag = TAG_VERSION;
    if (!lc_object_path(path, function))
        return lc_fail(error, LOCACHE_EIO, "cannot find the program's own file");
    write_part(out, path);
    return LOCACHE_OK;
}

locache_status lc_identity_of(locache_identity *out, const locache_function_record *function,
                              bool located, locache_error *error)
{
    const char *shared = lc_identity_statement(function, true);
    const char *version = lc_identity_statement(function, false);
    unsigned char room[1024]; /* names of usual length */
    locache_cbor_writer parts;
    lc_text text;
    locache_status status;
    /* Never a source to be asked for later: the text is in the program. */
    *out = (locache_identity){.size = sizeof *out, .no_source = true};
    if (shared != NULL) {
        locache_identity_explicit(out, shared);
        return LOCACHE_OK;
    }
    locache_cbor_writer_init(&parts, room, sizeof room);
    write_names(&parts, function, located);
    if (version != NULL)
        write_part(&parts, version);
    lc_text_find(&text, function);
    if (text.own.data != NULL) {
        status = write_text(&out->code_tag, &parts, function, &text);
        if (status != LOCACHE_OK)
            lc_fail(error, status, "no memory to read the source");
    } else {
        status = write_program(&out->code_tag, &parts, function, error);
    }
    if (status == LOCACHE_OK && (status = locache_cbor_writer_status(&parts)) != LOCACHE_OK)
        lc_fail(error, status, "no memory for what the function is");
    if (status == LOCACHE_OK)
        locache_id_of(&out->code, parts.data, parts.length);
    locache_cbor_writer_clear(&parts);
    return status;
}
