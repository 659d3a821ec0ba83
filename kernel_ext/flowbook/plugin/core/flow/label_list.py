"""Labels as people write them, a map or a list, read as pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from flowbook.errors import TaskFailed
from flowbook.kinds.dynamic import Json

from .turns import as_text

WANTED = "labels must be a map or a list of {key, value}"


def label_list(given: Json) -> Sequence[Mapping[str, str]]:
    """`{key, value}` of each label; values become text.

    Raises:
        TaskFailed: of another shape, or a label that only the system sets.
    """
    if given is None or given == "":
        return ()
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise TaskFailed(f"{WANTED}, but are '{given[:200]}'") from None
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, list | tuple) and all(_is_pair(item) for item in given):
        pairs = [(item["key"], item["value"]) for item in given]
    else:
        raise TaskFailed(f"{WANTED}, but are '{given}'")
    labels = [{"key": str(key), "value": as_text(value)} for key, value in pairs]
    for label in labels:
        if not label["key"] or not label["value"]:
            raise TaskFailed(f"A label needs a key and a value: '{label['key']}: {label['value']}'")
        if label["key"].startswith("system."):
            raise TaskFailed(f"System labels can only be set by the system: {label['key']}")
    return labels


def _is_pair(item: Json) -> bool:
    return isinstance(item, Mapping) and {"key", "value"} <= item.keys()
