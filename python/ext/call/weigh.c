/* Whether it pays to keep a function's results.
 *
 * A run that stores a result before it found one adds a byte of its process's number to
 * `.locache/unread` beside the results; one that found some before it stores any takes that file
 * away. So a run pays for it once for each function, when it has computed something, and no hit
 * does. Where some runs are counted, locache._weigh looks at the entries, whose times of access say
 * whether anybody read one, and at their keys, which say what differs. */
#include "call/weigh.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call/warn.h"

/* So many runs before this one are no chance. */
#define RUNS 3
/* So many bytes: it was said, or so many runs found nothing that could be said. */
#define SAID 64

#define RECORD ".locache/unread"

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

/* Enough of the process to tell it from the one before. */
static unsigned char mark(void)
{
    return (unsigned char)getpid();
}

static void add_bytes(int fd, size_t size)
{
    unsigned char bytes[SAID];
    memset(bytes, mark(), sizeof bytes);
    (void)!write(fd, bytes, size); /* not counted is not said */
}

/* The function may be made again and again, as by a cell of a notebook. */
static bool was_counted(int fd, off_t size)
{
    unsigned char last;
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last == mark();
}

static int say(lcpy_persisted *self, const char *text)
{
    locache_error error = {.status = LOCACHE_OK};
    (void)snprintf(error.message, sizeof error.message, "%s", text);
    self->errors--; /* nothing went wrong */
    return lcpy_warn(self, LCPY_TROUBLE_UNREAD, &error, NULL);
}

/* `runs` stored results and found none. */
static int weigh(lcpy_persisted *self, int fd, const char *directory, long long runs)
{
    PyObject *told = ask(directory, runs);
    if (told == NULL)
        return lcpy_warn_count(self);
    const char *text = PyUnicode_Check(told) ? PyUnicode_AsUTF8(told) : NULL;
    int status = 0;
    if (told == Py_None)
        (void)!ftruncate(fd, 0);
    else
        add_bytes(fd, text != NULL && text[0] != '\0' ? SAID : 1);
    if (text != NULL && text[0] != '\0')
        status = say(self, text);
    Py_DECREF(told);
    return PyErr_Occurred() != NULL ? lcpy_warn_count(self) : status;
}

static int count_run(lcpy_persisted *self, const char *directory, const char *record)
{
    struct stat found;
    int status = 0;
    int fd = open(record, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return 0;
    if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_size < SAID &&
        !was_counted(fd, found.st_size)) {
        if (found.st_size < RUNS)
            add_bytes(fd, 1);
        else
            status = weigh(self, fd, directory, found.st_size);
    }
    (void)close(fd);
    return status;
}

int lcpy_weigh_first(lcpy_persisted *self, const lcpy_key *key)
{
    char directory[LOCACHE_PATH_MAX];
    char record[LOCACHE_PATH_MAX + sizeof RECORD];
    self->weighed = true;
    /* A use moves the times of entries that have an age. */
    if (self->cache == NULL || self->options.max_age > 0 ||
        locache_path(directory, self->cache, key->writer.data, key->writer.length, NULL) !=
            LOCACHE_OK)
        return 0;
    *strrchr(directory, '/') = '\0';
    (void)snprintf(record, sizeof record, "%s/" RECORD, directory);
    if (self->hits > 0)
        (void)unlink(record);
    else if (!is_worker())
        return count_run(self, directory, record);
    return 0;
}
