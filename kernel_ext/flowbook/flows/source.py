"""YAML text as values, and the place of every one of them.

libyaml composes its tree of nodes, from which values are built by the rules of YAML 1.2's core
schema; the tree is kept, so a place costs nothing until somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from yaml import MappingNode, Mark, Node, ScalarNode, SequenceNode, YAMLError
from yaml._yaml import CParser

from ..kinds.dynamic import Json
from ..problems import Problem, Span
from .scalars import CORE, plain, tagged

Path: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 100
MAX_ALIASES = 1_000
MAX_NODES = 1_000_000
"""Of the tree with its aliases written out, so that a few of them can't stand for billions."""

ILLEGAL = "Illegal flow yaml:"
PLAIN, TEXT, LIST, MAP = "plain", "text", "list", "map"
SEPARATOR = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
NOTHING = re.compile(r"(?:\s*(?:#.*|%.*|---|\.\.\.)?\s*$)*", re.MULTILINE)
ODD_BREAKS = ("\r", "\x85", "\u2028", "\u2029")
ODD_SPACES = ("\u00a0", "\u2007", "\u202f")
"""Spaces that articles are set with; YAML takes them for letters."""


@dataclass(slots=True)
class Source:
    """One document: its values, and a place for each of them."""

    text: str
    """The whole text that the places point into."""
    name: str
    """What the text is called in messages: a path, `<cell>` …"""
    value: Json = None
    problems: list[Problem] = field(default_factory=list)
    """What was wrong with the YAML itself."""
    document: str = ""
    """This document's own part of the text, verbatim."""
    is_template: bool = False
    """Lines `{% … %}` among its keys were taken for a template."""
    _root: Node | None = None
    _breaks: str | None = None
    """What was read, if it has line breaks that only YAML takes for such."""
    _place: Callable[[int, int], tuple[int, int]] = lambda line, column: (line, column)

    @property
    def is_broken(self) -> bool:
        """Whether the text couldn't be read at all."""
        return self._root is None

    def span(self, path: Path = (), part: Literal["key", "value"] = "value") -> Span | None:
        """The place of a value, or of its key; the nearest one around it if it isn't in the text."""
        key, node = self._find(path)
        if part == "key" and key is not None:
            node = key
        return None if node is None else self._span(node)

    def node(self, path: Path) -> Node | None:
        """The node at exactly this path."""
        node = self._root
        for step in path:
            found = _step(node, step)
            if found is None:
                return None
            node = found[1]
        return node

    def at(self, mark: Mark) -> tuple[int, int]:
        """A parser's place as a place in the text: line and column, counted from 1."""
        line, column = mark.line, mark.column
        if self._breaks is not None:  # libyaml knows more sorts of line breaks than editors do
            line = self._breaks.count("\n", 0, mark.index)
            column = mark.index - (self._breaks.rfind("\n", 0, mark.index) + 1)
        return self._place(line + 1, column + 1)

    def _find(self, path: Path) -> tuple[Node | None, Node | None]:
        key, node = None, self._root
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            key, node = found
        return key, node

    def _span(self, node: Node) -> Span:
        start, end = node.start_mark, node.end_mark
        line, column = self.at(start)
        end_line, end_column = self.at(end)
        if end_line != line:
            return Span(line, column)
        return Span(line, column, line, end_column)


def load(text: str, name: str = "<flow>") -> list[Source]:
    """Every document of a text; one that can't be read has a problem and no value."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        broken = Source(text, name, document=text)
        broken.problems.append(
            Problem.error(f"{ILLEGAL} the text is larger than {MAX_BYTES // 1024**2} MiB")
        )
        return [broken]
    return [read(text, name, part, line) for part, line in documents(text)]


def documents(text: str) -> list[tuple[str, int]]:
    """The documents in a text that are not empty, each with the number of lines before it."""
    starts = [0] + [found.start() for found in SEPARATOR.finditer(text) if found.start()]
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    found: list[tuple[str, int]] = []
    line, directives = 0, ""
    for part in parts:
        if not NOTHING.fullmatch(part):
            found.append((directives + part, line - directives.count("\n")))
            directives = ""
        elif part.startswith("%"):
            directives = part
        elif found:  # comments at the end belong to the last document
            found[-1] = (found[-1][0] + part.replace("---", "...", 1), found[-1][1])
        line += part.count("\n")
    return found or [(text, 0)]


def read(
    text: str,
    name: str,
    document: str | None = None,
    line: int = 0,
    *,
    place: Callable[[int, int], tuple[int, int]] | None = None,
    yaml: str | None = None,
    lenient: bool = False,
) -> Source:
    """One document, which starts after `line` lines of the text.

    `yaml` is read in place of `document` when that had to be mended, `place` then leads back;
    `lenient` takes a task's second `id` for the key of what it writes.
    """
    document = text if document is None else document
    source = Source(text, name, document=document)
    taken = document if yaml is None else yaml
    source._breaks = taken if any(sign in taken for sign in ODD_BREAKS) else None
    source._place = place or (lambda row, column: (row + line, column))
    reader = _Reader(taken, source, lenient)
    source.value, source._root = reader.read()
    return source


def write_path(path: Path) -> str:
    """A path as messages show it: `tasks[0].id`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


class _Refused(Exception):
    """A bound was passed, or something YAML can say but a flow can't."""

    def __init__(self, message: str, node: Any = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.node = node
        self.hint = hint


class _Composer(CParser):
    """libyaml's composer without PyYAML's resolvers, and with a bound on depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is ScalarNode:
            return PLAIN if implicit[0] else TEXT
        return MAP if kind is MappingNode else LIST

    def descend_resolver(self, parent: Any, index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH + 1:
            raise _Refused(f"more than {MAX_DEPTH} levels inside each other")

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _Reader:
    """Reads one document into a source."""

    def __init__(self, yaml: str, source: Source, lenient: bool) -> None:
        self.yaml = yaml
        self.source = source
        self.lenient = lenient
        self.shared = "&" in yaml and "*" in yaml
        self.odd = any(space in yaml for space in ODD_SPACES)
        self.seen: dict[int, tuple[Json, int]] = {}
        self.building: set[int] = set()
        self.aliases = 0
        self.nodes = 0

    def read(self) -> tuple[Json, Node | None]:
        try:
            root = _Composer(self.yaml).get_single_node()
            return (None if root is None else self.build(root)), root
        except YAMLError as error:
            self.source.problems.append(_syntax(error, self.source, self.yaml))
        except _Refused as refused:
            span = self.source._span(refused.node) if refused.node is not None else None
            self.problem(f"{ILLEGAL} {refused}", span, refused.hint)
        except (UnicodeError, ValueError) as error:
            self.problem(f"{ILLEGAL} {error}", None)
        return None, None

    def problem(self, message: str, span: Span | None, hint: str | None = None) -> None:
        self.source.problems.append(Problem.error(message, span, hint))

    def build(self, node: Node) -> Json:
        if self.shared:
            return self.build_shared(node)
        return self.build_own(node)

    def build_shared(self, node: Node) -> Json:
        """The same node again is an alias: its value is shared, its size counted each time."""
        key = id(node)
        if key in self.building:
            raise _Refused("an anchor holds an alias of itself", node)
        if key in self.seen:
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                raise _Refused(f"more than {MAX_ALIASES:,} aliases", node)
            value, size = self.seen[key]
            self.nodes += size
        else:
            before = self.nodes
            self.nodes += 1
            self.building.add(key)
            value = self.build_own(node)
            self.building.discard(key)
            self.seen[key] = (value, self.nodes - before)
        if self.nodes > MAX_NODES:
            raise _Refused(f"with its aliases it has more than {MAX_NODES:,} values", node)
        return value

    def build_own(self, node: Node) -> Json:
        if node.__class__ is ScalarNode:
            tag = node.tag
            if tag is PLAIN:
                return plain(node.value)
            return node.value if tag is TEXT else self.tagged(node)
        if node.__class__ is MappingNode:
            if node.tag is not MAP and node.tag != CORE + "map":
                raise _Refused(f"the tag '{node.tag}' is not supported", node)
            return self.mapping(node)
        if node.tag is not LIST and node.tag != CORE + "seq":
            raise _Refused(f"the tag '{node.tag}' is not supported", node)
        return [self.build(item) for item in node.value]

    def tagged(self, node: ScalarNode) -> Json:
        try:
            return tagged(str(node.tag), str(node.value))
        except ValueError as error:
            raise _Refused(str(error), node) from None

    def mapping(self, node: MappingNode) -> dict[str, Json]:
        values: dict[str, Json] = {}
        merged: list[Node] = []
        for key, item in node.value:
            if key.__class__ is not ScalarNode:
                raise _complex_key(node, key, self.yaml)
            name = key.value
            if self.odd and key.tag is PLAIN and name[:1] in ODD_SPACES:
                said = f"{ILLEGAL} a key begins with a space that is not an ordinary one"
                self.problem(said, self.source._span(key), "Write the indentation anew.")
            if name == "<<" and key.tag is PLAIN and not self.is_marked(item):
                merged.append(item)
                continue
            if name in values and (name := self.duplicate(node, key, values)) is None:
                continue
            values[name] = self.build(item)
        for item in merged:
            for parent in self.parents(item):
                values.update({k: v for k, v in parent.items() if k not in values})
        return values

    def is_marked(self, item: Node) -> bool:
        """Whether a text stands for an alias that the tolerant loader will fill."""
        return self.lenient and item.__class__ is ScalarNode

    def duplicate(self, node: MappingNode, key: ScalarNode, values: dict[str, Json]) -> str | None:
        """What a key that stands twice is read as: itself, or nothing if it is an error."""
        name = str(key.value)
        span = self.source._span(key)
        first = next(k for k, _ in node.value if k.value == name)
        if self.lenient and name == "id" and "type" in values and "key" not in values:
            said = "Mended while reading: a second `id` in one task is its `key`"
            self.source.problems.append(Problem.warning(said, span))
            return "key"
        line = self.source._span(first).line
        self.problem(f"Duplicate field '{name}'", span, f"It stands on line {line} too.")
        return None

    def parents(self, node: Node) -> Iterator[dict[str, Json]]:
        value = self.build(node)
        for parent in value if isinstance(value, list) else [value]:
            if not isinstance(parent, dict):
                raise _Refused("'<<' takes a map or a list of maps", node)
            yield parent


def _complex_key(node: MappingNode, key: Node, yaml: str) -> _Refused:
    index = key.start_mark.index
    if "{{" in yaml[max(0, index - 1) : index + 2]:
        said = "an expression stands here without quotes"
        return _Refused(said, node, 'Put it in quotes: "{{ … }}"')
    return _Refused("a key must be a text", key)


def _step(node: Node | None, step: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, MappingNode):
        merged = None
        for key, item in node.value:
            if key.value == "<<" and key.tag is PLAIN:
                merged = item
            elif key.value == str(step):
                return key, item
        for parent in _parent_nodes(merged):
            if (found := _step(parent, step)) is not None:
                return found
    elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def _parent_nodes(node: Node | None) -> Sequence[Node]:
    if node is None:
        return ()
    return node.value if isinstance(node, SequenceNode) else (node,)


HINTS = (
    ("found character '\\t'", "Indent with spaces: YAML does not allow tabs."),
    ("cannot start any token", "Put the text in quotes: YAML reserves this character."),
    (
        "mapping values are not allowed",
        "Put a text that contains ': ' in quotes, and mind the indentation.",
    ),
    ("found undefined alias", "A text that starts with '*' must stand in quotes."),
    (
        "unknown escape character",
        "In double quotes a backslash is written twice; or use single quotes.",
    ),
    (
        "did not find expected key",
        "Check the indentation and the quotes here and on the line before.",
    ),
    ("did not find expected '-' indicator", "Check the indentation of this list."),
)


def _syntax(error: YAMLError, source: Source, yaml: str) -> Problem:
    """libyaml's complaint as a problem with its place."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    said = ", ".join(part for part in parts if part) or str(error).splitlines()[0]
    span = None
    if mark is not None:
        span = Span(*source.at(mark))
    hint = next((hint for sign, hint in HINTS if sign in said), None)
    if mark is not None and yaml[mark.index : mark.index + 1] == "\t":
        hint = HINTS[0][1]
    return Problem.error(f"{ILLEGAL} {said}", span, hint)
