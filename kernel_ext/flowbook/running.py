"""The API inside a run: `fb.outputs`, `fb.inputs`, `fb.execution`, `fb.progress`, `fb.metric`.

The channel is the folder `FLOWBOOK_RUN`; outside a run every call is harmless. This module stands
alone, with nothing but the standard library, so that a kernel without flowbook can load it by its path.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LARGE = 64 * 1024
"""Bytes of JSON from which a list of maps, or an array, becomes a file."""
MANY = 100
LARGEST_RESULT = 2**20
"""Bytes of JSON up to which the value of a cell's last expression is handed on by itself."""
MIME = "application/vnd.flowbook.outputs+json"


class Table:
    """A reference to a table of the flow: nothing is read before it is asked for."""

    def __init__(self, path: str, *, uri: str, rows: int, columns: Sequence[str]) -> None:
        self.path = path
        self.uri = uri
        self.rows = rows
        self.columns = list(columns)

    def arrow(self) -> Any:
        """The table as a `pyarrow.Table`."""
        import pyarrow.parquet

        return pyarrow.parquet.read_table(self.path)

    def df(self) -> Any:
        """The table as a pandas DataFrame."""
        import pandas

        return pandas.read_parquet(self.path)

    def polars(self) -> Any:
        """The table as a polars DataFrame."""
        import polars

        return polars.read_parquet(self.path)

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.arrow().to_pylist())

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        return f"<table {self.rows} × {len(self.columns)}: {', '.join(self.columns)}>"


class Execution:
    """Which execution, flow and task this code runs for; outside a run all of it is `None`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @property
    def id(self) -> str | None:
        return self._values.get("id")

    @property
    def flow(self) -> str | None:
        return self._values.get("flow")

    @property
    def namespace(self) -> str | None:
        return self._values.get("namespace")

    @property
    def task(self) -> str | None:
        return self._values.get("task")

    @property
    def attempt(self) -> int | None:
        return self._values.get("attempt")

    @property
    def labels(self) -> Mapping[str, str]:
        return self._values.get("labels") or {}

    def __bool__(self) -> bool:
        return self.id is not None

    def __repr__(self) -> str:
        return (
            f"<execution {self.id} of {self.namespace}.{self.flow}>" if self else "<no execution>"
        )


def _folder() -> Path | None:
    name = os.environ.get("FLOWBOOK_RUN")
    return Path(name) if name and os.path.isdir(name) else None


def _run() -> Mapping[str, Any]:
    folder = _folder()
    if folder is None:
        return {}
    try:
        found = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _inputs() -> Mapping[str, Any]:
    """The inputs of the execution by name; empty outside a run."""
    return _run().get("inputs") or {}


def _execution() -> Execution:
    """The execution this code runs for."""
    return Execution(_run().get("execution") or {})


def __getattr__(name: str) -> Any:
    """`inputs` and `execution` are values that are looked up whenever they are used."""
    match name:
        case "inputs":
            return _inputs()
        case "execution":
            return _execution()
    raise AttributeError(f"module 'flowbook.running' has no attribute {name!r}")


def outputs(**values: Any) -> None:
    """Hand results on to the flow; later calls add, the same name again replaces."""
    folder = _folder()
    if folder is None:
        for name, value in values.items():
            _checked(name, value)
        return
    run = _run()
    entries = []
    for name, value in values.items():
        if name in run.get("reserved", ()):
            raise ValueError(
                f"'{name}' is a name flowbook uses for the outputs of a notebook: choose another"
            )
        entries.append({"name": name, **_stored(name, value, folder / "outputs")})
    _append(folder / "outputs" / "index.jsonl", entries)
    if entries and run.get("in_notebook"):
        _leave_in_cell(entries)


def progress(fraction: float | None, text: str = "") -> None:
    """Show how far the work is, from 0 to 1, and a word on it."""
    if (folder := _folder()) is not None:
        shown = None if fraction is None else min(1.0, max(0.0, float(fraction)))
        _append(folder / "news.jsonl", [{"progress": shown, "text": str(text)}])


def metric(name: str, value: float, **tags: Any) -> None:
    """Record a number beside the execution."""
    number = float(value)
    if (folder := _folder()) is not None and math.isfinite(number):
        entry = {"metric": name, "value": number, "tags": {k: str(v) for k, v in tags.items()}}
        _append(folder / "news.jsonl", [entry])


def hand_out_variables(namespace: Mapping[str, Any], declared: Mapping[str, str]) -> None:
    """Hand on variables of a notebook: output id to variable. Raises `NameError` naming those not there."""
    missing = [variable for variable in declared.values() if variable not in namespace]
    if missing:
        raise NameError(", ".join(missing))
    folder = _folder()
    if folder is not None:
        entries = [
            {"name": name, **_stored(name, namespace[variable], folder / "outputs")}
            for name, variable in declared.items()
        ]
        _append(folder / "outputs" / "index.jsonl", entries)


def hand_out_result(value: Any, name: str = "result") -> None:
    """Hand on the value of a cell's last expression, if it is JSON or a table."""
    folder = _folder()
    if folder is None or value is None:
        return
    entry: dict[str, Any] | None = None
    for attempt in (_frame, _array):
        entry = entry or attempt(name, value, folder / "outputs")
    if entry is None:
        nans: list[float] = []
        try:
            plain = _json(value, nans)
        except TypeError:
            return
        entry = _long_list(plain, folder / "outputs") if isinstance(plain, list) else None
        entry = entry or {"kind": "json", "value": plain}
        if len(json.dumps(plain)) > LARGEST_RESULT and entry["kind"] == "json":
            said = "The value of the last expression is too large to be handed on: name it in `outputs`"
            entry = {"kind": "json", "value": None, "warning": said}
        elif nans:
            entry["warning"] = f"The last value holds {nans[0]}: NaN and infinities become null"
    if entry["kind"] != "file":
        _append(folder / "outputs" / "index.jsonl", [{"name": name, **entry}])


def _append(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(entry, ensure_ascii=True) + "\n" for entry in entries).encode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        while text:
            text = text[os.write(descriptor, text) :]
    finally:
        os.close(descriptor)


def _leave_in_cell(entries: Sequence[Mapping[str, Any]]) -> None:
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import publish_display_data
    except ImportError:
        return
    if get_ipython() is None:
        return
    bundle = {
        e["name"]: e["value"] if e["kind"] == "json" else {e["kind"]: e["file"]} for e in entries
    }
    publish_display_data({MIME: bundle})


# What a value becomes


def _checked(name: str, value: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        _stored(name, value, Path(folder))


def _file(folder: Path, suffix: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{time.time_ns():x}-{uuid.uuid4().hex[:6]}{suffix}"


def _stored(name: str, value: Any, folder: Path) -> dict[str, Any]:
    """The entry for one value; what isn't JSON is written beside the index."""
    if isinstance(value, Table):
        path = _file(folder, ".parquet")
        shutil.copyfile(value.path, path)
        return _table_entry(path, value.rows, value.columns)
    for attempt in (_frame, _array, _figure, _bytes):
        if (entry := attempt(name, value, folder)) is not None:
            return entry
    nans: list[float] = []
    try:
        plain = _json(value, nans)
    except TypeError:
        plain = TypeError
    if plain is TypeError:
        if (entry := _html(value, folder)) is not None:
            return entry
        raise TypeError(
            f"Output '{name}' is a {type(value).__name__}: hand on a number, text, table, figure or file"
        )
    if isinstance(plain, list) and (entry := _long_list(plain, folder)) is not None:
        return entry
    entry = {"kind": "json", "value": plain}
    if nans:
        entry["warning"] = f"Output '{name}' holds {nans[0]}: NaN and infinities become null"
    return entry


def _json(value: Any, nans: list[float]) -> Any:
    match value:
        case None | bool() | str():
            return value if type(value) in (bool, str, type(None)) else str(value)
        case int():
            return int(value)
        case float():
            if math.isfinite(value):
                return float(value)
            nans.append(value)
            return None
        case Mapping():
            return {_key(key): _json(item, nans) for key, item in value.items()}
        case list() | tuple():
            return [_json(item, nans) for item in value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return _duration(value)
        case decimal.Decimal() | uuid.UUID() | Path():
            return str(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return _json(value.tolist(), nans)
    raise TypeError


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool | int | float):
        return str(key)
    raise TypeError


def _duration(value: datetime.timedelta) -> str:
    seconds = value.total_seconds()
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{int(hours)}H" if hours else "", f"{int(minutes)}M" if minutes else ""]
    parts.append(f"{left:.6f}".rstrip("0").rstrip(".") + "S" if left or not any(parts) else "")
    return f"{sign}PT{''.join(parts)}"


def _module(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _frame(name: str, value: Any, folder: Path) -> dict[str, Any] | None:
    match _module(value), type(value).__name__:
        case "pandas", "Series":
            value = value.to_frame(name if value.name is None else str(value.name))
        case "pandas", "DataFrame":
            pass
        case "polars", "Series":
            value = value.to_frame(value.name or name)
            return _parquet(value.to_arrow(), folder)
        case "polars", "LazyFrame":
            return _parquet(value.collect().to_arrow(), folder)
        case "polars", "DataFrame":
            return _parquet(value.to_arrow(), folder)
        case "pyarrow", "Table":
            return _parquet(value, folder)
        case "pyarrow", "RecordBatch":
            import pyarrow

            return _parquet(pyarrow.Table.from_batches([value]), folder)
        case "pyarrow", "RecordBatchReader":
            return _parquet(value.read_all(), folder)
        case ("duckdb" | "_duckdb", "DuckDBPyRelation"):
            return _parquet(value.to_arrow_table(), folder)
        case _:
            return None
    import pyarrow

    if any(label is not None for label in value.index.names):
        value = value.reset_index()
    value = value.rename(columns=str)
    table = pyarrow.Table.from_pandas(value, preserve_index=False)
    return _parquet(table, folder)


def _parquet(table: Any, folder: Path, *, is_list: bool = False) -> dict[str, Any]:
    import pyarrow.parquet

    path = _file(folder, ".parquet")
    pyarrow.parquet.write_table(table, path)
    return _table_entry(path, table.num_rows, table.column_names, is_list=is_list)


def _table_entry(
    path: Path, rows: int, columns: Sequence[str], *, is_list: bool = False
) -> dict[str, Any]:
    return {
        "kind": "table",
        "file": path.name,
        "rows": rows,
        "columns": list(columns),
        "list": is_list,
    }


def _long_list(value: list[Any], folder: Path) -> dict[str, Any] | None:
    if not value or not all(isinstance(item, dict) for item in value):
        return None
    if len(value) < MANY and len(json.dumps(value)) < LARGE:
        return None
    try:
        import pyarrow

        names = list(dict.fromkeys(key for item in value for key in item))
        table = pyarrow.Table.from_pylist(value, schema=None) if names else None
        if table is None or table.column_names != names:
            columns = {key: [item.get(key) for item in value] for key in names}
            table = pyarrow.table(columns)
        return _parquet(table, folder, is_list=True)
    except (ImportError, ValueError, TypeError, NotImplementedError):
        return None  # maps whose values have no common type stay JSON


def _array(name: str, value: Any, folder: Path) -> dict[str, Any] | None:
    if _module(value) != "numpy" or type(value).__name__ != "ndarray":
        return None
    if value.dtype.kind in "OV" or value.size * 8 < LARGE:
        return None  # as a list
    import numpy

    if value.ndim in (1, 2) and value.dtype.kind in "biufMm":
        import pyarrow

        columns = [value] if value.ndim == 1 else [value[:, i] for i in range(value.shape[1])]
        names = [name] if value.ndim == 1 else [str(i) for i in range(len(columns))]
        arrays = [pyarrow.array(numpy.ascontiguousarray(column)) for column in columns]
        return _parquet(pyarrow.table(arrays, names=names), folder)
    path = _file(folder, ".npy")
    numpy.save(path, value)
    return {"kind": "file", "file": path.name, "as": f"{name}.npy"}


def _figure(name: str, value: Any, folder: Path) -> dict[str, Any] | None:
    module = _module(value)
    if module == "matplotlib":
        figure: Any = value if hasattr(value, "savefig") else getattr(value, "figure", None)
        if hasattr(figure, "savefig"):
            path = _file(folder, ".png")
            figure.savefig(path, format="png", bbox_inches="tight")
            return {"kind": "file", "file": path.name, "as": f"{name}.png"}
    if module == "plotly" and hasattr(value, "write_html"):
        path = _file(folder, ".html")
        value.write_html(path)
        return {"kind": "file", "file": path.name, "as": f"{name}.html"}
    if module == "PIL" and hasattr(value, "save"):
        path = _file(folder, ".png")
        value.save(path, format="PNG")
        return {"kind": "file", "file": path.name, "as": f"{name}.png"}
    return None


def _bytes(name: str, value: Any, folder: Path) -> dict[str, Any] | None:
    if isinstance(value, os.PathLike) and os.path.isfile(value):
        source = Path(os.fspath(value))
        path = _file(folder, source.suffix)
        shutil.copyfile(source, path)
        return {"kind": "file", "file": path.name, "as": source.name}
    if isinstance(value, bytes | bytearray | memoryview):
        path = _file(folder, ".bin")
        path.write_bytes(value)
        return {"kind": "file", "file": path.name, "as": name}
    if hasattr(value, "read") and callable(value.read) and hasattr(value, "close"):
        data = value.read()
        path = _file(folder, ".bin")
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return {
            "kind": "file",
            "file": path.name,
            "as": os.path.basename(str(getattr(value, "name", name))),
        }
    return None


def _html(value: Any, folder: Path) -> dict[str, Any] | None:
    draw = getattr(value, "_repr_html_", None)
    text = draw() if callable(draw) and not isinstance(value, type) else None
    if not isinstance(text, str):
        return None
    path = _file(folder, ".html")
    path.write_text(text, encoding="utf-8")
    return {"kind": "file", "file": path.name, "as": path.name}
