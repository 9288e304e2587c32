/* What a version is made of, as a note for who asks later what changed. */
#ifndef LCPY_NOTE_H
#define LCPY_NOTE_H

#include "call/persisted.h"

/* Of what the function is and reaches now (locache._parts): new bytes. NULL without an exception
 * where there is nothing to say, or no way to; with one that is not the cache's to keep back. */
PyObject *lcpy_note_of_parts(lcpy_persisted *self);
/* The same of a version that is no more than a text. */
PyObject *lcpy_note_of_version(lcpy_persisted *self);

#endif
