/* What to do about an object that cannot be part of a key. */
#ifndef LCPY_ADVICE_H
#define LCPY_ADVICE_H

#include "state.h"

/* Half a sentence that fits the object, as "pass its path instead". Static. */
const char *lcpy_advice_for(PyObject *object);

#endif
