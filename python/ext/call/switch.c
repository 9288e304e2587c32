/* Whether a function's cache is used, and whether where it is has changed. What LOCACHE and
 * disabled() mean is Python's to say (locache._switch); here is when to ask. */
#include "call/switch.h"

#include <string.h>

#include "plain/names.h"

#define OFF "LOCACHE"
#define DIRECTORY "LOCACHE_DIR"

static char *no_variables[1];

void lcpy_switch_init(lcpy_state *state)
{
    state->watch =
        (lcpy_watch){.end = no_variables, .slots = {no_variables, no_variables, no_variables}};
}

void lcpy_switch_clear(lcpy_state *state)
{
    PyMem_Free(state->watch.rules);
    PyMem_Free(state->watch.directory);
    lcpy_switch_init(state);
}

static bool is_variable(const char *pair, const char *name)
{
    size_t size = strlen(name);
    /* Most variables differ in their first letter, and there are many. */
    return *pair == *name && strncmp(pair, name, size) == 0 && pair[size] == '=';
}

/* 1: *now is another value than it was; 0; or -1 with an exception. */
static int take_value(char **now, char *const *slot, const char *name)
{
    const char *value = *slot != NULL && is_variable(*slot, name) ? *slot + strlen(name) + 1 : "";
    if (strcmp(value, *now != NULL ? *now : "") == 0)
        return 0;
    size_t size = strlen(value) + 1;
    char *copy = PyMem_Realloc(*now, size);
    if (copy == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(copy, value, size);
    *now = copy;
    return 1;
}

static int read_environment(lcpy_watch *watch)
{
    lcpy_watch now = {.generation = watch->generation};
    char **variables = environ != NULL ? environ : no_variables;
    size_t count = 0;
    now.environment = environ;
    for (; variables[count] != NULL; count++) {
        if (is_variable(variables[count], OFF))
            now.slots[1] = &variables[count];
        else if (is_variable(variables[count], DIRECTORY))
            now.slots[2] = &variables[count];
    }
    now.end = &variables[count];
    now.is_set = now.slots[1] != NULL || now.slots[2] != NULL;
    now.slots[0] = count > 0 ? &variables[count - 1] : now.end;
    for (int i = 0; i < 3; i++) {
        if (now.slots[i] == NULL)
            now.slots[i] = now.slots[0];
        now.values[i] = *now.slots[i];
    }
    int rules = take_value(&watch->rules, now.slots[1], OFF);
    int moved = take_value(&watch->directory, now.slots[2], DIRECTORY);
    if (rules < 0 || moved < 0)
        return -1;
    now.moved = watch->moved + (unsigned)moved;
    now.active = watch->active;
    now.rules = watch->rules;
    now.directory = watch->directory;
    if (rules || moved || now.generation == 0)
        now.generation++;
    *watch = now;
    return 0;
}

PyObject *lcpy_switch_set(PyObject *module, PyObject *active)
{
    lcpy_watch *watch = &((lcpy_state *)PyModule_GetState(module))->watch;
    int told = PyObject_IsTrue(active);
    if (told < 0)
        return NULL;
    watch->active = told != 0;
    watch->generation++;
    return Py_NewRef(Py_None);
}

/* locache._switch.mode(): what it says of this function now. */
static int ask_mode(lcpy_persisted *self)
{
    PyObject *module = PyImport_ImportModule("locache._switch");
    const lcpy_watch *watch = &self->state->watch;
    PyObject *rules = PyBytes_FromString(watch->rules != NULL ? watch->rules : "");
    PyObject *enabled = self->options.enabled != NULL ? self->options.enabled : Py_True;
    /* a script's functions are called by its name, too, as in paths */
    PyObject *shown = lcpy_names_module(self->state, self->target.module);
    PyObject *mode = NULL;
    if (module != NULL && rules != NULL && shown != NULL)
        mode = PyObject_CallMethod(module, "mode", "(OO)OOO", self->target.module, shown,
                                   self->target.qualname, enabled, rules);
    long number = mode != NULL ? PyLong_AsLong(mode) : -1;
    Py_XDECREF(mode);
    Py_XDECREF(shown);
    Py_XDECREF(rules);
    Py_XDECREF(module);
    if (number < 0)
        return -1;
    self->mode = (lcpy_mode)number;
    return 0;
}

int lcpy_switch_refresh(lcpy_persisted *self)
{
    lcpy_watch *watch = &self->state->watch;
    if (read_environment(watch) < 0)
        return -1;
    bool moved = self->moved != watch->moved && self->where.directory == NULL;
    self->moved = watch->moved;
    bool ruled = watch->rules != NULL && *watch->rules != '\0';
    if (!ruled && !watch->active && self->options.enabled == NULL) {
        self->mode = LCPY_AS_ALWAYS;
        self->seen = watch->generation;
        return moved;
    }
    return ask_mode(self) < 0 ? -1 : moved;
}
