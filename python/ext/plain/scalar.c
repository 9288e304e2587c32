#include "plain/scalar.h"

#include <datetime.h>
#include <string.h>

/* The least limit that an interpreter may put on decimal digits of an int
 * (sys.int_info.str_digits_check_threshold): a decimal with more digits is kept as text, so that
 * none is ever over it. */
#define MANTISSA_DIGITS_MAX 640
#define MANTISSA_BYTES_MAX 266 /* holds 10^640 */
#define MOMENT_MAX 40          /* "2000-01-02T03:04:05.000006+07:08" is 32 */

/* -------------------------------------------------------------------------------------- writing */

static lcpy_written write_big_int(locache_writer *writer, PyObject *value, bool negative)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *magnitude = PyNumber_Absolute(value);
    PyObject *bits = magnitude == NULL ? NULL : PyObject_CallMethod(magnitude, "bit_length", NULL);
    Py_ssize_t size = bits == NULL ? -1 : PyLong_AsSsize_t(bits);
    PyObject *bytes =
        size < 0 ? NULL : PyObject_CallMethod(magnitude, "to_bytes", "ns", size / 8 + 1, "big");

    if (bytes != NULL) {
        locache_write_bigint(writer, negative, PyBytes_AS_STRING(bytes),
                             (size_t)PyBytes_GET_SIZE(bytes));
        result = LCPY_DONE;
    }
    Py_XDECREF(bytes);
    Py_XDECREF(bits);
    Py_XDECREF(magnitude);
    return result;
}

/* An exact int. */
static lcpy_written write_int(locache_writer *writer, PyObject *value)
{
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(value, &overflow);

    if (overflow != 0)
        return write_big_int(writer, value, overflow < 0);
    locache_write_int(writer, small);
    return LCPY_DONE;
}

static lcpy_written write_surrogates(locache_writer *writer, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");

    if (bytes == NULL)
        return LCPY_ERROR;
    locache_write_tag(writer, LOCACHE_TAG_SURROGATES);
    locache_write_bytes(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return LCPY_DONE;
}

static lcpy_written write_str(locache_writer *writer, PyObject *value)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);

    if (text != NULL) {
        locache_write_text(writer, text, (size_t)size);
        return LCPY_DONE;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return LCPY_ERROR;
    PyErr_Clear();
    return write_surrogates(writer, value);
}

static void write_tagged_text(locache_writer *writer, uint64_t tag, const char *text)
{
    locache_write_tag(writer, tag);
    locache_write_text(writer, text, strlen(text));
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

static lcpy_written write_datetime(locache_writer *writer, PyObject *value)
{
    char text[2 * MOMENT_MAX];
    PyObject *zone = PyDateTime_DATE_GET_TZINFO(value);
    int minutes = 0;
    int fixed = 1;
    size_t size;

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
    write_tagged_text(writer, zone == Py_None ? LOCACHE_TAG_LOCALTIME : LOCACHE_TAG_DATETIME, text);
    return LCPY_DONE;
}

static lcpy_written write_date(locache_writer *writer, PyObject *value)
{
    char text[MOMENT_MAX];

    format_date(text, value);
    write_tagged_text(writer, LOCACHE_TAG_DATE, text);
    return LCPY_DONE;
}

static lcpy_written write_time(locache_writer *writer, PyObject *value)
{
    char text[MOMENT_MAX];

    if (PyDateTime_TIME_GET_FOLD(value) || PyDateTime_TIME_GET_TZINFO(value) != Py_None)
        return LCPY_NOT_EXACT;
    format_clock(text, PyDateTime_TIME_GET_HOUR(value), PyDateTime_TIME_GET_MINUTE(value),
                 PyDateTime_TIME_GET_SECOND(value), PyDateTime_TIME_GET_MICROSECOND(value));
    write_tagged_text(writer, LOCACHE_TAG_TIME, text);
    return LCPY_DONE;
}

static lcpy_written write_timedelta(locache_writer *writer, PyObject *value)
{
    locache_write_tag(writer, LOCACHE_TAG_DURATION);
    locache_write_array(writer, 3);
    locache_write_int(writer, PyDateTime_DELTA_GET_DAYS(value));
    locache_write_int(writer, PyDateTime_DELTA_GET_SECONDS(value));
    locache_write_int(writer, PyDateTime_DELTA_GET_MICROSECONDS(value));
    return LCPY_DONE;
}

/* The digits of Decimal.as_tuple() with their sign, as an int. NULL with an exception; NULL without
 * where there are too many of them. */
static PyObject *mantissa_of(PyObject *digits, bool negative)
{
    char text[1 + MANTISSA_DIGITS_MAX + 1];
    Py_ssize_t count = PyTuple_GET_SIZE(digits);

    if (count > MANTISSA_DIGITS_MAX)
        return NULL;
    text[0] = negative ? '-' : '+';
    for (Py_ssize_t i = 0; i < count; i++)
        text[1 + i] = (char)('0' + PyLong_AsLong(PyTuple_GET_ITEM(digits, i)));
    text[1 + count] = '\0';
    return PyLong_FromString(text, NULL, 10);
}

static lcpy_written write_decimal_text(locache_writer *writer, PyObject *value)
{
    PyObject *text = PyObject_Str(value);
    const char *ascii = text == NULL ? NULL : PyUnicode_AsUTF8(text);

    if (ascii != NULL)
        write_tagged_text(writer, LOCACHE_TAG_DECIMAL_TEXT, ascii);
    Py_XDECREF(text);
    return ascii == NULL ? LCPY_ERROR : LCPY_DONE;
}

static lcpy_written write_decimal(locache_writer *writer, PyObject *value)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *parts = PyObject_CallMethod(value, "as_tuple", NULL);
    PyObject *mantissa = NULL;

    if (parts == NULL || !PyTuple_Check(parts) || PyTuple_GET_SIZE(parts) != 3)
        goto done;
    PyObject *exponent = PyTuple_GET_ITEM(parts, 2); /* 'F', 'n', 'N' for what is no number */
    int negative = PyObject_IsTrue(PyTuple_GET_ITEM(parts, 0));

    if (PyLong_CheckExact(exponent) && PyTuple_Check(PyTuple_GET_ITEM(parts, 1))) {
        mantissa = mantissa_of(PyTuple_GET_ITEM(parts, 1), negative);
        if (mantissa == NULL && PyErr_Occurred() != NULL)
            goto done;
    }
    if (mantissa == NULL || (negative && !PyObject_IsTrue(mantissa))) {
        result = write_decimal_text(writer, value);
        goto done;
    }
    locache_write_tag(writer, LOCACHE_TAG_DECIMAL);
    locache_write_array(writer, 2);
    result = write_int(writer, exponent);
    if (result == LCPY_DONE)
        result = write_int(writer, mantissa);
done:
    Py_XDECREF(mantissa);
    Py_XDECREF(parts);
    return result;
}

static lcpy_written write_fraction(locache_writer *writer, PyObject *value)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *numerator = PyObject_GetAttrString(value, "numerator");
    PyObject *denominator = numerator == NULL ? NULL : PyObject_GetAttrString(value, "denominator");

    if (denominator == NULL)
        goto done;
    if (!PyLong_CheckExact(numerator) || !PyLong_CheckExact(denominator)) {
        result = LCPY_NOT_EXACT; /* Fraction(True) keeps its bool in some versions */
        goto done;
    }
    locache_write_tag(writer, LOCACHE_TAG_RATIONAL);
    locache_write_array(writer, 2);
    result = write_int(writer, numerator);
    if (result == LCPY_DONE)
        result = write_int(writer, denominator);
done:
    Py_XDECREF(denominator);
    Py_XDECREF(numerator);
    return result;
}

static lcpy_written write_uuid(locache_writer *writer, PyObject *value)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *safe = PyObject_GetAttrString(value, "is_safe");
    PyObject *known = safe == NULL ? NULL : PyObject_GetAttrString(safe, "value");
    PyObject *bytes = known == NULL ? NULL : PyObject_GetAttrString(value, "bytes");

    if (bytes == NULL)
        goto done;
    if (known != Py_None || !PyBytes_CheckExact(bytes)) {
        result = LCPY_NOT_EXACT;
        goto done;
    }
    locache_write_tag(writer, LOCACHE_TAG_UUID);
    locache_write_bytes(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    result = LCPY_DONE;
done:
    Py_XDECREF(bytes);
    Py_XDECREF(known);
    Py_XDECREF(safe);
    return result;
}

static lcpy_written write_complex(locache_writer *writer, PyObject *value)
{
    Py_complex number = PyComplex_AsCComplex(value);

    locache_write_tag(writer, LOCACHE_TAG_COMPLEX);
    locache_write_array(writer, 2);
    locache_write_real(writer, number.real);
    locache_write_real(writer, number.imag);
    return LCPY_DONE;
}

static lcpy_written write_builtin(locache_writer *writer, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (lcpy_scalar_write_brief(writer, value))
        return LCPY_DONE;
    if (type == &PyLong_Type)
        return write_int(writer, value);
    if (type == &PyUnicode_Type)
        return write_str(writer, value);
    return type == &PyComplex_Type ? write_complex(writer, value) : LCPY_NOT_EXACT;
}

lcpy_written lcpy_scalar_write(lcpy_state *state, locache_writer *writer, PyObject *value,
                               lcpy_class class_of)
{
    (void)state;
    switch (class_of) {
    case LCPY_OTHER:
        return write_builtin(writer, value);
    case LCPY_DATETIME:
        return write_datetime(writer, value);
    case LCPY_DATE:
        return write_date(writer, value);
    case LCPY_TIME:
        return write_time(writer, value);
    case LCPY_TIMEDELTA:
        return write_timedelta(writer, value);
    case LCPY_DECIMAL:
        return write_decimal(writer, value);
    case LCPY_FRACTION:
        return write_fraction(writer, value);
    case LCPY_UUID:
        return write_uuid(writer, value);
    default:
        return LCPY_NOT_EXACT;
    }
}

/* -------------------------------------------------------------------------------------- reading */

/* An interrupt and a lack of memory say nothing of the content. */
static PyObject *bad(const char *what)
{
    if (PyErr_Occurred() == NULL ||
        (PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError)))
        PyErr_Format(PyExc_ValueError, "no %s as locache writes it", what);
    return NULL;
}

/* The next item, where it is of this kind. */
static bool take(locache_item *out, locache_reader *reader, locache_kind kind)
{
    return locache_read(out, reader) == LOCACHE_OK && out->kind == kind;
}

static bool take_array(locache_reader *reader, uint64_t count)
{
    locache_item item;

    return take(&item, reader, LOCACHE_ARRAY) && item.number == count;
}

static bool take_int64(int64_t *out, locache_reader *reader)
{
    locache_item item;

    if (locache_read(&item, reader) != LOCACHE_OK || item.number > INT64_MAX ||
        (item.kind != LOCACHE_UINT && item.kind != LOCACHE_NEGATIVE))
        return false;
    *out = item.kind == LOCACHE_UINT ? (int64_t)item.number : -1 - (int64_t)item.number;
    return true;
}

PyObject *lcpy_int_from_magnitude(int negative, const unsigned char *bytes, size_t size)
{
    PyObject *value = PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "y#s",
                                          (const char *)bytes, (Py_ssize_t)size, "big");

    if (value != NULL && negative)
        Py_SETREF(value, PyNumber_Invert(value));
    return value;
}

/* The content of tag 2 or 3: more than 64 bits, no leading zero. */
static PyObject *read_bignum(locache_reader *reader, bool negative)
{
    locache_item item;

    if (!take(&item, reader, LOCACHE_BYTES) || item.size <= sizeof(uint64_t) || item.data[0] == 0)
        return bad("integer");
    return lcpy_int_from_magnitude(negative, item.data, item.size);
}

/* An int of any size. */
static PyObject *read_int(locache_reader *reader)
{
    locache_item item;

    if (locache_read(&item, reader) != LOCACHE_OK)
        return bad("integer");
    switch (item.kind) {
    case LOCACHE_UINT:
        return PyLong_FromUnsignedLongLong(item.number);
    case LOCACHE_NEGATIVE: {
        PyObject *value = PyLong_FromUnsignedLongLong(item.number);

        if (value != NULL)
            Py_SETREF(value, PyNumber_Invert(value));
        return value;
    }
    case LOCACHE_TAG:
        if (item.number == LOCACHE_TAG_BIGNUM || item.number == LOCACHE_TAG_BIGNUM_NEG)
            return read_bignum(reader, item.number == LOCACHE_TAG_BIGNUM_NEG);
        return bad("integer");
    default:
        return bad("integer");
    }
}

static PyObject *read_complex(locache_reader *reader)
{
    locache_item real, imaginary;

    if (!take_array(reader, 2) || !take(&real, reader, LOCACHE_REAL) ||
        !take(&imaginary, reader, LOCACHE_REAL))
        return bad("complex number");
    return PyComplex_FromDoubles(real.real, imaginary.real);
}

static PyObject *read_surrogates(locache_reader *reader)
{
    locache_item item;
    PyObject *text;

    if (!take(&item, reader, LOCACHE_BYTES))
        return bad("text with surrogates");
    text = PyUnicode_DecodeUTF8((const char *)item.data, (Py_ssize_t)item.size, "surrogatepass");
    if (text != NULL && PyUnicode_AsUTF8(text) != NULL)
        Py_CLEAR(text); /* it has none */
    if (text == NULL)
        return bad("text with surrogates");
    PyErr_Clear();
    return text;
}

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

static bool parse_char(const char **at, const char *end, char expected)
{
    return *at < end && *(*at)++ == expected;
}

typedef struct moment {
    int year, month, day, hour, minute, second, microsecond;
} moment;

static bool parse_date(moment *out, const char **at, const char *end)
{
    return parse_number(&out->year, at, end, 4) && parse_char(at, end, '-') &&
           parse_number(&out->month, at, end, 2) && parse_char(at, end, '-') &&
           parse_number(&out->day, at, end, 2);
}

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

/* "Z" or "+HH:MM", in minutes. */
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

static PyObject *new_zone(PyDateTime_CAPI *api, int minutes)
{
    PyObject *offset = api->Delta_FromDelta(0, minutes * 60, 0, 1, api->DeltaType);
    PyObject *zone = offset == NULL ? NULL : api->TimeZone_FromTimeZone(offset, NULL);

    Py_XDECREF(offset);
    return zone;
}

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

static PyObject *read_moment(locache_reader *reader, uint64_t tag)
{
    PyDateTime_CAPI *api = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    locache_item item;
    moment m = {0};
    int minutes = 0;
    PyObject *value;

    if (api == NULL)
        return NULL;
    if (!take(&item, reader, LOCACHE_TEXT))
        return bad("date or time");
    const char *at = (const char *)item.data;
    const char *end = at + item.size;
    bool has_date = tag != LOCACHE_TAG_TIME;
    bool has_clock = tag != LOCACHE_TAG_DATE;

    if ((has_date && !parse_date(&m, &at, end)) ||
        (has_date && has_clock && !parse_char(&at, end, 'T')) ||
        (has_clock && !parse_clock(&m, &at, end)) ||
        (tag == LOCACHE_TAG_DATETIME && !parse_offset(&minutes, &at, end)) || at != end)
        return bad("date or time");
    if (!has_clock) {
        value = api->Date_FromDate(m.year, m.month, m.day, api->DateType);
    } else if (!has_date) {
        value =
            api->Time_FromTime(m.hour, m.minute, m.second, m.microsecond, Py_None, api->TimeType);
    } else {
        value = new_datetime(
            api, &m, tag == LOCACHE_TAG_DATETIME ? new_zone(api, minutes) : Py_NewRef(Py_None));
    }
    return value != NULL ? value : bad("date or time");
}

static PyObject *read_timedelta(locache_reader *reader)
{
    PyDateTime_CAPI *api = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    int64_t days, seconds, microseconds;

    if (api == NULL)
        return NULL;
    if (!take_array(reader, 3) || !take_int64(&days, reader) || !take_int64(&seconds, reader) ||
        !take_int64(&microseconds, reader) || days < -999999999 || days > 999999999 ||
        seconds < 0 || seconds >= 86400 || microseconds < 0 || microseconds >= 1000000)
        return bad("duration");
    return api->Delta_FromDelta((int)days, (int)seconds, (int)microseconds, 0, api->DeltaType);
}

/* module.name(*arguments), where content that is refused is a ValueError; steals arguments, which
 * may be NULL. */
static PyObject *construct(const char *module_name, const char *name, PyObject *arguments)
{
    PyObject *module = arguments == NULL ? NULL : PyImport_ImportModule(module_name);
    PyObject *class = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    PyObject *value = class == NULL ? NULL : PyObject_CallObject(class, arguments);

    if (class != NULL && value == NULL)
        bad(name);
    Py_XDECREF(class);
    Py_XDECREF(module);
    Py_XDECREF(arguments);
    return value;
}

/* Where str(value) is not the text that it was made from, the text is not the writer's. Steals
 * value. */
static PyObject *keep_if_text(PyObject *value, const char *text, size_t size)
{
    PyObject *again = value == NULL ? NULL : PyObject_Str(value);
    Py_ssize_t length = 0;
    const char *written = again == NULL ? NULL : PyUnicode_AsUTF8AndSize(again, &length);

    if (value != NULL &&
        (written == NULL || (size_t)length != size || memcmp(written, text, size) != 0)) {
        Py_CLEAR(value);
        bad("decimal");
    }
    Py_XDECREF(again);
    return value;
}

static PyObject *read_decimal_text(locache_reader *reader)
{
    locache_item item;

    if (!take(&item, reader, LOCACHE_TEXT))
        return bad("decimal");
    const char *text = (const char *)item.data;

    return keep_if_text(
        construct("decimal", "Decimal", Py_BuildValue("(s#)", text, (Py_ssize_t)item.size)), text,
        item.size);
}

static PyObject *read_decimal(locache_reader *reader)
{
    PyObject *mantissa = NULL;
    PyObject *text = NULL;
    PyObject *value = NULL;
    int64_t exponent;

    if (!take_array(reader, 2) || !take_int64(&exponent, reader))
        return bad("decimal");
    const unsigned char *start = reader->at;
    mantissa = read_int(reader);
    if (mantissa == NULL)
        return NULL;
    /* with the heads of a tag and of a byte string */
    if (reader->at - start > MANTISSA_BYTES_MAX + 8) {
        bad("decimal");
        goto done;
    }
    text = PyUnicode_FromFormat("%SE%lld", mantissa, (long long)exponent);
    if (text == NULL) {
        bad("decimal");
        goto done;
    }
    value = construct("decimal", "Decimal", Py_BuildValue("(O)", text));
    /* An exponent out of range is NaN where the context does not trap it. */
    PyObject *finite = value == NULL ? NULL : PyObject_CallMethod(value, "is_finite", NULL);
    if (value != NULL && finite != Py_True) {
        Py_CLEAR(value);
        bad("decimal");
    }
    Py_XDECREF(finite);
done:
    Py_XDECREF(text);
    Py_DECREF(mantissa);
    return value;
}

static PyObject *read_fraction(locache_reader *reader)
{
    PyObject *numerator = take_array(reader, 2) ? read_int(reader) : bad("fraction");
    PyObject *denominator = numerator == NULL ? NULL : read_int(reader);
    PyObject *value = NULL;

    if (denominator != NULL)
        value = construct("fractions", "Fraction", PyTuple_Pack(2, numerator, denominator));
    /* In lowest terms, with a positive denominator: otherwise the constructor gave another one. */
    PyObject *kept = value == NULL ? NULL : PyObject_GetAttrString(value, "denominator");
    if (kept != NULL && PyObject_RichCompareBool(kept, denominator, Py_EQ) != 1) {
        Py_CLEAR(value);
        bad("fraction");
    }
    Py_XDECREF(kept);
    Py_XDECREF(denominator);
    Py_XDECREF(numerator);
    return value;
}

static PyObject *read_uuid(locache_reader *reader)
{
    locache_item item;

    if (!take(&item, reader, LOCACHE_BYTES) || item.size != 16)
        return bad("UUID");
    return construct(
        "uuid", "UUID",
        Py_BuildValue("(Oy#)", Py_None, (const char *)item.data, (Py_ssize_t)item.size));
}

PyObject *lcpy_scalar_read(lcpy_state *state, locache_reader *reader, uint64_t tag)
{
    (void)state;
    switch (tag) {
    case LOCACHE_TAG_BIGNUM:
    case LOCACHE_TAG_BIGNUM_NEG:
        return read_bignum(reader, tag == LOCACHE_TAG_BIGNUM_NEG);
    case LOCACHE_TAG_COMPLEX:
        return read_complex(reader);
    case LOCACHE_TAG_SURROGATES:
        return read_surrogates(reader);
    case LOCACHE_TAG_DATETIME:
    case LOCACHE_TAG_LOCALTIME:
    case LOCACHE_TAG_DATE:
    case LOCACHE_TAG_TIME:
        return read_moment(reader, tag);
    case LOCACHE_TAG_DURATION:
        return read_timedelta(reader);
    case LOCACHE_TAG_DECIMAL:
        return read_decimal(reader);
    case LOCACHE_TAG_DECIMAL_TEXT:
        return read_decimal_text(reader);
    case LOCACHE_TAG_RATIONAL:
        return read_fraction(reader);
    case LOCACHE_TAG_UUID:
        return read_uuid(reader);
    default:
        return NULL;
    }
}
