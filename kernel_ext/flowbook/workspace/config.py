"""A workspace's configuration: found, its placeholders resolved, overridden by the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowbook.errors import WorkspaceError

if TYPE_CHECKING:
    from .place import Place

NODES = 100_000
_MISSING = object()
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
NOT_BEFORE_TRUST = (("plugins", "locations"), ("plugins", "location"), ("connections",))
"""What the configuration of a workspace nobody has trusted doesn't bring in."""


class PlaceholderUnresolved(WorkspaceError):
    """A `${…}` has no value."""


@dataclass(frozen=True, slots=True)
class Config:
    """Values by dotted path; kebab-case, camelCase and snake_case name the same key."""

    values: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    warnings: tuple[str, ...] = ()

    def get(self, path: str, default: Any = None) -> Any:
        """What is at `a.b-c`, at the root or below `kestra`; the environment's `KESTRA_A_B_C` wins.

        >>> Config({"kestra": {"server": {"basicAuth": {"enabled": True}}}}).get("server.basic-auth.enabled")
        True
        """
        path = path.removeprefix("kestra.")
        name = re.sub("[^A-Z0-9]", "_", _kebab(path).upper())
        prefixed = name if name.startswith("FLOWBOOK_") else f"KESTRA_{name}"
        if (raw := self.environ.get(prefixed)) is not None:
            return typed(raw)
        segments = path.split(".")
        for start in (["kestra", *segments], segments):
            found = _walk(self.values, start)
            if found is not _MISSING:
                return found
        return default


def load(
    place: Place,
    *,
    trusted: bool,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Config:
    """The first configuration there is: `file`, the environment's, `kestra.yml`, the workspace's, the person's.

    Raises: WorkspaceError for text that isn't YAML or a placeholder without a value.
    """
    environment = dict(os.environ if environ is None else environ)
    text, source, own = _found(place, file, environment, folder or Path.cwd())
    if text is None:
        return Config(environ=environment)
    warnings: list[str] = []
    values = parse(text, environment if trusted or own else None, source=source, warnings=warnings)
    if not (trusted or own):
        values = _without(values, warnings, source)
    return Config(values, environment, source, tuple(warnings))


def parse(
    text: str,
    environ: Mapping[str, str] | None,
    *,
    source: str = "<config>",
    warnings: list[str] | None = None,
) -> dict[str, Any]:
    """YAML 1.2 with placeholders resolved in every scalar, before it gets its type.

    `environ` None leaves out every value with a placeholder: the file isn't trusted with the environment.
    """
    import yaml

    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    try:
        node = yaml.compose(text, loader)
    except yaml.YAMLError as error:
        raise WorkspaceError(f"{source} isn't YAML: {error}") from error
    if node is None:
        return {}
    value = _Reading(environ, source, warnings if warnings is not None else []).value(node, ())
    if not isinstance(value, dict):
        raise WorkspaceError(f"{source} should hold a mapping")
    return value


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """A text with its placeholders resolved.

    >>> resolve("http://${HOST:localhost}:${PORT:-80}/$${x}", {"PORT": ""})
    'http://localhost:80/${x}'

    Raises: PlaceholderUnresolved.
    """
    result, at = [], 0
    while at < len(text):
        if text.startswith("$${", at):
            result.append("${")
            at += 3
        elif text.startswith("${", at):
            end = _closing(text, at + 2)
            if end is None:
                result.append(text[at:])
                break
            result.append(_resolved(text[at + 2 : end], environ))
            at = end + 1
        else:
            following = text.find("$", at + 1)
            following = len(text) if following < 0 else following
            result.append(text[at:following])
            at = following
    return "".join(result)


def typed(text: str) -> Any:
    """A plain scalar's value by YAML 1.2's core rules.

    >>> typed("8080"), typed("on"), typed("true"), typed("")
    (8080, 'on', True, None)
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class _Reading:
    """One file on its way from nodes to values."""

    def __init__(self, environ: Mapping[str, str] | None, source: str, warnings: list[str]) -> None:
        self._environ, self._source, self._warnings = environ, source, warnings
        self._nodes = 0

    def value(self, node: Any, path: tuple[str, ...]) -> Any:
        import yaml

        self._nodes += 1
        if self._nodes > NODES or len(path) > 100:
            raise WorkspaceError(f"{self._source} is too large or too deep")
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case yaml.SequenceNode():
                items = (
                    self.value(item, (*path, str(index))) for index, item in enumerate(node.value)
                )
                return [item for item in items if item is not _MISSING]
            case _:
                result: dict[str, Any] = {}
                for key, item in node.value:
                    name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                    found = self.value(item, (*path, name))
                    if name == "<<" and isinstance(found, dict):
                        result = {**found, **result}
                    elif found is not _MISSING:
                        result[name] = found
                return result

    def _scalar(self, node: Any, path: tuple[str, ...]) -> Any:
        text = node.value
        if "${" in text:
            if self._environ is None:
                self._warn(
                    node,
                    path,
                    "isn't read before this workspace is trusted: it asks for the environment",
                )
                return _MISSING
            try:
                text = resolve(text, self._environ)
            except PlaceholderUnresolved as error:
                if "secrets" in path[:2]:
                    self._warn(node, path, f"is left out: {error}")
                    return _MISSING
                line = node.start_mark.line + 1
                raise PlaceholderUnresolved(f"{self._source}:{line}: {error}") from None
        return text if node.style else typed(text)

    def _warn(self, node: Any, path: tuple[str, ...], text: str) -> None:
        self._warnings.append(f"{self._source}:{node.start_mark.line + 1}: {'.'.join(path)} {text}")


def _resolved(inner: str, environ: Mapping[str, str]) -> str:
    name, colon, rest = inner.partition(":")
    name = name.strip()
    value = environ.get(name)
    if not colon:
        if value is None:
            raise PlaceholderUnresolved(f"Could not resolve placeholder ${{{name}}}")
        return value
    if rest.startswith("?"):
        if not value:
            raise PlaceholderUnresolved(
                f"{name}: {resolve(rest[1:], environ)}" if rest[1:] else f"{name} is required"
            )
        return value
    if rest.startswith("-"):
        return value or resolve(rest[1:], environ)
    return value if value is not None else resolve(rest, environ)


def _closing(text: str, start: int) -> int | None:
    depth, at = 1, start
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 2
            continue
        if text[at] == "}":
            depth -= 1
            if not depth:
                return at
        at += 1
    return None


def _found(
    place: Place, file: Path | None, environ: Mapping[str, str], folder: Path
) -> tuple[str | None, str, bool]:
    """Text, where it is from, and whether the person named it (so that it needs no trust)."""
    from jupyter_core.paths import jupyter_config_dir

    if file is not None:
        return _read(file), str(file), True
    if named := environ.get("FLOWBOOK_CONFIG"):
        return _read(Path(named).expanduser()), named, True
    if inline := environ.get("KESTRA_CONFIGURATION"):
        if inline.startswith("file:"):
            path = Path(urlsplit(inline).path)
            return _read(path), str(path), True
        return _lines(inline), "KESTRA_CONFIGURATION", True
    person = Path(jupyter_config_dir()) / "flowbook" / "config.yml"
    for path, own in ((folder / "kestra.yml", False), (place.config, False), (person, True)):
        if path.is_file():
            return _read(path), str(path), own
    return None, "", True


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"The configuration {path} can't be read: {error}") from error


def _lines(text: str) -> str:
    """`a.b=c` lines as YAML; YAML as it is."""
    lines = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines or not all(re.match(r"[\w.\-\[\]]+\s*=", line) for line in lines):
        return text
    tree: dict[str, Any] = {}
    for line in lines:
        key, _, value = line.partition("=")
        *above, last = key.strip().split(".")
        branch = tree
        for segment in above:
            following = branch.setdefault(segment, {})
            if not isinstance(following, dict):
                raise WorkspaceError(f"KESTRA_CONFIGURATION: {key.strip()} lies below a value")
            branch = following
        branch[last] = value.strip()
    return _dumped(tree)


def _dumped(tree: Mapping[str, Any], depth: int = 0) -> str:
    lines = []
    for key, value in tree.items():
        indent = "  " * depth
        if isinstance(value, Mapping):
            lines.append(f"{indent}{key}:\n{_dumped(value, depth + 1)}")
        else:
            lines.append(f"{indent}{key}: {value}")
    return "\n".join(lines)


def _walk(values: Any, path: list[str]) -> Any:
    if not path:
        return values
    if not isinstance(values, Mapping):
        return _MISSING
    wanted = _kebab(path[0])
    for key, value in values.items():
        if key == path[0] or _kebab(str(key)) == wanted:
            found = _walk(value, path[1:])
            if found is not _MISSING:
                return found
    dotted = ".".join(path)
    return values.get(dotted, _MISSING)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def _without(values: Any, warnings: list[str], source: str, above: tuple[str, ...] = ()) -> Any:
    """The values without what asks for trust."""
    if not isinstance(values, dict):
        return values
    result = {}
    for key, value in values.items():
        path = (*above, _kebab(str(key)))
        bare = tuple(segment for segment in path if segment not in ("kestra", "flowbook"))
        if bare in NOT_BEFORE_TRUST:
            warnings.append(
                f"{source}: {'.'.join(path)} isn't read before this workspace is trusted"
            )
            continue
        result[key] = _without(value, warnings, source, path)
    return result
