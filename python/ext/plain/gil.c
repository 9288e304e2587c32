/* Which thread is within the core without the interpreter's lock. */
#include "plain/gil.h"

_Thread_local PyThreadState *lcpy_gil_released;
