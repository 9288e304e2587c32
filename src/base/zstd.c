/* libzstd, which is loaded when it is first needed. */
#include "base/zstd.h"
#include "base/system.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What failed, for want of a descriptor perhaps, is tried again after so many nanoseconds. */
#define AGAIN INT64_C(1000000000)

/* Without a lock: a child of fork() would wait for a thread that it does not have. Threads that
 * load it at once have a table each, of which the last that is whole stays. */
#define TABLES 64
static lc_zstd tables[TABLES];
static atomic_uint taken;
static _Atomic(const lc_zstd *) loaded;
static _Atomic int64_t tried;

/* POSIX has dlsym() return what C has no conversion for: the bytes are those of a function's
 * address. It stays loaded for as long as the process lives. */
static void load_zstd(void)
{
    void *library = dlopen(LC_ZSTD_FILE, RTLD_NOW | RTLD_LOCAL);
    unsigned number = library != NULL ? atomic_fetch_add(&taken, 1) : TABLES;
    if (number >= TABLES)
        return;
    lc_zstd *functions = &tables[number];
    bool all = true;
#define LC_ZSTD_FIND(name)                                                                         \
    *(void **)&functions->name = dlsym(library, "ZSTD_" #name);                                    \
    all = all && functions->name != NULL;
    LC_ZSTD_FUNCTIONS(LC_ZSTD_FIND)
#undef LC_ZSTD_FIND
    if (all)
        atomic_store(&loaded, functions);
}

const lc_zstd *lc_zstd_load(void)
{
    if (atomic_load(&loaded) == NULL) {
        int64_t now = lc_monotonic();
        int64_t last = atomic_load(&tried);
        if (last == 0 || now - last >= AGAIN) {
            load_zstd();
            atomic_store(&tried, now);
        }
    }
    return atomic_load(&loaded);
}
