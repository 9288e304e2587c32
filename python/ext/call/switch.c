/* Whether a function's cache is used, and whether where it is has changed. What LOCACHE and
 * disabled() mean is Python's to say (locache._switch); here is when to ask. */
#include "call/switch.h"

#include <string.h>

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
    Py_CLEAR(state->rules);
    Py_CLEAR(state->directory);
}

static bool is_variable(const char *pair, const char *name)
{
    size_t size = strlen(name);
    return strncmp(pair, name, size) == 0 && pair[size] == '=';
}

/* 1: *now is another value than it was; 0; or -1 with an exception. */
static int take_value(PyObject **now, char *const *slot, const char *name)
{
    const char *value = *slot != NULL && is_variable(*slot, name) ? *slot + strlen(name) + 1 : "";
    const char *before = *now != NULL ? PyBytes_AS_STRING(*now) : "";
    if (strcmp(value, before) == 0)
        return 0;
    PyObject *bytes = PyBytes_FromString(value);
    if (bytes == NULL)
        return -1;
    Py_XSETREF(*now, bytes);
    return 1;
}

static int read_environment(lcpy_state *state)
{
    lcpy_watch now = {.generation = state->watch.generation};
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
    now.slots[0] = count > 0 ? &variables[count - 1] : now.end;
    for (int i = 0; i < 3; i++) {
        if (now.slots[i] == NULL)
            now.slots[i] = now.slots[0];
        now.values[i] = *now.slots[i];
    }
    int rules = take_value(&state->rules, now.slots[1], OFF);
    int moved = take_value(&state->directory, now.slots[2], DIRECTORY);
    if (rules < 0 || moved < 0)
        return -1;
    state->moved += (unsigned)moved;
    if (rules || moved || now.generation == 0)
        now.generation++;
    state->watch = now;
    return 0;
}

PyObject *lcpy_switch_set(PyObject *module, PyObject *active)
{
    lcpy_state *state = PyModule_GetState(module);
    int told = PyObject_IsTrue(active);
    if (told < 0)
        return NULL;
    state->active = told != 0;
    state->watch.generation++;
    return Py_NewRef(Py_None);
}

/* locache._switch.mode(): what it says of this function now. */
static int ask_mode(lcpy_persisted *self)
{
    const lcpy_state *state = self->state;
    PyObject *module = PyImport_ImportModule("locache._switch");
    PyObject *rules = state->rules != NULL ? Py_NewRef(state->rules) : PyBytes_FromString("");
    PyObject *enabled = self->options.enabled != NULL ? self->options.enabled : Py_True;
    PyObject *mode = NULL;
    if (module != NULL && rules != NULL)
        mode = PyObject_CallMethod(module, "mode", "OOOO", self->target.module,
                                   self->target.qualname, enabled, rules);
    long number = mode != NULL ? PyLong_AsLong(mode) : -1;
    Py_XDECREF(mode);
    Py_XDECREF(rules);
    Py_XDECREF(module);
    if (number < 0)
        return -1;
    self->mode = (lcpy_mode)number;
    return 0;
}

int lcpy_switch_refresh(lcpy_persisted *self)
{
    lcpy_state *state = self->state;
    if (read_environment(state) < 0)
        return -1;
    bool moved = self->moved != state->moved && self->where.directory == NULL;
    self->moved = state->moved;
    bool ruled = state->rules != NULL && PyBytes_GET_SIZE(state->rules) > 0;
    if (!ruled && !state->active && self->options.enabled == NULL) {
        self->mode = LCPY_AS_ALWAYS;
        self->seen = state->watch.generation;
        return moved;
    }
    return ask_mode(self) < 0 ? -1 : moved;
}
