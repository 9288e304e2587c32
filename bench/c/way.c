/* What bench/way.py preloads: notes each function that an instrumented extension enters and leaves
   (-finstrument-functions) between way_begin and way_end, in the thread that began. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A very first call takes some thousands; where there is no room left, way_end says so. */
enum { MOST = 1 << 22 };

static uintptr_t noted[MOST]; /* where a function begins; 0 says that the innermost one is left */
static size_t count;
static _Thread_local int following;

static void note(uintptr_t what)
{
    if (following && count < MOST)
        noted[count++] = what;
}

void __cyg_profile_func_enter(void *function, void *from)
{
    (void)from;
    note((uintptr_t)function);
}

void __cyg_profile_func_exit(void *function, void *from)
{
    (void)function, (void)from;
    note(0);
}

void way_begin(void)
{
    count = 0;
    following = 1;
}

/* Writes a line for each: the offset within the extension, as addr2line takes it, or "<". -1 where
   that fails, or where there was no room for all. */
int way_end(const char *path)
{
    following = 0;
    FILE *file = count < MOST ? fopen(path, "w") : NULL;
    if (file == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        Dl_info info;
        if (noted[i] == 0)
            fputs("<\n", file);
        /* The object that holds the address: the extension, the only one that is instrumented. */
        else if (dladdr((const void *)noted[i], &info) != 0) /* NOLINT(performance-no-int-to-ptr) */
            fprintf(file, "%#zx\n", (size_t)(noted[i] - (uintptr_t)info.dli_fbase));
    }
    return fclose(file) == 0 ? 0 : -1;
}
