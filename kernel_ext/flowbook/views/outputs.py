"""What a run gives away under its graph: first rows of tables, a figure, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from flowbook.kinds.dynamic import TABLE

from .topology import Json, Row, parsed
from .words import plural, size

ROWS, COLUMNS = 7, 8
SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A table's first rows, a picture, or a few lines of text; one of the three."""

    title: str
    """The task's id."""
    note: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    numeric: tuple[bool, ...] = ()
    total: int = 0
    image: str = ""
    """A `data:image/…;base64,` URI."""
    text: str = ""
    path: str = ""
    """A notebook to open: see `to_open`."""

    def to_json(self) -> dict[str, Json]:
        """The preview for the browser; what is empty is left out."""
        out: dict[str, Json] = {"title": self.title}
        for name in ("note", "total", "image", "text", "path"):
            if value := getattr(self, name):
                out[name] = value
        if self.columns:
            out |= {
                "columns": list(self.columns),
                "rows": [list(row) for row in self.rows],
                "numeric": list(self.numeric),
            }
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A file that came out of a task."""

    label: str
    note: str = ""
    kind: str = "file"
    """`file` or `notebook`: which glyph."""
    path: str = ""
    """To open it in JupyterLab; empty when it can't be: see `to_open`."""

    def to_json(self) -> dict[str, Json]:
        """The link for the browser."""
        out: dict[str, Json] = {"label": self.label, "kind": self.kind}
        for name in ("note", "path"):
            if value := getattr(self, name):
                out[name] = value
        return out


def table(title: str, rows: Sequence[Mapping[str, Any]], total: int | None = None) -> Preview:
    """The first rows of a table, numbers as people read them."""
    columns = tuple(dict.fromkeys(key for row in rows[:ROWS] for key in row))
    shown = columns[:COLUMNS]
    numeric = tuple(
        any(_is_number(row.get(name)) for row in rows)
        and all(_is_number(row.get(name)) or row.get(name) is None for row in rows[:ROWS])
        for name in shown
    )
    number = len(rows) if total is None else total
    return Preview(
        title=title,
        note=f"{plural(number, 'row')} × {plural(len(columns), 'column')}",
        columns=tuple(map(str, shown)),
        rows=tuple(zip(*(_column(rows[:ROWS], name) for name in shown), strict=True)),
        numeric=numeric,
        total=number,
    )


def previews_of(outputs: Iterable[Row]) -> tuple[Preview, ...]:
    """The last outputs that are lists of maps."""
    found = []
    for row in outputs:
        for value in _values(row):
            if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
                found.append(table(row["task_id"], value))
    return tuple(reversed(found[-SHOWN:]))


def to_open(uri: object) -> str:
    """A stored notebook's path in JupyterLab: on the drive `flowbook`, which reads the workspace's storage.

    The folder that holds the storage is hidden, so Jupyter's own contents don't show it.
    """
    if not isinstance(uri, str) or not uri.endswith(".ipynb"):
        return ""
    scheme, _, path = uri.partition(":///")
    return f"flowbook:{unquote(path)}" if scheme in ("kestra", "flowbook") else ""


def links_of(outputs: Iterable[Row]) -> tuple[Link, ...]:
    """The files that tasks gave back, the latest first, at most six."""
    found: dict[str, Link] = {}
    for row in outputs:
        data = parsed(row.get("outputs"))
        if not isinstance(data, Mapping):
            continue
        files = data.get("outputFiles")
        pairs = list(files.items()) if isinstance(files, Mapping) else []
        pairs += [(None, value) for value in data.values()]
        for name, value in pairs:
            uri = value.get(TABLE) if isinstance(value, Mapping) else value
            if isinstance(uri, str) and uri.startswith(("kestra:///", "flowbook:///")):
                file = str(name or uri.rpartition("/")[2])
                length = data.get("length") if uri == data.get("uri") else None
                if isinstance(value, Mapping):
                    length = value.get("bytes")
                notebook = file.endswith(".ipynb")
                found[uri] = Link(
                    label=f"{row['task_id']}/{file}",
                    note="executed copy"
                    if notebook
                    else size(length)
                    if isinstance(length, int)
                    else "",
                    kind="notebook" if notebook else "file",
                    path=to_open(uri),
                )
    return tuple(reversed(list(found.values())[-6:]))


def _values(row: Row) -> Iterable[Any]:
    data = parsed(row.get("outputs"))
    if isinstance(data, Mapping):
        yield from data.values()
        if isinstance(data.get("vars"), Mapping):
            yield from data["vars"].values()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """One column as text; its fractions have one number of digits, two at most."""
    values = [row.get(name) for row in rows]
    numbers = [value for value in values if isinstance(value, float)]
    if numbers and all(abs(number) >= 0.01 or not number for number in numbers):
        digits = 1 if all(round(number, 1) == round(number, 2) for number in numbers) else 2
        return [f"{v:,.{digits}f}" if _is_number(v) else _said(v) for v in values]
    return [_said(value) for value in values]


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return (
            f"{value:.4g}"
            if abs(value) < 0.01 and value
            else f"{value:,.2f}".rstrip("0").rstrip(".")
        )
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
