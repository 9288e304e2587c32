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

/* Paths are any bytes, and cutting splits characters; but a message must be UTF-8, since a binding
 * makes a string of it. */
static void repair_utf8(char *text)
{
    size_t size = strlen(text);
    unsigned char *bytes = (unsigned char *)text;
    for (size_t at = 0; at < size;) {
        /* As long as its first byte says; whether it is, lc_text_is_utf8() knows. */
        size_t step = 1;
        if (bytes[at] >= 0xF0)
            step = 4;
        else if (bytes[at] >= 0xE0)
            step = 3;
        else if (bytes[at] >= 0xC0)
            step = 2;
        if (step <= size - at && lc_text_is_utf8(bytes + at, step)) {
            at += step;
        } else {
            bytes[at++] = '?';
        }
    }
}

/* Format into out, of `room` bytes; what does not fit is replaced by "...". */
static LC_PRINTF(3, 0) void format_into(char *out, size_t room, const char *format, va_list values)
{
    int needed = vsnprintf(out, room, format, values);
    if (needed < 0) /* as with a locale that cannot encode it: the status has to do */
        out[0] = '\0';
    else if ((size_t)needed >= room)
        memcpy(out + room - 4, "...", 4);
    repair_utf8(out);
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
    char cause[256]; /* room for that and the longest remedy */
    char message[LOCACHE_MESSAGE_MAX];
    int cause_size = snprintf(cause, sizeof cause, ": %s%s", OS_TEXT(os_error, text, sizeof text),
                              remedy(os_error));
    if (cause_size < 0)
        cause[0] = '\0';
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
    repair_utf8(error->message);
    return status;
}
