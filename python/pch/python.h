/* What takes most of the time that a file of the extension is compiled in. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
