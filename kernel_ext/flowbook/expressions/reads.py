"""Which names a template reads and what it calls, seen from its syntax tree."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from .program import program
from .render import Template

PLAIN_JQ = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]\"'-|, :{}?"
)


def template_of(source: str, dialect: str) -> Template:
    """A template with what its tree says about it."""
    tree = program(source, dialect).tree
    reading = _Reading()
    for node in tree.iter_child_nodes():
        reading.visit(node)
    reads = frozenset(
        name for name, at in reading.loads.items() if at < reading.stores.get(name, at + 1)
    )
    waits = reading.waits or (dialect == "seed" and not reads.isdisjoint(("vars", "namespace")))
    return Template(
        source,
        dialect,
        reads=reads,
        calls=frozenset(reading.calls),
        is_literal=False,
        paths=tuple(dict.fromkeys(path for path in reading.paths if path[0] in reads)),
        waits=waits,
    )


class _Reading:
    """One walk over a tree."""

    def __init__(self) -> None:
        self.loads: dict[str, int] = {}
        self.stores: dict[str, int] = {}
        self.calls: set[str] = set()
        self.paths: list[tuple[str, ...]] = []
        self.waits = False

    def visit(self, node: nodes.Node) -> None:
        if (path := chain(node)) is not None:
            self.paths.append(path)
            self._load(path[0], node)
            return
        match node:
            case nodes.Name():
                self._store(node.name, node)
            case nodes.Filter(name="?call"):
                assert isinstance(node.node, nodes.Const)
                self.calls.add(node.node.value)
            case nodes.Filter(name="?macro"):
                for argument in (*node.args, *node.kwargs):
                    self.visit(argument)
                return
            case nodes.Filter(name="?set" | "?declare"):
                self._store(_const(node.node), node)
            case nodes.Filter(name="jq"):
                self.waits = self.waits or not _is_plain_jq(node.args)
            case nodes.Filter(name="?reading"):
                # the readings differ in their hyphens only: the first is what the author most likely means
                if node.node is not None:
                    self.visit(node.node)
                return
        for child in node.iter_child_nodes():
            self.visit(child)

    def _load(self, name: str, node: nodes.Node) -> None:
        at = getattr(node.lineno, "offset", 0)
        self.loads[name] = min(at, self.loads.get(name, at))

    def _store(self, name: str, node: nodes.Node) -> None:
        at = getattr(node.lineno, "offset", 0)
        self.stores[name] = min(at, self.stores.get(name, at))


def chain(node: nodes.Node | None) -> tuple[str, ...] | None:
    """The path that a chain of literal lookups spells, from the variable on."""
    keys: list[str] = []
    while True:
        match node:
            case nodes.Name(ctx="load"):
                return (node.name, *reversed(keys))
            case nodes.Filter(name="?get"):
                return (_const(node.node), *reversed(keys))
            case nodes.Getattr():
                keys.append(node.attr)
                node = node.node
            case nodes.Getitem(arg=nodes.Const()):
                keys.append(_const(node.arg))
                node = node.node
            case nodes.Filter(name="?key"):
                keys.append(_const(node.args[0]))
                node = node.node
            case _:
                return None


def _const(node: nodes.Node | None) -> str:
    assert isinstance(node, nodes.Const)
    return str(node.value)


def _is_plain_jq(args: list[nodes.Expr]) -> bool:
    from .jq_process import may_loop

    return bool(args) and isinstance(args[0], nodes.Const) and not may_loop(str(args[0].value))


def paths_of(tree: nodes.Template) -> Iterator[tuple[str, ...]]:
    """The literal lookups of a tree."""
    reading = _Reading()
    reading.visit(tree)
    yield from reading.paths
