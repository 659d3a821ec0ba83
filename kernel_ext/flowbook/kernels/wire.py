"""Jupyter's messages on the wire: packed, signed, unpacked.

By ourselves and not by `jupyter_client.session`: it parses every date of every message, and a host
whose kernels come from the keeper need not import jupyter_client at all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

DELIMITER = b"<IDS|MSG>"
PROTOCOL = "5.4"
Message = Mapping[str, Any]
"""`header parent_header metadata content buffers`, and `msg_type` and `parent` (its id) for short."""


class Wire:
    """One client's end of a kernel's channels: its session and the key both share."""

    def __init__(self, key: str | bytes, scheme: str = "hmac-sha256") -> None:
        key = key.encode() if isinstance(key, str) else key
        digest = getattr(hashlib, scheme.removeprefix("hmac-"))
        self._auth = hmac.new(key, digestmod=digest) if key else None
        self._session = uuid.uuid4().hex
        self._count = 0

    def pack(self, kind: str, content: Mapping[str, Any]) -> tuple[str, list[bytes]]:
        """A request's id and its frames."""
        self._count += 1
        request = f"{self._session}_{self._count}"
        header = {
            "msg_id": request,
            "msg_type": kind,
            "username": "flowbook",
            "session": self._session,
            "date": datetime.now(UTC).isoformat(),
            "version": PROTOCOL,
        }
        parts = [_dumps(header), b"{}", b"{}", _dumps(content)]
        return request, [DELIMITER, self._sign(parts), *parts]

    def unpack(self, frames: Sequence[bytes]) -> Message:
        """The message in frames. Raises `ValueError` for what this kernel didn't send."""
        start = frames.index(DELIMITER)
        signature, *rest = frames[start + 1 :]
        if len(rest) < 4 or not hmac.compare_digest(signature, self._sign(rest[:4])):
            raise ValueError("not a message of this kernel")
        header, parent, metadata, content = map(_loads, rest[:4])
        return {
            "msg_type": header["msg_type"],
            "parent": parent.get("msg_id", ""),
            "header": header,
            "parent_header": parent,
            "metadata": metadata,
            "content": content,
            "buffers": rest[4:],
        }

    def _sign(self, parts: Sequence[bytes]) -> bytes:
        if self._auth is None:
            return b""
        found = self._auth.copy()
        for part in parts:
            found.update(part)
        return found.hexdigest().encode()


def _loads(part: bytes) -> Any:
    return {} if part == b"{}" else json.loads(part.decode("utf-8", "surrogatepass"))


def _dumps(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()
