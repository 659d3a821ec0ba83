"""A notebook as JSON: read, upgraded to nbformat 4.5, its cells numbered, written back.

nbformat itself is not imported: its schema machinery costs more than a second.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import FlowbookError

Json: TypeAlias = Any
Document: TypeAlias = dict[str, Any]
"""A notebook's JSON with texts joined, at nbformat 4.5."""

PARAMETERS = "parameters"
INJECTED = "injected-parameters"
RAISES = "raises-exception"
SKIP = "skip-execution"


class NotANotebook(FlowbookError):
    """The file isn't a notebook that can be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as it was when it was read."""

    path: Path
    document: Document
    digest: str
    """SHA-256 of the file's bytes."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def kernel(self) -> str | None:
        """Name of the kernel the notebook asks for."""
        spec = self.document["metadata"].get("kernelspec")
        name = spec.get("name") if isinstance(spec, Mapping) else None
        return name if isinstance(name, str) and name else None

    @property
    def language(self) -> str | None:
        """What the notebook says its language is."""
        metadata = self.document["metadata"]
        for key, field in (("language_info", "name"), ("kernelspec", "language")):
            found = metadata.get(key)
            if isinstance(found, Mapping) and isinstance(found.get(field), str):
                return str(found[field])
        return None


def load(path: Path) -> Notebook:
    """Read a notebook. Raises `NotANotebook`, or `FileNotFoundError`."""
    data = path.read_bytes()
    return Notebook(path, parse(data, path.name), hashlib.sha256(data).hexdigest())


def parse(data: bytes | str, name: str) -> Document:
    """The document in a notebook's bytes, upgraded. Raises `NotANotebook`."""
    if not data.strip():
        raise NotANotebook(f"{name} is not a notebook: it is empty")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"{name} is not a notebook: {error}") from None
    if not isinstance(found, dict):
        raise NotANotebook(f"{name} is not a notebook: it holds no JSON object")
    major = found.get("nbformat")
    if isinstance(major, int) and major != 4:
        hint = (
            "open it in Jupyter and save it to upgrade it"
            if major < 4
            else "it is newer than this flowbook"
        )
        raise NotANotebook(f"{name} is not a notebook of format 4: its nbformat is {major}; {hint}")
    if not isinstance(found.get("cells"), list):
        raise NotANotebook(f"{name} is not a notebook: it has no list of cells")
    for number, cell in enumerate(found["cells"], 1):
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            raise NotANotebook(f"{name} is not a notebook: entry {number} of its cells is no cell")
    return _upgraded(found)


def _upgraded(document: Document) -> Document:
    document["nbformat"], document["nbformat_minor"] = (
        4,
        max(5, _int(document.get("nbformat_minor"))),
    )
    if not isinstance(document.get("metadata"), dict):
        document["metadata"] = {}
    taken: set[str] = set()
    for position, cell in enumerate(document["cells"]):
        cell["source"] = joined(cell.get("source", ""))
        if not isinstance(cell.get("metadata"), dict):
            cell["metadata"] = {}
        if not isinstance(cell.get("id"), str) or cell["id"] in taken:
            cell["id"] = _cell_id(position, cell["source"], taken)
        taken.add(cell["id"])
        if cell["cell_type"] == "code":
            outputs = cell.get("outputs")
            cell["outputs"] = (
                [_joined_output(o) for o in outputs] if isinstance(outputs, list) else []
            )
            cell.setdefault("execution_count", None)
    return document


def _cell_id(position: int, source: str, taken: set[str]) -> str:
    """An id that a second reading of the same notebook gives again."""
    for salt in range(1000):
        found = hashlib.blake2b(
            f"{position}\x1f{salt}\x1f{source}".encode(), digest_size=4
        ).hexdigest()
        if found not in taken:
            return found
    raise NotANotebook("the notebook has too many cells")


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def joined(text: Json) -> str:
    """A text that nbformat may have split into lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")


def is_json_mime(mime: str) -> bool:
    return mime == "application/json" or mime.endswith("+json")


def _joined_output(output: Json) -> Json:
    if not isinstance(output, dict):
        return output
    if "text" in output:
        output["text"] = joined(output["text"])
    data = output.get("data")
    if isinstance(data, dict):
        for mime, value in data.items():
            if isinstance(value, list) and not is_json_mime(mime):
                data[mime] = joined(value)
    return output


def tags(cell: Mapping[str, Json]) -> Sequence[str]:
    found = cell["metadata"].get("tags")
    return found if isinstance(found, list) else ()


def numbered(document: Document) -> Iterator[tuple[int, Document]]:
    """Code cells with their numbers, from 1; the injected cell has 0."""
    number = 0
    for cell in document["cells"]:
        if cell["cell_type"] != "code":
            continue
        if INJECTED in tags(cell):
            yield 0, cell
        else:
            number += 1
            yield number, cell


def count(document: Document) -> int:
    """How many cells have a number."""
    return max((number for number, _ in numbered(document)), default=0)


def tagged(document: Document, tag: str) -> int | None:
    """Position of the first cell with a tag."""
    return next((i for i, cell in enumerate(document["cells"]) if tag in tags(cell)), None)


def cleared(document: Document) -> Document:
    """A copy whose code cells have no outputs yet."""
    cells = []
    for cell in document["cells"]:
        fresh = {**cell, "metadata": dict(cell["metadata"])}
        if cell["cell_type"] == "code":
            fresh |= {"outputs": [], "execution_count": None}
            fresh["metadata"].pop("papermill", None)
        cells.append(fresh)
    metadata = {k: v for k, v in document["metadata"].items() if k not in ("widgets", "papermill")}
    return {**document, "cells": cells, "metadata": metadata}


def inject(document: Document, source: str) -> Document:
    """A copy with an injected cell: in place of an earlier one, else after the parameters cell, else first."""
    cell: Document = {
        "cell_type": "code",
        "execution_count": None,
        "id": hashlib.blake2b(source.encode(), digest_size=4).hexdigest() + "-p",
        "metadata": {"tags": [INJECTED]},
        "outputs": [],
        "source": source,
    }
    cells = list(document["cells"])
    earlier, declared = tagged(document, INJECTED), tagged(document, PARAMETERS)
    if earlier is not None:
        cells[earlier] = {**cell, "id": cells[earlier]["id"]}
    else:
        cells.insert(0 if declared is None else declared + 1, cell)
    return {**document, "cells": cells}


def dump(document: Document) -> bytes:
    """A notebook's bytes as Jupyter writes them: texts as lists of lines, keys sorted."""
    return b"".join(_pieces(document, {}))


_BEGIN, _END = b'\n "cells": [\n', b"\n ]"


def encoded_cell(cell: Mapping[str, Json]) -> bytes:
    """A cell as it stands in a notebook's bytes."""
    alone = encoded(_ordered({"cells": [_split_cell(cell)]}), indent=1)
    return alone.removeprefix(b"{" + _BEGIN).removesuffix(_END + b"\n}")


def _pieces(document: Document, ready: Mapping[int, bytes]) -> Iterator[bytes]:
    without = encoded(_ordered({**document, "cells": []}), indent=1)
    before, empty, after = without.partition(b'\n "cells": []')
    yield before
    for position, cell in enumerate(document["cells"]):
        yield b",\n" if position else _BEGIN
        yield ready.get(position) or encoded_cell(cell)
    yield _END if document["cells"] else empty
    yield after + b"\n"


def encoded(value: Json, indent: int | None = None) -> bytes:
    """JSON in UTF-8: by pydantic's encoder, four times as fast as the standard library's."""
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(value, indent=indent)
    except PydanticSerializationError:
        # a lone surrogate, as a kernel may print one, has no place in UTF-8
        text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
        return text.encode("utf-8", "replace")


def _ordered(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_ordered(item) if isinstance(item, dict | list) else item for item in value]
    return value


def write(document: Document, path: Path, ready: Mapping[int, bytes] = {}) -> None:
    """Put a notebook in place by rename: nobody ever sees half of it.

    `ready`: cells that have been encoded already, by position.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.writelines(_pieces(document, ready))
    os.replace(part, path)


def _split_cell(cell: Mapping[str, Json]) -> MutableMapping[str, Json]:
    fresh = {**cell, "source": cell["source"].splitlines(keepends=True)}
    if cell["cell_type"] == "code":
        fresh["outputs"] = [_split_output(output) for output in cell["outputs"]]
    return fresh


def _split_output(output: Json) -> Json:
    if not isinstance(output, dict):
        return output
    fresh = dict(output)
    if isinstance(fresh.get("text"), str):
        fresh["text"] = fresh["text"].splitlines(keepends=True)
    if isinstance(fresh.get("data"), dict):
        fresh["data"] = {
            mime: value.splitlines(keepends=True)
            if isinstance(value, str) and (mime.startswith("text/") or mime.endswith("+xml"))
            else value
            for mime, value in fresh["data"].items()
        }
    return fresh
