/* Statuses by name, and messages: what failed, on which file, why, and what to do about it. */
#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *locache_status_name(locache_status status)
{
    switch (status) {
    case LOCACHE_OK:
        return "LOCACHE_OK";
    case LOCACHE_MISS:
        return "LOCACHE_MISS";
    case LOCACHE_NEED_SOURCE:
        return "LOCACHE_NEED_SOURCE";
    case LOCACHE_END:
        return "LOCACHE_END";
    case LOCACHE_PENDING:
        return "LOCACHE_PENDING";
    case LOCACHE_EINVAL:
        return "LOCACHE_EINVAL";
    case LOCACHE_ENOMEM:
        return "LOCACHE_ENOMEM";
    case LOCACHE_EIO:
        return "LOCACHE_EIO";
    case LOCACHE_ECORRUPT:
        return "LOCACHE_ECORRUPT";
    case LOCACHE_EUNTRUSTED:
        return "LOCACHE_EUNTRUSTED";
    case LOCACHE_ETYPE:
        return "LOCACHE_ETYPE";
    case LOCACHE_ELIMIT:
        return "LOCACHE_ELIMIT";
    case LOCACHE_EFORMAT:
        return "LOCACHE_EFORMAT";
    case LOCACHE_EBUSY:
        return "LOCACHE_EBUSY";
    }
    return "LOCACHE_(unknown)";
}

const char *locache_version(void)
{
    return LOCACHE_VERSION_STRING;
}

int locache_version_number(void)
{
    return LOCACHE_VERSION_NUMBER;
}

void lc_error_clear(locache_error *error)
{
    if (error == NULL)
        return;
    error->status = LOCACHE_OK;
    error->os_error = 0;
    error->message[0] = '\0';
}

void lc_error_remark(locache_error *error, const char *text)
{
    lc_error_clear(error);
    if (error != NULL)
        (void)snprintf(error->message, sizeof error->message, "%s", text);
}

/* Of the UTF-8 character that text begins with; 0: it begins with none. */
static size_t character(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    /* As long as its first byte says; whether it is, lc_text_is_utf8() knows. */
    size_t width = 1;
    if (bytes[0] >= 0xF0)
        width = 4;
    else if (bytes[0] >= 0xE0)
        width = 3;
    else if (bytes[0] >= 0xC0)
        width = 2;
    return width <= size && lc_text_is_utf8(bytes, width) ? width : 0;
}

/* Paths are any bytes; but a message must be UTF-8, since a binding makes a string of it: what is
 * none is \xNN. Where the text was cut, or does not fit, "..." is its end. */
static void put_utf8(char *out, size_t room, const char *text, bool cut)
{
    size_t size = strlen(text);
    size_t to = 0;
    size_t end = 0; /* the last place for "..." */
    for (size_t at = 0; at < size;) {
        char escape[5];
        size_t width = character(text + at, size - at);
        const char *piece = width > 0 ? text + at : escape;
        size_t put = width > 0 ? width : sizeof escape - 1;
        if (width == 0)
            (void)snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)text[at]);
        if (to + put >= room) {
            cut = true;
            break;
        }
        memcpy(out + to, piece, put);
        to += put;
        at += width > 0 ? width : 1;
        if (to + 4 <= room)
            end = to;
    }
    if (cut) {
        memcpy(out + end, "...", 3);
        to = end + 3;
    }
    out[to] = '\0';
}

/* Format into out, of `room` bytes, LOCACHE_MESSAGE_MAX at most. */
static LC_PRINTF(3, 0) void format_into(char *out, size_t room, const char *format, va_list values)
{
    char text[LOCACHE_MESSAGE_MAX];
    int needed = vsnprintf(text, sizeof text, format, values);
    if (needed < 0) /* as with a locale that cannot encode it: the status has to do */
        text[0] = '\0';
    put_utf8(out, room, text, needed >= (int)sizeof text);
}

locache_status lc_fail(locache_error *error, locache_status status, const char *format, ...)
{
    if (error == NULL)
        return status;
    /* Not in place: the values may point into the message that is replaced. */
    char message[LOCACHE_MESSAGE_MAX];
    va_list values;
    va_start(values, format);
    format_into(message, sizeof message, format, values);
    va_end(values);
    error->status = status;
    error->os_error = 0;
    memcpy(error->message, message, strlen(message) + 1);
    return status;
}

/* What the user can do: for the causes that are met in practice, and that have a remedy. */
static const char *remedy(int os_error)
{
    switch (os_error) {
    case ENOSPC:
        return "; free some space, or set LOCACHE_DIR to a directory on another file system";
    case EDQUOT:
        return "; delete some files or ask for a larger quota, or set LOCACHE_DIR to a directory "
               "elsewhere";
    case EACCES:
    case EPERM:
        return "; give yourself permission, or set LOCACHE_DIR to a directory that you can write "
               "to";
    case EROFS:
        return "; set LOCACHE_DIR to a directory on a writable file system";
    case EMFILE:
        return "; close some files, or raise the limit with ulimit -n";
    case ENFILE:
        return "; the whole system has too many open files";
    default:
        return "";
    }
}

/* strerror_r() is GNU's, which returns the text and may leave the buffer alone, or POSIX's, which
 * fills the buffer and returns 0: which one a C library has, the type says that it returns. */
static inline const char *text_gnu(const char *text, const char *buffer)
{
    (void)buffer;
    return text;
}

static inline const char *text_posix(int failed, const char *buffer)
{
    return failed ? "unknown error" : buffer;
}

#define OS_TEXT(code, buffer, size)                                                                \
    _Generic(strerror_r(code, buffer, size), char *                                                \
             : text_gnu, int                                                                       \
             : text_posix)(strerror_r(code, buffer, size), buffer)

locache_status lc_fail_os(locache_error *error, int os_error, const char *format, ...)
{
    locache_status status = os_error == ENOMEM ? LOCACHE_ENOMEM : LOCACHE_EIO;
    if (error == NULL)
        return status;
    char text[128];
    char told[256];  /* room for that and the longest remedy */
    char cause[512]; /* the system's text may be in any encoding */
    char message[LOCACHE_MESSAGE_MAX];
    if (snprintf(told, sizeof told, ": %s%s", OS_TEXT(os_error, text, sizeof text),
                 remedy(os_error)) < 0)
        told[0] = '\0';
    put_utf8(cause, sizeof cause, told, false);
    /* The cause and its remedy matter more than the end of a long path. */
    va_list values;
    va_start(values, format);
    format_into(message, sizeof message - strlen(cause), format, values);
    va_end(values);
    size_t length = strlen(message);
    error->status = status;
    error->os_error = os_error;
    memcpy(error->message, message, length);
    memcpy(error->message + length, cause, strlen(cause) + 1);
    return status;
}
