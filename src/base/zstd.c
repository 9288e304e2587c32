/* libzstd, which is loaded when it is first needed. */
#include "base/zstd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static lc_zstd functions;
static bool loaded;

/* POSIX has dlsym() return what C has no conversion for: the bytes are those of a function's
 * address. It stays loaded for as long as the process lives. */
static void load_zstd(void)
{
    void *library = dlopen(LC_ZSTD_FILE, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return;
    bool all = true;
#define LC_ZSTD_FIND(name)                                                                         \
    *(void **)&functions.name = dlsym(library, "ZSTD_" #name);                                     \
    all = all && functions.name != NULL;
    LC_ZSTD_FUNCTIONS(LC_ZSTD_FIND)
#undef LC_ZSTD_FIND
    loaded = all;
}

const lc_zstd *lc_zstd_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_zstd);
    return loaded ? &functions : NULL;
}
