/* Long texts of results.
 *
 * To store one, the UTF-8 of a str that is ASCII is written from where it lies; of any other it is
 * made for the while of storing, since a str that is asked for its UTF-8 keeps it for good.
 *
 * To read one from a mapped file, it is copied before it is decoded: CPython's decoder counts the
 * characters first and writes them then, and a mapping shows what others do to the file between.
 * Most that is not ASCII is copied and decoded piece by piece, into a str whose size and kind a
 * look at the first bytes of its characters tells: a copy of all of it, and a str that is made
 * wider halfway, would take as long as the decoding. */
#include "result/text.h"

#include <string.h>

#define PIECE_SIZE ((size_t)16 << 10) /* copied, and then looked at while the cache has it */
/* First bytes from here on are of characters that take two bytes of a str, or four. */
#define WIDE 0xC4
#define WIDEST 0xF0

/* -------------------------------------------------------------------------------------- writing */

/* The view's bytes, as what `tag` says of a buffer where they go out of line. */
static lcpy_written write_view(lcpy_encoded *out, Py_buffer *view, uint64_t tag)
{
    if (lcpy_encoded_takes(out, view->len))
        return lcpy_encoded_write_buffer(out, view, tag);
    if (tag == LOCACHE_TAG_BUFFER)
        locache_cbor_write_bytes(&out->body, view->buf, (size_t)view->len);
    else
        locache_cbor_write_text(&out->body, view->buf, (size_t)view->len);
    return LCPY_DONE;
}

/* An encoded str, which the view holds from here on where it goes out of line. */
static lcpy_written write_encoded(lcpy_encoded *out, PyObject *bytes, uint64_t tag)
{
    Py_buffer view;
    if (bytes == NULL || PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0) {
        Py_XDECREF(bytes);
        return LCPY_ERROR;
    }
    Py_DECREF(bytes);
    lcpy_written written = write_view(out, &view, tag);
    PyBuffer_Release(&view);
    return written;
}

static lcpy_written write_ascii(lcpy_encoded *out, PyObject *text)
{
    Py_buffer view;
    if (PyBuffer_FillInfo(&view, text, PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text), 1,
                          PyBUF_SIMPLE) < 0)
        return LCPY_ERROR;
    lcpy_written written = write_view(out, &view, LOCACHE_TAG_TEXT_BUFFER);
    PyBuffer_Release(&view);
    return written;
}

lcpy_written lcpy_text_write(lcpy_encoded *out, PyObject *text)
{
    if (PyUnicode_IS_COMPACT_ASCII(text))
        return write_ascii(out, text);
    PyObject *bytes = PyUnicode_AsUTF8String(text);
    if (bytes != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return write_encoded(out, bytes, LOCACHE_TAG_TEXT_BUFFER);
    PyErr_Clear(); /* it has lone surrogates: no text to others */
    bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (bytes != NULL)
        locache_cbor_write_tag(&out->body, LOCACHE_TAG_SURROGATES);
    return write_encoded(out, bytes, LOCACHE_TAG_BUFFER);
}

/* -------------------------------------------------------------------------------------- reading */

static bool is_ascii(const unsigned char *text, size_t size)
{
    uint64_t words = 0; /* eight at a time: a compiler does not do that by itself */
    unsigned char rest = 0;
    size_t at = 0;
    for (; at + sizeof words <= size; at += sizeof words) {
        uint64_t word;
        memcpy(&word, text + at, sizeof word);
        words |= word;
    }
    for (; at < size; at++)
        rest |= text[at];
    return rest < 0x80 && (words & 0x8080808080808080) == 0;
}

/* What a text in UTF-8 comes to as a str. */
typedef struct shape {
    Py_ssize_t count; /* characters */
    Py_UCS4 max;      /* the largest that the str has room for, as PyUnicode_MAX_CHAR_VALUE() */
} shape;

/* By the first byte of each character, without looking at the rest: what is no UTF-8, or another
 * text by then, shows when it is decoded. */
static shape shape_of(const unsigned char *text, size_t size)
{
    size_t count = 0;
    unsigned char largest = 0;
    for (size_t at = 0; at < size; at++) {
        count += (text[at] & 0xC0) != 0x80;
        largest = text[at] > largest ? text[at] : largest;
    }
    return (shape){.count = (Py_ssize_t)count,
                   .max = largest >= WIDEST ? 0x10FFFF
                          : largest >= WIDE ? 0xFFFF
                          : largest >= 0x80 ? 0xFF
                                            : 0x7F};
}

/* Bytes of a piece that has another behind it: up to its last character, which may go on there. */
static size_t whole_size(const unsigned char *piece, size_t size)
{
    size_t whole = size - 1;
    while (whole > 0 && (piece[whole] & 0xC0) == 0x80)
        whole--;
    return whole > 0 ? whole : size;
}

/* Decode what is mapped into a str of that shape, by copies of its pieces. False, with or without
 * an exception: it is no text, or is changing. */
static bool decode_pieces(PyObject *text, const shape *is, const lcpy_memory *bytes,
                          const char *errors)
{
    unsigned char piece[PIECE_SIZE];
    const unsigned char *from = bytes->data;
    Py_ssize_t done = 0;
    Py_UCS4 max = 0x7F;
    for (size_t at = 0; at < bytes->size;) {
        size_t size = bytes->size - at < PIECE_SIZE ? bytes->size - at : PIECE_SIZE;
        memcpy(piece, from + at, size);
        if (size < bytes->size - at)
            size = whole_size(piece, size);
        PyObject *part = PyUnicode_DecodeUTF8((const char *)piece, (Py_ssize_t)size, errors);
        if (part == NULL)
            return false;
        Py_ssize_t count = PyUnicode_GET_LENGTH(part);
        max = Py_MAX(max, PyUnicode_MAX_CHAR_VALUE(part));
        bool fits = max <= is->max && count <= is->count - done &&
                    PyUnicode_CopyCharacters(text, done, part, 0, count) == count;
        Py_DECREF(part);
        if (!fits)
            return false;
        done += count;
        at += size;
    }
    return done == is->count && max == is->max;
}

/* A mapped text of that shape. */
static PyObject *decode_mapped(const shape *is, const lcpy_memory *bytes, const char *errors)
{
    PyObject *text = PyUnicode_New(is->count, is->max);
    if (text != NULL && !decode_pieces(text, is, bytes, errors))
        Py_CLEAR(text);
    return text;
}

/* Is a mapped text one that is decoded sooner by pieces, by its first character that is not ASCII?
 * Where each takes a byte of a str CPython's decoder is as quick with all of it, and the look at
 * all first bytes is saved. */
static bool is_for_pieces(const unsigned char *piece)
{
    while (*piece < 0x80)
        piece++;
    return *piece >= WIDE;
}

/* What is mapped, copied to a str that it is if it is ASCII, and decoded from there if not. */
static PyObject *decode_copy(const lcpy_memory *bytes, const char *errors)
{
    const unsigned char *from = bytes->data;
    PyObject *copy = PyUnicode_New((Py_ssize_t)bytes->size, 0x7F);
    if (copy == NULL || bytes->size == 0)
        return copy;
    unsigned char *to = PyUnicode_1BYTE_DATA(copy);
    bool ascii = true;
    for (size_t at = 0; at < bytes->size; at += PIECE_SIZE) {
        size_t size = bytes->size - at < PIECE_SIZE ? bytes->size - at : PIECE_SIZE;
        memcpy(to + at, from + at, size);
        if (!ascii || is_ascii(to + at, size))
            continue;
        ascii = false;
        if (is_for_pieces(to + at)) {
            shape is = shape_of(from, bytes->size);
            Py_DECREF(copy);
            return decode_mapped(&is, bytes, errors);
        }
    }
    if (ascii)
        return copy;
    PyObject *text = PyUnicode_DecodeUTF8((const char *)to, (Py_ssize_t)bytes->size, errors);
    Py_DECREF(copy);
    return text;
}

static PyObject *decode(const lcpy_buffer_source *from, const lcpy_memory *bytes, size_t n,
                        const char *errors)
{
    PyObject *text;
    if (n != LCPY_BUFFER_INLINE && locache_value_mapped(from->value))
        text = decode_copy(bytes, errors);
    else
        text = PyUnicode_DecodeUTF8(bytes->data, (Py_ssize_t)bytes->size, errors);
    return text != NULL ? text : lcpy_cbor_refuse("text");
}

PyObject *lcpy_text_read(lcpy_buffer_source *from, locache_cbor_reader *reader)
{
    size_t n;
    if (!lcpy_buffer_take(&n, from, reader))
        return lcpy_cbor_refuse("text: a buffer that is not the next");
    lcpy_memory bytes = lcpy_buffer_of(from->value, n);
    return decode(from, &bytes, n, "strict");
}

/* Only what has surrogates: any other text has one form, and this is not it. */
PyObject *lcpy_text_read_surrogates(lcpy_buffer_source *from, locache_cbor_reader *reader)
{
    lcpy_memory bytes;
    size_t n;
    if (!lcpy_buffer_read(&bytes, &n, from, reader))
        return lcpy_cbor_refuse("text with surrogates");
    PyObject *text = decode(from, &bytes, n, "surrogatepass");
    if (text == NULL)
        return NULL;
    PyObject *encoded = PyUnicode_AsUTF8String(text);
    if (encoded == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        return text;
    }
    Py_XDECREF(encoded);
    Py_DECREF(text);
    return lcpy_cbor_refuse("text with surrogates");
}
