/* libzstd, which is loaded when it is first needed. */
#include "base/zstd.h"
#include "base/system.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What failed, for want of a descriptor perhaps, is tried again after a second. */
#define AGAIN INT64_C(1000000000)

static lc_zstd functions;
static atomic_bool loaded;

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
    atomic_store(&loaded, all);
}

const lc_zstd *lc_zstd_load(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t tried;
    if (!atomic_load(&loaded)) {
        pthread_mutex_lock(&lock);
        int64_t now = lc_monotonic();
        if (!atomic_load(&loaded) && (tried == 0 || now - tried >= AGAIN)) {
            tried = now;
            load_zstd();
        }
        pthread_mutex_unlock(&lock);
    }
    return atomic_load(&loaded) ? &functions : NULL;
}
