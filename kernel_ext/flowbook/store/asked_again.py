"""What a client asks again after a storekeeper has died: known by its number, answered as it was.

Requests of a client carry growing numbers and are committed in the order they came, so the highest
committed number says of every resent request whether it is known. It is read back from the events when
a new keeper opens the file. Writer's thread only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from . import frames
from .owners import First
from .requests import Append, Transact

LOOK_BACK = 1_000_000
"""How far behind the newest event an unanswered request may lie and still be known."""


class AskedAgain:
    """The highest committed number of each client that may still ask."""

    def __init__(self, cursor: Any, first: First, newest: int) -> None:
        self._first = first
        rows = cursor.execute(
            "select client, max(number) from (select client, number from events where seq > $1 "
            "union all select client, number from seen) where client is not null group by client",
            [newest - LOOK_BACK],
        ).fetchall()
        cursor.execute("delete from seen where ts < now() - interval 1 day")
        self._numbers: dict[str, int] = dict(rows)

    def last(self, client: str) -> int:
        return self._numbers.get(client, 0)

    def learn(self, numbers: Mapping[str, int]) -> None:
        """Numbers that are durable."""
        self._numbers.update(numbers)

    def seq_of(self, request: Append) -> int | None:
        """What a resent append was answered; None if it was refused."""
        row = self._first(
            "select max(seq) from events where client = ? and number = ?",
            request.client,
            request.number,
        )
        return row[0] if row else None

    def answer_of(self, request: Transact) -> Any:
        """What a resent transaction was answered; None if it isn't known."""
        if request.number > self.last(request.client):
            return None
        row = self._first(
            "select payload->>'answer' from events where client = ? and number = ? and kind = ? "
            "and payload->>'answer' is not null",
            request.client,
            request.number,
            f"#{request.name}",
        )
        return frames.unpack(base64.b64decode(row[0])) if row else None


def kept(answer: list[dict[str, Any]]) -> str:
    """The payload of an event that keeps a transaction's answer."""
    return json.dumps({"answer": base64.b64encode(frames.pack(answer)[4:]).decode()})
