/* Long texts of results: out of line as their UTF-8, which is neither copied into the body nor
 * checked there, and is read from where the file is mapped. */
#ifndef LCPY_TEXT_H
#define LCPY_TEXT_H

#include "plain/cbor.h"
#include "result/buffer.h"
#include "result/result.h"

/* No character takes more than 4 bytes: a str of fewer is not out of line. */
#define LCPY_TEXT_MIN (LCPY_OUT_OF_LINE / 4)

/* A str of LCPY_TEXT_MIN characters or more, in the body or as the next buffer. DONE, or ERROR with
 * an exception. */
lcpy_written lcpy_text_write(lcpy_encoded *out, PyObject *text);

/* After the head of a TAG_TEXT_BUFFER. New reference, or NULL with an exception. */
PyObject *lcpy_text_read(lcpy_buffer_source *from, locache_cbor_reader *reader);
/* After the head of a TAG_SURROGATES, whose bytes may be here or out of line. Likewise. */
PyObject *lcpy_text_read_surrogates(lcpy_buffer_source *from, locache_cbor_reader *reader);

#endif
