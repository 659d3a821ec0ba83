"""Rows as a table in a notebook and in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

CELL = "text-align:left;padding:2px 16px 2px 0;border:0"


class Table(Sequence[Mapping[str, Any]]):
    """Rows that show themselves; iterate over them, or take them as a DataFrame with `df()`."""

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], *, empty: str = "Nothing here yet."
    ) -> None:
        self._rows = list(rows)
        self._empty = empty

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._rows)

    def df(self) -> Any:
        """The rows as a pandas DataFrame."""
        import pandas

        return pandas.DataFrame(self._rows)

    def _columns(self) -> list[str]:
        return list(self._rows[0]) if self._rows else []

    def _texts(self) -> list[list[str]]:
        names = self._columns()
        return [
            ["" if row[name] is None else str(row[name]) for name in names] for row in self._rows
        ]

    def __repr__(self) -> str:
        if not self._rows:
            return self._empty
        lines = [[name.capitalize() for name in self._columns()], *self._texts()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        if not self._rows:
            return f"<p>{escape(self._empty)}</p>"
        heads = "".join(
            f'<th style="{CELL}">{escape(name.capitalize())}</th>' for name in self._columns()
        )
        body = "".join(
            '<tr style="background:none">'
            + "".join(f'<td style="{CELL}">{escape(text)}</td>' for text in line)
            + "</tr>"
            for line in self._texts()
        )
        return (
            f'<table style="border-collapse:collapse;font-size:12px;border:0"><thead><tr>{heads}</tr>'
            f"</thead><tbody>{body}</tbody></table>"
        )
