"""How client and storekeeper talk: a length, then msgpack; rows travel as JSON text or columns."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    import asyncio

PROTOCOL = 3
LIMIT = 512 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

OK, FAILED, PUSHED = 0, 1, 2


def pack(message: object) -> bytes:
    """One frame."""
    packed = body(message)
    return _LENGTH.pack(len(packed)) + packed


def body(message: object) -> bytes:
    """A frame's message without its length."""
    try:
        packed: bytes = msgpack.packb(message, default=_plain, datetime=True)
    except UnicodeEncodeError:  # naming a handler at once would make every text slower
        packed = msgpack.packb(
            message, default=_plain, datetime=True, unicode_errors="surrogatepass"
        )
    return packed


async def read(reader: asyncio.StreamReader) -> Any:
    """The next frame's message. Raises: EOFError when the other side is gone."""
    import asyncio

    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(4))
        if length > LIMIT:
            raise EOFError(f"a frame of {length} bytes")
        packed = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise EOFError from error
    return unpack(packed)


def unpack(packed: bytes) -> Any:
    """The inverse of `body`."""
    return msgpack.unpackb(packed, timestamp=3, strict_map_key=False, unicode_errors="replace")


def text(value: object) -> str:
    """A value as JSON that DuckDB accepts: no NaN, no NUL, no lone surrogates."""
    try:
        result = _ENCODER.encode(value)
    except ValueError:
        result = _ENCODER.encode(_finite(value))
    if "\\u0000" in result:
        result = _NUL.sub("\\1\N{REPLACEMENT CHARACTER}", result)
    if not result.isascii():
        result = result.encode("utf-8", "replace").decode()
    return result


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """The inverse of `micros`."""
    return _EPOCH + timedelta(microseconds=value)


def plain(value: object) -> object:
    """What JSON makes of a value it doesn't know."""
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            return dict(value)
        case set() | frozenset() | Sequence():
            return list(value)
        case Decimal():
            return float(value) if value.is_finite() else None
        case _:
            return str(value)


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=plain, allow_nan=False
)


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case datetime():  # msgpack packs aware ones itself
            raise TypeError(f"a datetime without a time zone: {value.isoformat()}")
        case Decimal():
            return float(value)
        case date() | timedelta():
            return str(value)
        case Mapping():
            return dict(value)
        case set() | frozenset() | Sequence():
            return list(value)
        case int():
            return str(value)  # beyond 64 bits
        case _:
            return str(value)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value
        case Mapping():
            return {str(k): _finite(v) for k, v in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
