/* datetime, date, time and timedelta as CBOR.
 *
 * Moments are texts of RFC 3339, whose tags any CBOR tool knows; a datetime without a zone has a
 * tag of its own, since RFC 3339 asks for an offset. A zone that has a name (zoneinfo) is more than
 * its offset at one moment: such values have no exact form here and go by pickle, or into a key as
 * objects.
 *
 * The accessors of datetime.h that are used here read the structures of datetime's types, which are
 * the same for all; none needs the interface that PyDateTime_IMPORT loads. */
#include "plain/date.h"

#include <datetime.h>
#include <string.h>

#define MOMENT_MAX 40 /* "2000-01-02T03:04:05.000006+07:08" is 32 */

/* -------------------------------------------------------------------------------------- writing */

static void write_moment(locache_cbor_writer *writer, uint64_t tag, const char *text)
{
    locache_cbor_write_tag(writer, tag);
    lcpy_cbor_write_text(writer, text);
}

/* The offset in minutes of a timezone without a name of its own. 1, 0 where it is something else,
 * -1 with an exception. */
static int fixed_offset(int *minutes, PyObject *zone)
{
    int result = 0;
    PyObject *parts;

    /* A static type of C: nothing else has this name. */
    if (strcmp(Py_TYPE(zone)->tp_name, "datetime.timezone") != 0 ||
        PyType_HasFeature(Py_TYPE(zone), Py_TPFLAGS_HEAPTYPE))
        return 0;
    parts = PyObject_CallMethod(zone, "__getinitargs__", NULL);
    if (parts == NULL)
        return -1;
    if (PyTuple_Check(parts) && PyTuple_GET_SIZE(parts) == 1) {
        PyObject *offset = PyTuple_GET_ITEM(parts, 0);
        /* Less than a day in each direction. */
        int seconds =
            PyDateTime_DELTA_GET_DAYS(offset) * 86400 + PyDateTime_DELTA_GET_SECONDS(offset);

        *minutes = seconds / 60;
        result = seconds % 60 == 0 && PyDateTime_DELTA_GET_MICROSECONDS(offset) == 0;
    }
    Py_DECREF(parts);
    return result;
}

/* HH:MM:SS[.ffffff]; returns its length. */
static size_t format_clock(char out[MOMENT_MAX], int hour, int minute, int second, int microsecond)
{
    int size = snprintf(out, MOMENT_MAX, "%02d:%02d:%02d", hour, minute, second);

    if (microsecond != 0)
        size += snprintf(out + size, MOMENT_MAX - (size_t)size, ".%06d", microsecond);
    return (size_t)size;
}

static size_t format_date(char out[MOMENT_MAX], PyObject *value)
{
    return (size_t)snprintf(out, MOMENT_MAX, "%04d-%02d-%02d", PyDateTime_GET_YEAR(value),
                            PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value));
}

static lcpy_written write_datetime(locache_cbor_writer *writer, PyObject *value)
{
    /* A date, a clock and an offset, each of less than MOMENT_MAX. */
    char text[2 * MOMENT_MAX];
    PyObject *zone = PyDateTime_DATE_GET_TZINFO(value);
    int minutes = 0;
    int fixed = 1;
    size_t size;

    /* the second of two equal times where clocks are turned back: the text has no place for it */
    if (PyDateTime_DATE_GET_FOLD(value))
        return LCPY_NOT_EXACT;
    if (zone != Py_None && (fixed = fixed_offset(&minutes, zone)) <= 0)
        return fixed < 0 ? LCPY_ERROR : LCPY_NOT_EXACT;
    size = format_date(text, value);
    text[size++] = 'T';
    size += format_clock(text + size, PyDateTime_DATE_GET_HOUR(value),
                         PyDateTime_DATE_GET_MINUTE(value), PyDateTime_DATE_GET_SECOND(value),
                         PyDateTime_DATE_GET_MICROSECOND(value));
    if (zone != Py_None && minutes == 0) {
        snprintf(text + size, sizeof text - size, "Z");
    } else if (zone != Py_None) {
        int magnitude = abs(minutes);

        snprintf(text + size, sizeof text - size, "%c%02d:%02d", minutes < 0 ? '-' : '+',
                 magnitude / 60, magnitude % 60);
    }
    write_moment(writer, zone == Py_None ? LOCACHE_TAG_LOCALTIME : LOCACHE_TAG_DATETIME, text);
    return LCPY_DONE;
}

static lcpy_written write_date(locache_cbor_writer *writer, PyObject *value)
{
    char text[MOMENT_MAX];

    format_date(text, value);
    write_moment(writer, LOCACHE_TAG_DATE, text);
    return LCPY_DONE;
}

/* A time may have a zone, which says nothing without a date: no tag holds it. */
static lcpy_written write_time(locache_cbor_writer *writer, PyObject *value)
{
    char text[MOMENT_MAX];

    if (PyDateTime_TIME_GET_FOLD(value) || PyDateTime_TIME_GET_TZINFO(value) != Py_None)
        return LCPY_NOT_EXACT;
    format_clock(text, PyDateTime_TIME_GET_HOUR(value), PyDateTime_TIME_GET_MINUTE(value),
                 PyDateTime_TIME_GET_SECOND(value), PyDateTime_TIME_GET_MICROSECOND(value));
    write_moment(writer, LOCACHE_TAG_TIME, text);
    return LCPY_DONE;
}

/* [days, seconds, microseconds], as Python keeps them: normalised, only days are negative. */
static lcpy_written write_timedelta(locache_cbor_writer *writer, PyObject *value)
{
    locache_cbor_write_tag(writer, LOCACHE_TAG_DURATION);
    locache_cbor_write_array(writer, 3);
    locache_cbor_write_int(writer, PyDateTime_DELTA_GET_DAYS(value));
    locache_cbor_write_int(writer, PyDateTime_DELTA_GET_SECONDS(value));
    locache_cbor_write_int(writer, PyDateTime_DELTA_GET_MICROSECONDS(value));
    return LCPY_DONE;
}

lcpy_written lcpy_date_write(locache_cbor_writer *writer, PyObject *value, lcpy_class class_of)
{
    switch (class_of) {
    case LCPY_DATETIME:
        return write_datetime(writer, value);
    case LCPY_DATE:
        return write_date(writer, value);
    case LCPY_TIME:
        return write_time(writer, value);
    case LCPY_TIMEDELTA:
        return write_timedelta(writer, value);
    default:
        return LCPY_NOT_EXACT;
    }
}

/* -------------------------------------------------------------------------------------- reading */

/* Only what the writer writes is taken: one text for each value, so that an entry that was read and
 * is written again has the same bytes. Whether a day is in the calendar the constructor says. */

/* Exactly `width` decimal digits, which *at is moved past. */
static bool parse_number(int *out, const char **at, const char *end, int width)
{
    *out = 0;
    if (end - *at < width)
        return false;
    for (int i = 0; i < width; i++) {
        char digit = *(*at)++;

        if (digit < '0' || digit > '9')
            return false;
        *out = *out * 10 + (digit - '0');
    }
    return true;
}

/* *at is moved past the character even where it is another: the text is refused then. */
static bool parse_char(const char **at, const char *end, char expected)
{
    return *at < end && *(*at)++ == expected;
}

typedef struct moment {
    int year, month, day, hour, minute, second, microsecond;
} moment;

/* YYYY-MM-DD */
static bool parse_date(moment *out, const char **at, const char *end)
{
    return parse_number(&out->year, at, end, 4) && parse_char(at, end, '-') &&
           parse_number(&out->month, at, end, 2) && parse_char(at, end, '-') &&
           parse_number(&out->day, at, end, 2);
}

/* HH:MM:SS[.ffffff], no fraction of zero */
static bool parse_clock(moment *out, const char **at, const char *end)
{
    if (!parse_number(&out->hour, at, end, 2) || !parse_char(at, end, ':') ||
        !parse_number(&out->minute, at, end, 2) || !parse_char(at, end, ':') ||
        !parse_number(&out->second, at, end, 2))
        return false;
    out->microsecond = 0;
    if (*at == end || **at != '.')
        return true;
    ++*at;
    return parse_number(&out->microsecond, at, end, 6) && out->microsecond != 0;
}

/* "Z" or "+HH:MM", in minutes; nothing else stands for no offset. */
static bool parse_offset(int *out, const char **at, const char *end)
{
    int hours, minutes;

    *out = 0;
    if (*at < end && **at == 'Z') {
        ++*at;
        return true;
    }
    if (*at == end || (**at != '+' && **at != '-'))
        return false;
    bool negative = *(*at)++ == '-';
    if (!parse_number(&hours, at, end, 2) || !parse_char(at, end, ':') ||
        !parse_number(&minutes, at, end, 2) || hours > 23 || minutes > 59)
        return false;
    *out = negative ? -(hours * 60 + minutes) : hours * 60 + minutes;
    return *out != 0;
}

/* datetime.timezone.utc itself for 0, as for every Python program. */
static PyObject *new_zone(PyDateTime_CAPI *api, int minutes)
{
    if (minutes == 0)
        return Py_NewRef(api->TimeZone_UTC);
    PyObject *offset = api->Delta_FromDelta(0, minutes * 60, 0, 1, api->DeltaType);
    PyObject *zone = offset == NULL ? NULL : api->TimeZone_FromTimeZone(offset, NULL);

    Py_XDECREF(offset);
    return zone;
}

/* Steals zone, which may be NULL with an exception. */
static PyObject *new_datetime(PyDateTime_CAPI *api, const moment *m, PyObject *zone)
{
    PyObject *value =
        zone == NULL
            ? NULL
            : api->DateTime_FromDateAndTime(m->year, m->month, m->day, m->hour, m->minute,
                                            m->second, m->microsecond, zone, api->DateTimeType);
    Py_XDECREF(zone);
    return value;
}

/* All four kinds: which parts the text has is told by the tag, and all of it must be used. */
static PyObject *read_moment(PyDateTime_CAPI *api, locache_cbor_reader *reader, uint64_t tag)
{
    locache_cbor_item item;
    moment m = {0};
    int minutes = 0;
    PyObject *value;

    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_TEXT))
        return lcpy_cbor_refuse("date or time");
    const char *at = (const char *)item.data;
    const char *end = at + item.size;
    /* Which parts there are the tag says. */
    bool has_date = tag != LOCACHE_TAG_TIME;
    bool has_clock = tag != LOCACHE_TAG_DATE;

    if ((has_date && !parse_date(&m, &at, end)) ||
        (has_date && has_clock && !parse_char(&at, end, 'T')) ||
        (has_clock && !parse_clock(&m, &at, end)) ||
        (tag == LOCACHE_TAG_DATETIME && !parse_offset(&minutes, &at, end)) || at != end)
        return lcpy_cbor_refuse("date or time");
    if (!has_clock) {
        value = api->Date_FromDate(m.year, m.month, m.day, api->DateType);
    } else if (!has_date) {
        value =
            api->Time_FromTime(m.hour, m.minute, m.second, m.microsecond, Py_None, api->TimeType);
    } else {
        value = new_datetime(
            api, &m, tag == LOCACHE_TAG_DATETIME ? new_zone(api, minutes) : Py_NewRef(Py_None));
    }
    return value != NULL ? value : lcpy_cbor_refuse("date or time");
}

/* Within the limits of timedelta, and normalised. */
static PyObject *read_timedelta(PyDateTime_CAPI *api, locache_cbor_reader *reader)
{
    int64_t days, seconds, microseconds;

    if (!lcpy_cbor_take_array(reader, 3) || !lcpy_cbor_take_int64(&days, reader) ||
        !lcpy_cbor_take_int64(&seconds, reader) || !lcpy_cbor_take_int64(&microseconds, reader) ||
        days < -999999999 || days > 999999999 || seconds < 0 || seconds >= 86400 ||
        microseconds < 0 || microseconds >= 1000000)
        return lcpy_cbor_refuse("duration");
    return api->Delta_FromDelta((int)days, (int)seconds, (int)microseconds, 0, api->DeltaType);
}

/* Not PyDateTime_IMPORT: it keeps the interface in a static variable of this file, where it is left
 * unset if the import fails, and which is there for one interpreter. Looked up once, since an
 * import takes longer than all else that a date needs. NULL with an exception. */
static PyDateTime_CAPI *interface_of(lcpy_state *state)
{
    if (state->datetime == NULL) {
        PyObject *module = PyImport_ImportModule("datetime");

        if (module != NULL)
            state->datetime = PyObject_GetAttrString(module, "datetime_CAPI");
        Py_XDECREF(module);
    }
    return state->datetime != NULL ? PyCapsule_GetPointer(state->datetime, PyDateTime_CAPSULE_NAME)
                                   : NULL;
}

PyObject *lcpy_date_read(lcpy_state *state, locache_cbor_reader *reader, uint64_t tag)
{
    PyDateTime_CAPI *api = interface_of(state);

    if (api == NULL)
        return NULL;
    return tag == LOCACHE_TAG_DURATION ? read_timedelta(api, reader)
                                       : read_moment(api, reader, tag);
}
