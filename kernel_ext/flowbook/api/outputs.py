"""What a task handed on, at hand: tables, files and plain values that show themselves in a notebook."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, NotFound
from flowbook.expressions.values import TableValue
from flowbook.kinds.dynamic import Json

if TYPE_CHECKING:
    from flowbook.storage.files import Storage
    from flowbook.views.outputs import Preview

FIRST = 1000
"""Rows of a table that `show` reads."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
TEXTS = frozenset(
    {".txt", ".log", ".csv", ".json", ".jsonl", ".ion", ".yaml", ".yml", ".xml", ".sql"}
)
LARGEST_TEXT = 20_000
LARGEST_PICTURE = 400_000


class Outputs(Mapping[str, Any]):
    """The outputs of a task run: a map, and attributes for those whose names allow it."""

    def __init__(self, task_id: str, values: Mapping[str, Json], storage: Storage) -> None:
        self._task_id = task_id
        self._values = values
        self._storage = storage

    def __getitem__(self, name: str) -> Any:
        return _at_hand(self._values[name], self._storage)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(name)
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._values if name.isidentifier())]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._values)

    def __repr__(self) -> str:
        return repr({name: self[name] for name in self._values})

    def _repr_html_(self) -> str:
        from flowbook.views.handed_on import html

        return html([(name, _preview(name, self[name])) for name in self._values])

    def df(self, name: str | None = None) -> Any:
        """A table among them, as a pandas DataFrame; without a name the only one. Raises `NotFound`."""
        import pandas

        value = self[self._table(name)]
        return value.df() if isinstance(value, Table) else pandas.DataFrame(value)

    def show(self, name: str | None = None) -> None:
        """Display one of them, or all, as a notebook shows such things."""
        from IPython.display import HTML, display

        if name is not None:
            display(shown(self.named(name)))
            return
        for each in self._values:
            display(HTML(f"<b>{self._task_id}.{each}</b>"))
            display(shown(self[each]))

    def named(self, name: str) -> Any:
        """One of them. Raises `NotFound` that says which there are."""
        return self[self._known(name)]

    def path(self, name: str) -> Path:
        """The local file behind one of them. Raises `NotFound` if it is no file."""
        value = self._values.get(name)
        found = _at_hand(value, self._storage)
        if not isinstance(found, File | Table):
            raise NotFound(f"Output '{name}' of task '{self._task_id}' is no file")
        return found.path

    def _known(self, name: str) -> str:
        if name not in self._values:
            has = ", ".join(self._values) or "none"
            raise NotFound(f"Task '{self._task_id}' has no output '{name}'; it has {has}")
        return name

    def _table(self, name: str | None) -> str:
        if name is not None:
            return self._known(name)
        tables = [key for key in self._values if _is_tabular(self[key])]
        if len(tables) != 1:
            which = ", ".join(tables) if tables else "no table"
            example = (tables or ["name"])[0]
            raise NotFound(
                f"Task '{self._task_id}' handed on {which}: say which, like df('{example}')"
            )
        return tables[0]


@dataclass(frozen=True, eq=False, repr=False)
class Table(TableValue):
    """A table kept as a file: nothing is read before somebody asks."""

    path: Path = field(default=Path())

    def df(self) -> Any:
        """All of it as a pandas DataFrame."""
        import pandas

        return pandas.read_parquet(self.path)

    def polars(self) -> Any:
        """All of it as a polars DataFrame."""
        import polars

        return polars.read_parquet(self.path)

    def arrow(self) -> Any:
        """All of it as a `pyarrow.Table`."""
        import pyarrow.parquet

        return pyarrow.parquet.read_table(self.path)

    def head(self, rows: int = FIRST) -> list[dict[str, Any]]:
        """Its first rows."""
        import pyarrow.parquet

        for batch in pyarrow.parquet.ParquetFile(self.path).iter_batches(rows):
            found: list[dict[str, Any]] = batch.to_pylist()
            return found
        return []

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.arrow().to_pylist())

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        names = ", ".join(column["name"] for column in self.columns)
        return f"<table {self.rows} × {len(self.columns)}: {names}>"

    def _repr_html_(self) -> str:
        from flowbook.views.handed_on import html

        return html([("", _preview("", self))])


class File(str):
    """The URI of a stored file; `.path` is where it lies on this machine."""

    path: Path

    @classmethod
    def at(cls, uri: str, path: Path) -> File:
        made = cls(uri)
        made.path = path
        return made

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    def read_text(self) -> str:
        return self.path.read_text("utf-8", "replace")

    def read_bytes(self) -> bytes:
        return self.path.read_bytes()

    def _repr_html_(self) -> str:
        from flowbook.views.handed_on import html

        return html([("", _preview("", self))])


def shown(value: Any) -> Any:
    """What IPython displays of a value: a frame, a picture, a page, a link, or the value itself."""
    if isinstance(value, File):
        return _file_shown(value)
    if not _is_tabular(value):
        return value
    try:
        import pandas
    except ImportError:
        return value
    return pandas.DataFrame(value.head() if isinstance(value, Table) else value[:FIRST])


def _file_shown(file: File) -> Any:
    from IPython.display import HTML, SVG, FileLink, Image, Markdown

    match file.suffix:
        case suffix if suffix in PICTURES:
            return Image(data=file.read_bytes(), format=suffix[1:].replace("jpg", "jpeg"))
        case ".svg":
            return SVG(data=file.read_text())
        case ".html":
            return HTML(file.read_text())
        case ".md":
            return Markdown(file.read_text())
        case suffix if suffix in TEXTS:
            return Markdown(f"```\n{file.read_text()[:LARGEST_TEXT]}\n```")
    return FileLink(os.path.relpath(file.path))


def _at_hand(value: Json, storage: Storage) -> Any:
    """A stored value with tables and files in place of their marks and URIs, at any depth."""
    from flowbook.engine.tables import is_table, opened

    match value:
        case Mapping() if is_table(value):
            table = opened(value, storage)
            return Table(
                uri=table.uri,
                rows=table.rows,
                columns=table.columns,
                bytes=table.bytes,
                load=table.load,
                as_list=table.as_list,
                path=storage.path(table.uri),
            )
        case Mapping():
            return {key: _at_hand(item, storage) for key, item in value.items()}
        case list():
            return [_at_hand(item, storage) for item in value]
        case str() if value.startswith(("kestra:///", "flowbook:///")):
            try:
                return File.at(value, storage.path(value))
            except FlowbookError:  # text that only looks like one
                return value
    return value


def _is_tabular(value: Any) -> bool:
    """Whether it is a table, or a list of maps."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Table)


def _preview(title: str, value: Any) -> Preview:
    """A few lines of a value, or a picture."""
    from flowbook.views.outputs import ROWS, Preview, table

    if isinstance(value, Table):
        return table(title, value.head(ROWS), value.rows)
    if _is_tabular(value):
        return table(title, value)
    if isinstance(value, File):
        kind = mimetypes.types_map.get(value.suffix, "")
        size = value.path.stat().st_size if value.path.is_file() else None
        if value.suffix in PICTURES and size is not None and size <= LARGEST_PICTURE:
            from base64 import b64encode

            data = b64encode(value.read_bytes()).decode()
            return Preview(title=title, note=value.path.name, image=f"data:{kind};base64,{data}")
        note = "executed copy" if value.suffix == ".ipynb" else "" if size is not None else "gone"
        return Preview(title=title, note=note, text=str(value), path=os.path.relpath(value.path))
    text = repr(value)
    return Preview(title=title, text=text if len(text) <= 500 else f"{text[:499]}…")
