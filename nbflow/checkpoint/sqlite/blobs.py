"""Large values, apart from the records that name them: stored once, by their content, and smaller if that pays.

A value that was copied to a fork, reused by the next run, or returned twice takes its room once. It
goes when the last record that names it goes.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

LARGE = 4096  # bytes, about a page of the file: below that, a row of its own costs more than it saves
_PLAIN, _ZLIB = 0, 1
_SAMPLE = 65_536
_PAYS = 0.9  # a compressed value of more than this share of the plain one is kept plain
_MOST = 1100  # times: DEFLATE makes nothing smaller than 1 to 1032, RFC 1951
_LEVEL = 1  # speed: values come faster than disks fill

TABLES = """
    CREATE TABLE blobs (digest BLOB PRIMARY KEY, size INTEGER NOT NULL, form INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE INDEX blob_uses ON records (blob) WHERE blob IS NOT NULL
"""
INSERT = "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?)"
SWEEP = "DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM records WHERE records.blob = blobs.digest)"


class Damage(Exception):  # noqa: N818  # it never leaves this package
    """Why something in the file is not what was stored."""


class Blob(NamedTuple):
    """A large value as it is stored.

    Attributes:
        digest: 16 bytes that name it.
        size: of the plain value, in bytes.
        form: how ``data`` is to be read.
        data: the bytes.
    """

    digest: bytes
    size: int
    form: int
    data: bytes


def pack(value: bytes) -> Blob:
    """Return a large value as it is to be stored."""
    digest = blake2b(value, digest_size=16).digest()
    if len(zlib.compress(value[:_SAMPLE], _LEVEL)) < _PAYS * min(len(value), _SAMPLE):
        small = zlib.compress(value, _LEVEL)
        if len(small) < _PAYS * len(value):
            return Blob(digest, len(value), _ZLIB, small)
    return Blob(digest, len(value), _PLAIN, value)


@lru_cache(maxsize=64)
def pack_again(value: bytes) -> Blob:
    """As ``pack``, of a value that is stored again and again."""
    return pack(value)


def unpack(digest: bytes, size: int, form: int, data: bytes) -> bytes:
    """Return a value that was stored.

    Raises:
        Damage: if it is another one; nothing larger than ``size`` is made to find that out.
    """
    if form == _PLAIN:
        value = data
    elif form == _ZLIB:
        value = _inflated(data, size)
    else:
        raise Damage(f"its large value has the unknown form {form}")
    if len(value) != size or blake2b(value, digest_size=16).digest() != digest:
        raise Damage("its large value is another one")
    return value


def _inflated(data: bytes, size: int) -> bytes:
    if size > len(data) * _MOST:
        raise Damage("its large value can't be as large as it says")
    inflate = zlib.decompressobj()
    try:
        return inflate.decompress(data, size + 1)  # one more, so that what is longer shows
    except zlib.error as error:
        raise Damage(f"its large value can't be read: {error}") from None
