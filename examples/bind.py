"""locache from a language that is not C: cffi in ABI mode, from the text of the installed header.

    python bind.py LIBRARY INCLUDE DIRECTORY

LIBRARY is liblocache.so, INCLUDE the directory of locache.h, DIRECTORY an absolute path, as
/home/me/bind.cache. The first run computes, the second reads.
"""

import re
import sys
from pathlib import Path

import cffi

library, include, directory = sys.argv[1:]
ffi = cffi.FFI()
for part in ("locache.h", "locache/cbor.h"):
    text = Path(include, part).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    numbers = re.findall(r"^#define (\w+) (\d+) *$", text, flags=re.MULTILINE)
    # What is left for a parser: no directives, no attributes, no `extern "C"`.
    text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'\bLOCACHE_(API|CHECK)\b|^extern "C" \{$|^\}$', "", text, flags=re.MULTILINE)
    for name, number in numbers:
        text = re.sub(rf"\b{name}\b", number, text)
    ffi.cdef(text)
locache = ffi.dlopen(library)
error = ffi.new("locache_error *")


def check(status):
    if status < 0:
        raise OSError(ffi.string(error.message).decode())
    return status


def writer():
    made = ffi.new("locache_cbor_writer *")
    locache.locache_cbor_writer_init(made, ffi.NULL, 0)
    return ffi.gc(made, locache.locache_cbor_writer_clear)


name = ffi.new("char[]", b"square")
identity = ffi.new("locache_identity *", {"size": ffi.sizeof("locache_identity")})
locache.locache_identity_explicit(identity, b"1")
options = ffi.new(
    "locache_options *",
    {"size": ffi.sizeof("locache_options"), "function": name, "identity": identity},
)
out = ffi.new("locache **")
check(locache.locache_open(out, directory.encode(), options, error))
cache = ffi.gc(out[0], locache.locache_close)

key = writer()
locache.locache_key_begin(key, 1)
locache.locache_key_name(key, b"x", 1)
locache.locache_cbor_write_int(key, 12)
value = ffi.new("locache_value **")
if check(locache.locache_get(value, cache, key.data, key.length, error)) == locache.LOCACHE_OK:
    result = ffi.new("int64_t *")
    check(locache.locache_value_int(result, value[0]))
    locache.locache_value_free(value[0])
    print("read", result[0])
else:
    body = writer()
    locache.locache_cbor_write_int(body, 12 * 12)
    record = ffi.new(
        "locache_record *",
        {
            "size": ffi.sizeof("locache_record"),
            "codec": locache.LOCACHE_CODEC_CBOR,
            "body": body.data,
            "body_size": body.length,
        },
    )
    check(locache.locache_put(cache, key.data, key.length, record, error))
    print("computed", 12 * 12)
