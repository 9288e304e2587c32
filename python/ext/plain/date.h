/* datetime.datetime, date, time and timedelta as CBOR: texts of RFC 3339 and RFC 8943, a duration
 * as its three counts. */
#ifndef LCPY_DATE_H
#define LCPY_DATE_H

#include "plain/cbor.h"
#include "plain/types.h"

/* class_of: LCPY_DATETIME, _DATE, _TIME or _TIMEDELTA, which is the value's exact type. NOT_EXACT
 * where the text cannot say it all: a zone that is no fixed offset of whole minutes, any zone of a
 * time, fold=1. */
lcpy_written lcpy_date_write(locache_cbor_writer *writer, PyObject *value, lcpy_class class_of);

/* The way back for LOCACHE_TAG_DATETIME, _LOCALTIME, _DATE, _TIME and _DURATION, whose head has
 * been read. New reference, or NULL with ValueError on what the write does not make. */
PyObject *lcpy_date_read(lcpy_state *state, locache_cbor_reader *reader, uint64_t tag);

#endif
