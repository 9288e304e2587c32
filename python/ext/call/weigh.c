/* Whether it pays to keep a function's results.
 *
 * The core counts the runs that stored results and found none. Where there are some,
 * locache._weigh looks at the entries, whose times of access say whether anybody read one, and at
 * their keys, which say what differs. Of a run this is asked once for each function, when it has
 * computed something. */
#include "call/weigh.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call/warn.h"

/* So many runs before this one are no chance. */
#define RUNS 3

/* The process that loaded this. */
static pid_t loaded_by;

int lcpy_weigh_exec(PyObject *module)
{
    (void)module;
    if (loaded_by == 0)
        loaded_by = getpid();
    return 0;
}

/* Of one run there may be many processes, each with its share of the calls: forked ones, and those
 * that multiprocessing starts. */
static bool is_worker(void)
{
    if (getpid() != loaded_by)
        return true;
    PyObject *name = PyUnicode_FromString("multiprocessing.process");
    PyObject *module = name != NULL ? PyImport_GetModule(name) : NULL;
    PyObject *parent = module != NULL ? PyObject_CallMethod(module, "parent_process", NULL) : NULL;
    bool found = parent != NULL && parent != Py_None;
    Py_XDECREF(parent);
    Py_XDECREF(module);
    Py_XDECREF(name);
    PyErr_Clear();
    return found;
}

/* What locache._weigh says of the directory: a text; or None. New reference, or NULL with an
 * exception. */
static PyObject *ask(const char *directory, long long runs)
{
    PyObject *module = PyImport_ImportModule("locache._weigh");
    PyObject *path = module != NULL ? PyUnicode_DecodeFSDefault(directory) : NULL;
    PyObject *told = path != NULL ? PyObject_CallMethod(module, "told", "OL", path, runs) : NULL;
    Py_XDECREF(path);
    Py_XDECREF(module);
    return told;
}

static int say(lcpy_persisted *self, const char *text)
{
    locache_error error = {.status = LOCACHE_OK};
    (void)snprintf(error.message, sizeof error.message, "%s", text);
    self->errors--; /* nothing went wrong */
    return lcpy_warn(self, LCPY_TROUBLE_UNREAD, &error, NULL);
}

/* The directory that has the call's result. */
static bool find_directory(char out[LOCACHE_PATH_MAX], lcpy_persisted *self, const lcpy_key *key)
{
    if (locache_path(out, self->cache, key->writer.data, key->writer.length, NULL) != LOCACHE_OK)
        return false;
    *strrchr(out, '/') = '\0';
    return true;
}

/* `runs` stored results and found none. */
static int weigh(lcpy_persisted *self, const lcpy_key *key, int64_t runs)
{
    char directory[LOCACHE_PATH_MAX];
    if (!find_directory(directory, self, key))
        return 0;
    PyObject *told = ask(directory, runs);
    const char *text = told != NULL && told != Py_None ? PyUnicode_AsUTF8(told) : NULL;
    int status = 0;
    if (told == Py_None)
        (void)locache_count_run(self->cache, LOCACHE_RUN_READ);
    if (text != NULL && text[0] != '\0') {
        (void)locache_count_run(self->cache, LOCACHE_RUN_SAID);
        status = say(self, text);
    }
    Py_XDECREF(told);
    return PyErr_Occurred() != NULL ? lcpy_warn_count(self) : status;
}

int lcpy_weigh_first(lcpy_persisted *self, const lcpy_key *key)
{
    self->weighed = true;
    /* A use moves the times of entries that have an age. */
    if (self->cache == NULL || self->options.max_age > 0)
        return 0;
    if (self->hits > 0) {
        (void)locache_count_run(self->cache, LOCACHE_RUN_READ);
        return 0;
    }
    int64_t runs = is_worker() ? -1 : locache_count_run(self->cache, LOCACHE_RUN_UNREAD);
    return runs >= RUNS ? weigh(self, key, runs) : 0;
}
