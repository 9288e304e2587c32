/* The file in a function's directory that says which source its results belong to. docs/format.md,
 * "Versions", is normative for what is on disk. Any thread. */
#ifndef LC_VERSION_FILE_H
#define LC_VERSION_FILE_H

#include "base/error.h"
#include "base/hash.h"
#include "format/version_text.h"

/* What is asked of a directory. */
typedef struct lc_wanted {
    lc_identities asked;
    lc_span note;        /* for a directory that has none; or empty */
    const char *kept_by; /* who says that what is new is the same as before; or NULL */
    bool keep;           /* whichever directory is there is the right one (LOCACHE_OPEN_KEEP) */
    bool make;           /* make what is not there */
    bool read_only;      /* mend no record (LOCACHE_OPEN_READ_ONLY) */
    bool made_root;      /* the cache directory was made for it */
} lc_wanted;

/* The record of the function directory `dir`, whose path is `path`. OK, which includes a lost one;
 * EUNTRUSTED: its .locache or version file is a link, or not ours; EIO, ENOMEM. */
locache_status lc_version_file_read(lc_version *out, int dir, const char *path,
                                    locache_error *error);
/* OK, EUNTRUSTED, EIO, ENOMEM. */
locache_status lc_version_file_write(int dir, const lc_version *from, const char *path,
                                     locache_error *error);

/* The same in a new directory that nobody else knows yet, with its .locache/. EIO. */
locache_status lc_version_file_make(int dir, const lc_version *from, const char *path,
                                    locache_error *error);

/* What the version is made of, for people (docs/format.md, "Parts"): at most LOCACHE_NOTE_MAX bytes
 * into out. As lc_meta_read(). */
locache_status lc_version_file_note(size_t *size, void *out, int dir, const char *path,
                                    locache_error *error);
/* OK, also where it is empty, which leaves what is there; EUNTRUSTED, EIO. */
locache_status lc_version_file_write_note(int dir, lc_span note, const char *path,
                                          locache_error *error);

/* The same in a new directory, after lc_version_file_make(). EIO: it has none. */
locache_status lc_version_file_make_note(int dir, lc_span note, const char *path,
                                         locache_error *error);

/* Does the open function directory `dir` (whose path is `path`) hold results of this identity? OK:
 * yes, and found->id is what its entries carry. MISS: another's. NEED_SOURCE. EUNTRUSTED, EIO,
 * ENOMEM, as above. Where the record was lost or does not know this identity's code yet, it is
 * mended if that can be. */
locache_status lc_version_file_check(lc_version *found, int dir, const char *path,
                                     const lc_wanted *wanted, locache_error *error);
/* The same of a record that was read. */
locache_status lc_version_file_compare(lc_version *found, int dir, const char *path,
                                       const lc_wanted *wanted);

#endif
