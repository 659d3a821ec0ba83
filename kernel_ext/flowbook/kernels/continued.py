"""Going on with a notebook at a cell: what changed in its copy, and the document that runs then.

Cells are matched by their ids. A cell whose id the run doesn't know is scratch: it is never run and
never written to the source. An edit is `{cell, id, before, after}`; `before` is what the source said.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import Conflict, NotFound
from .executed import is_skipped
from .notebook import SKIP, Document, Json, count, numbered, parse

Edit = Mapping[str, Json]


def edits_between(ran: Document, copy: Document, known: Sequence[Edit] = ()) -> list[Edit]:
    """What a copy says otherwise than the run's own; `known` are edits that the run began with.

    A cell taken out of the copy counts as emptied.
    """
    before = {edit["id"]: edit["before"] for edit in known}
    now = {cell["id"]: cell["source"] for cell in copy["cells"]}
    found: list[Edit] = []
    for number, cell in numbered(ran):
        was, said = before.get(cell["id"], cell["source"]), now.get(cell["id"], "")
        if number and said != was:
            found.append({"cell": number, "id": cell["id"], "before": was, "after": said})
    return found


def followed(ran: Document, source: Document | None, known: Sequence[Edit]) -> Document:
    """The run's own cells as its source says them now; what can't be matched stays as it ran."""
    if source is None:
        return ran
    texts = {cell["id"]: cell["source"] for cell in source["cells"]}
    same = count(source) == count(ran)
    by_number = {number: cell["source"] for number, cell in numbered(source)} if same else {}
    mended = {edit["id"]: edit for edit in known}
    edits: list[Edit] = []
    for number, cell in numbered(ran):
        text = texts.get(cell["id"], by_number.get(number))
        edit = mended.get(cell["id"])
        if number and text is not None and not (edit and text == edit["before"]):
            edits.append({"id": cell["id"], "after": text})
    return edited(ran, edits)


def scratch(ran: Document, copy: Document) -> int:
    """How many code cells of a copy the run doesn't know."""
    known = {cell["id"] for cell in ran["cells"]}
    return sum(
        cell["cell_type"] == "code" and cell["id"] not in known and bool(cell["source"].strip())
        for cell in copy["cells"]
    )


def edited(document: Document, edits: Sequence[Edit]) -> Document:
    """The document with its edits."""
    after = {edit["id"]: edit["after"] for edit in edits}
    cells = [
        {**cell, "source": after[cell["id"]]} if cell["id"] in after else cell
        for cell in document["cells"]
    ]
    return {**document, "cells": cells}


def position_of(document: Document, number: int) -> int:
    """Where a numbered cell lies. Raises `NotFound`."""
    for found, cell in numbered(document):
        if found == number:
            return int(document["cells"].index(cell))
    raise NotFound(f"The notebook has no cell {number}: its cells are 1 to {count(document)}")


def first_not_done(document: Document) -> int:
    """The number of the first cell that a run didn't get through: the last to go on from."""
    for number, cell in numbered(document):
        done = cell["metadata"].get("papermill", {}).get("status") == "completed"
        if number and not done and not is_skipped(cell, SKIP):
            return number
    return count(document)


def shown(document: Document, position: int) -> Document:
    """How the copy of the new run begins: the cells before a position as they ended, the rest without outputs."""
    cells = []
    for place, cell in enumerate(document["cells"]):
        fresh = {**cell, "metadata": dict(cell["metadata"])}
        if cell["cell_type"] == "code" and place >= position:
            fresh |= {"outputs": [], "execution_count": None}
            fresh["metadata"].pop("papermill", None)
        cells.append(fresh)
    return {**document, "cells": cells, "metadata": dict(document["metadata"])}


def diff(edits: Sequence[Edit], name: str) -> str:
    """Edits as a unified diff, cell by cell."""
    lines: list[str] = []
    for edit in edits:
        where = f"{name}, cell {edit['cell']}"
        before, after = edit["before"].splitlines(), edit["after"].splitlines()
        lines += difflib.unified_diff(before, after, where, where, lineterm="", n=2)
    return "\n".join(lines)


def written_back(data: bytes, edits: Sequence[Edit], name: str) -> bytes:
    """A source's bytes with edits in it, and nothing else changed.

    Raises `Conflict` with both texts where a cell has changed meanwhile.
    """
    parsed = parse(data, name)
    places = {cell["id"]: place for place, cell in enumerate(parsed["cells"])}
    raw = json.loads(data)
    for edit in edits:
        place = places.get(edit["id"])
        if place is None:
            place = _same_text(parsed, edit)
        found = None if place is None else parsed["cells"][place]["source"]
        if found == edit["after"]:
            continue
        if place is None or found != edit["before"]:
            raise Conflict(_conflict(name, edit, found))
        raw["cells"][place]["source"] = edit["after"].splitlines(keepends=True)
    return (json.dumps(raw, ensure_ascii=False, indent=_indent(data)) + "\n").encode()


def _same_text(document: Document, edit: Edit) -> int | None:
    """Where a cell lies that kept its text and its number, but not its id."""
    for number, cell in numbered(document):
        if number == edit["cell"] and cell["source"] in (edit["before"], edit["after"]):
            return int(document["cells"].index(cell))
    return None


def _conflict(name: str, edit: Edit, found: str | None) -> str:
    said = "is not there any more" if found is None else "has changed meanwhile"
    there = "" if found is None else f"\n\nThere now:\n{_indented(found)}"
    return (
        f"Cell {edit['cell']} of {name} {said}: nothing was written."
        f"{there}\n\nYours:\n{_indented(edit['after'])}"
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _indent(data: bytes) -> int:
    """How a notebook's file is indented; Jupyter's own way is 1."""
    second = data.split(b"\n", 2)[1:2]
    return len(second[0]) - len(second[0].lstrip(b" ")) or 1 if second else 1


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in place by rename, with the mode it had."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.chmod(path.stat().st_mode & 0o777)
    os.replace(part, path)
