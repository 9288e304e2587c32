/* locache: what is on disk, whichever program made it: for tools that look
 * into caches and tidy them. locache.h includes it. */
#ifndef LOCACHE_INSPECT_H
#define LOCACHE_INSPECT_H

#include "locache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ what is on disk
 *
 *     cache directory   foo.cache
 *       folder          foo.cache/my_func, or an earlier version,
 *                       foo.cache/.versions/my_func/<id>
 *         entry's file  foo.cache/my_func/x=1_num=3
 *
 * Nothing here asks which function or which version is meant: what is there is
 * listed, read and removed by its path. Programs that use the cache meanwhile
 * stay right: what is removed is a miss to them, as when its file is deleted.
 * What locache did not make is never removed. Symbolic links are not followed.
 * Sizes are bytes; times are as locache.h says. */

/* Is the directory at that path (a link is none) a cache directory: does it
 * carry locache's CACHEDIR.TAG, or, where its name ends in ".cache" or it has
 * .versions/, has it a directory with .locache/ in it? OK, MISS. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_is_cache(const char *dir);

/* One cache directory of this user. */
typedef struct locache_cache_info {
    size_t size; /* sizeof(locache_cache_info), set by the library */
    const char
        *path; /* of it, absolute and without links, as long as the call */
    int64_t
        registered; /* when a process first stored into it under this path */
} locache_cache_info;

/* Call fn with each cache directory that this user's processes stored into and
 * that is still there, in the order of their paths; it returns false to stop.
 * They are known by $XDG_STATE_HOME/locache/caches/ (docs/format.md,
 * "Registry"): where that cannot be written, they are not. What is gone, or
 * became another user's, is dropped from there. OK, also where there is none;
 * EIO, EUNTRUSTED (others may write there), ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_each_cache(bool (*fn)(void *context, const locache_cache_info *cache),
                   void *context, locache_error *error);

/* What a cache directory may hold as a whole, or all caches of this user
 * together. 0 or less: no bound. Stores see to it, as docs/bounds.md says. */
typedef struct locache_bounds {
    size_t size;       /* sizeof(locache_bounds) */
    int64_t max_bytes; /* of all entries' files */
    int64_t max_entries;
    int64_t max_age; /* nanoseconds since an entry was last used */
} locache_bounds;

/* Those of a cache directory (an absolute path), or of all together (NULL): of
 * LOCACHE_CACHE_MAX_BYTES and LOCACHE_MAX_BYTES and their like, or else of
 * <dir>/.limits and $XDG_CONFIG_HOME/locache/limits. out->size is the caller's
 * to set. OK, also where none are set; EINVAL: what is set is no such thing;
 * EIO, ELIMIT, EUNTRUSTED. What else this process remembers of bounds it asks
 * anew then; else it does so every ten seconds. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_get_bounds(locache_bounds *out, const char *dir, locache_error *error);
/* Write them to that file, in the place of what it said, and count what a cache
 * directory holds where nobody has. OK, EINVAL, EIO, ELIMIT, EUNTRUSTED. Any
 * thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_set_bounds(
    const char *dir, const locache_bounds *bounds, locache_error *error);

/* One folder, or what has the place of one and cannot be used. */
typedef struct locache_folder_info {
    size_t size;        /* sizeof(locache_folder_info), set by the library */
    const char *path;   /* of it, as long as the call */
    const char *name;   /* of the function's directory */
    bool current;       /* it has the function's name */
    bool has_version;   /* its record is there: `version` is set */
    locache_id version; /* what its entries carry */
    int64_t changed;    /* when a name in it was last made or removed */
    bool has_before;    /* `before` is set: what it took the place of */
    locache_id before;
    const char *kept;    /* as locache_version_info.kept, or "" */
    int status;          /* OK; EUNTRUSTED or EIO: it cannot be used */
    const char *message; /* why, and the remedy; "" */
} locache_folder_info;

/* Call fn with each folder of a cache directory (an absolute path), in no order
 * but that a name's are not mixed with others'; it returns false to stop. OK,
 * also where there is no such directory; EINVAL, EIO, EUNTRUSTED, ENOMEM. Any
 * thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_each_folder(
    const char *dir,
    bool (*fn)(void *context, const locache_folder_info *folder), void *context,
    locache_error *error);

/* A folder that is open. One thread at a time for each. */
typedef struct locache_folder locache_folder;

/* Open a folder by its absolute path. OK: *out is the caller's to close. MISS:
 * there is none. EUNTRUSTED: not this user's alone, a link, or a directory that
 * holds what locache did not make and carries no mark of it. EINVAL, EIO,
 * ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_folder_open(
    locache_folder **out, const char *path, locache_error *error);
/* NULL is allowed. */
LOCACHE_API void locache_folder_close(locache_folder *folder);

/* Values are pinned. */
typedef enum locache_signature {
    LOCACHE_SIGNATURE_NONE = 0,    /* it carries no MAC */
    LOCACHE_SIGNATURE_UNKNOWN = 1, /* it carries one, which was not verified */
    LOCACHE_SIGNATURE_OURS = 2,    /* this user's key made it */
    LOCACHE_SIGNATURE_FOREIGN = 3  /* another key did, or this user has none */
} locache_signature;

/* An entry's file. What it points to lives for the call. */
typedef struct locache_file {
    size_t size;      /* sizeof(locache_file), set by the library */
    const char *name; /* the call, as "x=1_num=3" */
    uint64_t file_size;
    uint64_t disk_size; /* of the blocks that it takes */
    int64_t modified;
    int64_t used; /* the later of modified and when it was last read, as far
                   * as the file system notes that */
    /* OK: header, owner and name are right, and what follows is set. MISS: an
     * earlier format's. ECORRUPT: damaged, or of another call than its name
     * says; EUNTRUSTED: a link, another user's, or open to others; EFORMAT: a
     * later version wrote it; EIO. */
    int status;
    const char *message; /* why not OK, or "" */
    bool ours;           /* locache made it; else it is never removed */
    int64_t created;
    int64_t compute_time;
    int64_t expires;    /* 0: never */
    uint32_t codec;     /* a locache_codec */
    uint32_t signature; /* a locache_signature */
    uint64_t body_size;
    uint64_t buffer_count;
    locache_id function; /* locache_id_of() its qualified name */
    locache_id version;
    /* the call's key, or a long one's digest (locache_listed) */
    const void *key;
    size_t key_size;
    bool compressed; /* then body_size is that of its frame */
} locache_file;

/* Call fn with each file in the folder that has a name as entries have, in no
 * order; it returns false to stop, and may remove entries. Of a file its header
 * and key are read, and nothing else. OK, EIO. */
LOCACHE_API LOCACHE_CHECK locache_status locache_folder_list(
    locache_folder *folder, bool (*fn)(void *context, const locache_file *file),
    void *context, locache_error *error);

/* The same of one file. OK; MISS: there is none of that name; EINVAL: no name
 * of an entry. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_folder_find(locache_folder *folder, const char *name,
                    bool (*fn)(void *context, const locache_file *file),
                    void *context, locache_error *error);

/* Read one entry whole, and verify all that it says of itself: checksum, name,
 * and its MAC, which is what file->signature tells then. OK: *out is the
 * caller's, with locache_value_free(); pickles too, which are never loaded
 * here. MISS: there is none, or one of an earlier format. ECORRUPT, EUNTRUSTED,
 * EFORMAT, ELIMIT (larger than memory), EIO, ENOMEM. file->size is the
 * caller's to set; *file is filled but where there is no file, with pointers
 * that live as long as *out; but for its size, nothing of it where not OK is
 * more than the header says. */
LOCACHE_API LOCACHE_CHECK locache_status locache_folder_read(
    locache_value **out, locache_file *file, locache_folder *folder,
    const char *name, locache_error *error);

/* ------------------------------------------------------------ how it is used
 *
 * Every process adds what it counted to a file beside the results
 * (docs/format.md, "Counts"): about once a second while it looks results up,
 * when it closes a handle, and at its end. One that is killed, or leaves by
 * _exit(), loses what it counted since. Caches that are open for reading only
 * are not counted. The counts may be deleted at any time, and then begin anew;
 * they go where all results of a function are forgotten. */

/* What was counted from one moment to another. */
typedef struct locache_counts {
    size_t size; /* sizeof(locache_counts), set by who has the struct */
    /* as in locache_statistics */
    uint64_t hits;
    uint64_t misses;
    uint64_t rejects;
    uint64_t stores;
    uint64_t saved_time;   /* nanoseconds */
    uint64_t compute_time; /* nanoseconds */
    uint64_t bytes_read;
    uint64_t bytes_stored;
    int64_t since;    /* 0: nothing was counted */
    int64_t until;    /* when it was added last */
    uint32_t process; /* whose they are, by its number in its namespace of such;
                         0: several */
} locache_counts;

/* All that was counted of a folder. OK; MISS: nothing was, and all are 0;
 * EINVAL: a size too small for `hits`. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_folder_counts(locache_counts *out, locache_folder *folder);
/* The same in parts, of which it is the sum: of each process what it added
 * within the last ten seconds, mostly, and what is older. OK, MISS. */
LOCACHE_API LOCACHE_CHECK locache_status locache_folder_each_counts(
    locache_folder *folder,
    void (*fn)(void *context, const locache_counts *counts), void *context);
/* All that was counted of the present version of a handle's function, by this
 * process too. OK; EINVAL as above. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_total(locache_counts *out,
                                                       locache *cache);
/* What this process did with all of its handles, also those that it has closed;
 * after fork(), with what its parent did before. OK; EINVAL as above. Any
 * thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_process_counts(locache_counts *out);

/* The same as a line for people, "1,204 hits, 3 misses, 12 min 4 s saved, 3.1
 * MB stored", cut where `size` bytes are too few for it; false where nothing
 * happened. locache_verbose() says it when the process ends. Any thread. */
#define LOCACHE_SUMMARY_MAX 256 /* bytes that are always enough */
LOCACHE_API LOCACHE_CHECK bool locache_summary(char *out, size_t size);
/* Add what this process counted now: before it leaves by _exit(). Any
 * thread. */
LOCACHE_API void locache_add_counts(void);

/* Who computes a result now. */
typedef struct locache_computing {
    size_t size; /* sizeof(locache_computing), set by the library */
    /* by its number in its namespace of such; 0: it cannot be told */
    uint32_t process;
    int64_t since; /* to the minute */
} locache_computing;

/* Call fn for each result that is being computed for a folder, in no order; it
 * returns false to stop. Nothing where the file system has no locks on parts of
 * files. */
LOCACHE_API void locache_folder_computing(
    locache_folder *folder,
    bool (*fn)(void *context, const locache_computing *one), void *context);

/* Remove one file that locache made. OK; MISS: there is none; EUNTRUSTED:
 * locache did not make it; EINVAL: no name of an entry; EIO. */
LOCACHE_API LOCACHE_CHECK locache_status locache_folder_remove(
    locache_folder *folder, const char *name, locache_error *error);
/* Remove what writers left that died while they wrote. */
LOCACHE_API void locache_folder_sweep(locache_folder *folder);

/* Forget every result of the function whose directory within the cache
 * directory `dir` (an absolute path) has that name (locache_folder_info.name),
 * those of its earlier versions too. OK, also where there are none; EINVAL,
 * EIO, EUNTRUSTED, EBUSY, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_clear_folder(const char *dir, const char *name, locache_error *error);

/* ------------------------------------------------- results that come and go
 *
 * A cache's results as bytes, for who takes them elsewhere, and what comes from
 * elsewhere as results again. What is brought in is verified as what is read
 * from a cache is, and no reader sees any of it before locache_import_commit().
 * It is data: who made it can make up results. But it is never code: a pickle
 * that this user did not sign is left out, unless its source is trusted. */

/* As locache_folder_read(), but nothing is decompressed: *bytes is the whole
 * file as it is, and file->file_size its size, as long as *out. */
LOCACHE_API LOCACHE_CHECK locache_status locache_folder_load(
    locache_value **out, const void **bytes, locache_file *file,
    locache_folder *folder, const char *name, locache_error *error);
/* Bytes at most of a version's record. */
#define LOCACHE_VERSION_RECORD_MAX ((size_t)8192)
/* The record of the version that the folder is of, as it is on disk, into out,
 * which has room for LOCACHE_VERSION_RECORD_MAX bytes. OK; MISS: it has none;
 * EFORMAT, EUNTRUSTED, EIO. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_folder_record(void *out, size_t *size, const locache_folder *folder,
                      locache_error *error);

enum {
    /* pickles that this user did not sign are signed anew: whatever they run
     * when they are read, this user runs */
    LOCACHE_IMPORT_TRUST = 1,
    LOCACHE_IMPORT_REPLACE =
        2 /* of results that are there too; else they stay */
};

/* Results on their way in. One thread at a time for each. */
typedef struct locache_import locache_import;

/* A folder that is brought in. */
typedef struct locache_imported_folder {
    size_t size;         /* sizeof(locache_imported_folder) */
    const char *name;    /* of the function's directory */
    locache_id function; /* locache_id_of() its qualified name */
    /* It has the function's name where nothing has it yet; else it is an
     * earlier version like others. */
    bool current;
    const void *record; /* locache_folder_record() */
    size_t record_size;
    const void *note; /* locache_version_note(); or NULL */
    size_t note_size;
} locache_imported_folder;

/* What was done, in numbers. */
typedef struct locache_imported {
    size_t size;      /* sizeof(locache_imported), set by the caller */
    uint64_t stored;  /* results that are there now, and were not */
    uint64_t bytes;   /* of all that were brought in */
    uint64_t kept;    /* were there already, and stayed */
    uint64_t pickles; /* left out, since this user did not sign them */
    uint64_t others;  /* left out: of another function, version or format */
} locache_imported;

/* Begin to bring results into a cache directory (an absolute path), which is
 * made where it is missing; `flags`: LOCACHE_IMPORT_... OK: *out is the
 * caller's, to end with locache_import_end(). EINVAL, EUNTRUSTED, EIO, EBUSY,
 * ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_import_begin(locache_import **out, const char *dir, uint32_t flags,
                     locache_error *error);
/* Begin a folder; the one before it has all its results. OK; ECORRUPT: name or
 * record are none; EINVAL, ELIMIT, EIO, EUNTRUSTED, ENOMEM. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_import_folder(locache_import *to, const locache_imported_folder *folder,
                      locache_error *error);
/* Bring in a result of that folder, as the bytes of its file. OK, also where it
 * is left out, which locache_imported counts. ECORRUPT: it is damaged, of
 * another call than its name says, or there twice; ELIMIT, EUNTRUSTED (the
 * user's key), EIO, ENOMEM. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_import_entry(locache_import *to, const char *name, const void *bytes,
                     size_t size, locache_error *error);
/* Give all of them their places. OK; else some may have theirs, each whole.
 * *out is set in any case. EINVAL, EUNTRUSTED, EIO, EBUSY. */
LOCACHE_API LOCACHE_CHECK locache_status locache_import_commit(
    locache_imported *out, locache_import *to, locache_error *error);
/* Remove what has no place. NULL is allowed. */
LOCACHE_API void locache_import_end(locache_import *to);

#ifdef __cplusplus
}
#endif

#endif
