"""Flows as people hand them over: YAML text, a file, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowbook.errors import NotFound
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Json
from flowbook.workspace.place import Place


def read(
    source: str | Path | Mapping[str, Json], place: Place, *, namespace: str | None = None
) -> Flow:
    """A flow from YAML text, a file or a mapping. Raises `FlowInvalid`, `NotFound`."""
    from flowbook.flows.parse import parse

    text, name, folder = text_of(source, place)
    return parse(text, name, namespace=namespace, folder=folder)


def text_of(source: str | Path | Mapping[str, Json], place: Place) -> tuple[str, str, Path | None]:
    """Text, name for messages, and folder of a flow given as text, path or mapping."""
    if isinstance(source, Mapping):
        import yaml

        return yaml.safe_dump(dict(source), sort_keys=False, allow_unicode=True), "<mapping>", None
    if isinstance(source, str) and not is_yaml(source):
        source = Path(source)
    if isinstance(source, Path):
        path = source if source.is_absolute() else Path.cwd() / source
        try:
            return path.read_text("utf-8"), str(path.resolve()), path.resolve().parent
        except OSError as error:
            raise NotFound(f"{source} can't be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise NotFound(f"{source} is not a text file in UTF-8") from None
    return source, "<flow>", None


def is_yaml(text: str) -> bool:
    """Whether a text is a flow's YAML rather than its name or path."""
    return "\n" in text or ": " in text or text.lstrip().startswith("{")


def is_path(text: str) -> bool:
    """Whether a text is the path of a flow's file rather than `namespace.id` or YAML."""
    return not is_yaml(text) and text.endswith((".yaml", ".yml"))
