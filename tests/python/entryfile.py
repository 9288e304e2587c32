"""Entry files in plain Python: a second implementation of docs/format.md, for the tests to hold the
first one to."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

import xxhash

MAGIC = b"\x89LOC\r\n\x1a\n"
FORMAT_VERSION = 2
CBOR, PICKLE, RAW = 1, 2, 3
ALIGN = 64
HAS_MAC = 1
COMPRESSED = 2
# magic, version, codec, flags, buffers, key, body, created, compute time, expiry, reserved,
# function, version id, MAC, checksum
HEADER = struct.Struct("<8sHBBIQQqqq8x16s16s32s16s")
MAC_AT = 96
CHECKSUM_AT = 128


@dataclass
class Entry:
    codec: int
    key: bytes
    body: bytes
    buffers: list[bytes] = field(default_factory=list)
    created: int = 0
    compute_time: int = 0
    expires: int = 0
    function: bytes = bytes(16)
    version: bytes = bytes(16)
    mac: bytes = bytes(32)
    flags: int = 0


def checksum(data: bytes) -> bytes:
    """XXH3-128 in canonical byte order, the field itself taken as zeros."""
    return xxhash.xxh3_128_digest(data[:CHECKSUM_AT] + bytes(16) + data[CHECKSUM_AT + 16 :])


def tree(data: bytes) -> bytes:
    """The digest of data (docs/format.md, "Digests")."""
    leaf = 1 << 12

    def node(person: bytes, message: bytes) -> bytes:
        return hashlib.blake2b(message, digest_size=32, person=person).digest()

    if len(data) <= leaf:
        return node(b"locache single", data)
    leaves = (node(b"locache leaf", data[at : at + leaf]) for at in range(0, len(data), leaf))
    return node(b"locache root", len(data).to_bytes(8, "little") + b"".join(leaves))


def mac(data: bytes, key: bytes) -> bytes:
    """The MAC of an entry file under a user's key."""
    parts = data[:MAC_AT] + tree(data[HEADER.size :])
    return hashlib.blake2b(parts, digest_size=32, key=key, person=b"locache entry").digest()


def padding(size: int) -> int:
    return -size % ALIGN


def build(entry: Entry) -> bytes:
    """The bytes of an entry file, checksum included, MAC as it is given."""
    data = HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        entry.codec,
        entry.flags,
        len(entry.buffers),
        len(entry.key),
        len(entry.body),
        entry.created,
        entry.compute_time,
        entry.expires,
        entry.function,
        entry.version,
        entry.mac,
        bytes(16),
    )
    at = len(data) + 8 * len(entry.buffers) + len(entry.key) + len(entry.body)
    ends = []
    for buffer in entry.buffers:
        at += padding(at) + len(buffer)
        ends.append(at)
    data += struct.pack(f"<{len(ends)}Q", *ends) + entry.key + entry.body
    for buffer in entry.buffers:
        data += bytes(padding(len(data))) + buffer
    return data[:CHECKSUM_AT] + checksum(data) + data[CHECKSUM_AT + 16 :]


def parse(data: bytes) -> Entry:
    """The parts of an entry file. AssertionError where it is not as docs/format.md says."""
    fields = HEADER.unpack_from(data)
    magic, version, codec, flags, buffer_count, key_size, body_size = fields[:7]
    created, compute_time, expires, function, ident, mac, check = fields[7:]
    assert magic == MAGIC
    assert version == FORMAT_VERSION
    assert codec in (CBOR, PICKLE, RAW)
    assert flags & ~(HAS_MAC | COMPRESSED) == 0
    assert check == checksum(data)
    at = HEADER.size
    ends = struct.unpack_from(f"<{buffer_count}Q", data, at)
    at += 8 * buffer_count
    key = data[at : at + key_size]
    at += key_size
    body = data[at : at + body_size]
    at += body_size
    buffers = []
    for end in ends:
        assert not any(data[at : at + padding(at)])
        at += padding(at)
        assert at <= end
        buffers.append(data[at:end])
        at = end
    assert at == len(data)
    return Entry(
        codec, key, body, buffers, created, compute_time, expires, function, ident, mac, flags
    )
