"""Which names a cell's Python code reads from other cells, and which it leaves for them: static, pure."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

KNOWN = frozenset(dir(builtins)) | {
    "__name__",
    "__file__",
    "In",
    "Out",
    "_",
    "__",
    "___",
    "display",
    "exit",
    "get_ipython",
    "quit",
}
"""Names that are there in every kernel."""
SEES_ALL = frozenset({"exec", "eval", "globals", "locals", "vars"})
CHANGING = frozenset(
    [
        "add",
        "append",
        "clear",
        "discard",
        "extend",
        "fit",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    ]
)
"""Methods that change what they are called on; so does any with `inplace=True`."""
LINE_MAGIC = re.compile(r"^(\s*)(?:([\w,. ]+?)\s*=\s*)?([%!]{1,2})\s*(.*)$")
CODE_MAGICS = frozenset({"time", "timeit", "prun", "memit"})
CELL_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
UNSEEN_MAGICS = frozenset(
    {"run", "load", "loadpy", "macro", "store", "pylab", "reset", "reset_selective"}
)


@dataclass(frozen=True, slots=True)
class Names:
    """What a cell has to do with the names of other cells."""

    reads: frozenset[str] = frozenset()
    """Read before the cell itself binds them."""
    writes: frozenset[str] = frozenset()
    """Bound, or changed in place."""
    changes: frozenset[str] = frozenset()
    """Changed in place and not bound."""
    imports: frozenset[tuple[str, str]] = frozenset()
    """Names that are bound by imports alone, with what is imported."""
    unseen: str = ""
    """The piece of code that may read or write anything; empty if there is none."""


def names_of(code: str) -> Names:
    """The names of a cell; all of it is unseen if it can't be read."""
    plain, unseen = _without_magics(code)
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError):
        return Names(unseen=unseen or "code that can't be read")
    reader = _Reader()
    reader.read(tree.body)
    reads = reader.reads | (reader.deferred - reader.bound)
    writes = reader.bound | reader.changed
    imports = {(name, what) for name, what in reader.imports.items() if name not in reader.plain}
    return Names(
        frozenset(reads - KNOWN),
        frozenset(writes),
        frozenset(reader.changed - reader.bound),
        frozenset(imports),
        unseen or reader.unseen,
    )


@dataclass(slots=True)
class _Scope:
    """What a function, lambda, comprehension or class binds for itself."""

    bound: set[str]
    is_deferred: bool
    """Its body runs later: when a function is called."""
    is_class: bool = False
    """Its names are not seen by what is inside of it."""
    outward: set[str] = field(default_factory=set)
    """Declared `global`."""


class _Reader(ast.NodeVisitor):
    """Walks a cell in the order in which it runs."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.deferred: set[str] = set()
        """Read inside functions: bound in time if the cell binds them anywhere."""
        self.bound: set[str] = set()
        self.changed: set[str] = set()
        self.plain: set[str] = set()
        """Bound by more than an import."""
        self.imports: dict[str, str] = {}
        self.unseen = ""
        self._scopes: list[_Scope] = []

    def read(self, body: Iterable[ast.AST]) -> None:
        for node in body:
            self.visit(node)

    # -- names -----------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._load(node.id)
            return
        if isinstance(node.ctx, ast.Del):
            self._load(node.id)
        self._bind(node.id)

    def _load(self, name: str) -> None:
        deferred = inner = False
        for scope in reversed(self._scopes):
            if name in scope.bound and not (scope.is_class and inner):
                return
            deferred, inner = deferred or scope.is_deferred, True
        if deferred:
            self.deferred.add(name)
        elif name not in self.bound:
            self.reads.add(name)

    def _bind(self, name: str, what: str = "") -> None:
        inner = [scope for scope in self._scopes if name not in scope.outward]
        if self._scopes and inner and inner[-1] is self._scopes[-1]:
            inner[-1].bound.add(name)
            return
        self.bound.add(name)
        if what:
            self.imports.setdefault(name, what)
        else:
            self.plain.add(name)

    def _change(self, node: ast.expr) -> None:
        """`df["x"] = …`, `a.b = …`: what is changed is read and left behind."""
        while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
            node = node.value
        if isinstance(node, ast.Name) and not any(node.id in s.bound for s in self._scopes):
            self.changed.add(node.id)

    # -- statements in the order in which their parts run ----------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        self.read(node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self._load(node.target.id)
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target.id)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.visit(node.target)
        self.read([*node.body, *node.orelse])

    visit_AsyncFor = visit_For

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self.visit(node.optional_vars)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        had = node.name is None or node.name in self.bound
        if node.name is not None:
            self._bind(node.name)
        self.read(node.body)
        if not had and node.name is not None and not self._scopes:  # Python forgets it here
            self.bound.discard(node.name)
            self.plain.discard(node.name)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.pattern is not None:
            self.visit(node.pattern)
        if node.name is not None:
            self._bind(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name is not None:
            self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest is not None:
            self._bind(node.rest)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._bind(name, alias.name if alias.asname else name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.unseen = self.unseen or f"from {module} import *"
            else:
                self._bind(alias.asname or alias.name, f"{module}:{alias.name}")

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        if isinstance(called, ast.Name) and called.id in SEES_ALL:
            if called.id not in self.bound and not (called.id == "vars" and node.args):
                self.unseen = self.unseen or f"{called.id}(…)"
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Call):
            inner = called.value.func
            if isinstance(inner, ast.Name) and inner.id == "get_ipython":
                self.unseen = self.unseen or f"get_ipython().{called.attr}(…)"
        if isinstance(called, ast.Attribute) and _changes(called.attr, node.keywords):
            self._change(called.value)
        self.generic_visit(node)

    # -- scopes ----------------------------------------------------------------------------------

    @contextmanager
    def _inside(self, bound: Iterable[str], *, deferred: bool) -> Iterator[_Scope]:
        scope = _Scope(set(bound), deferred)
        self._scopes.append(scope)
        try:
            yield scope
        finally:
            self._scopes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.read(node.decorator_list)
        self._signature(node.args)
        if node.returns is not None:
            self.visit(node.returns)
        self._bind(node.name)
        self._body(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._signature(node.args)
        self._body(node.args, [node.body])

    def _signature(self, given: ast.arguments) -> None:
        self.read([*given.defaults, *(one for one in given.kw_defaults if one is not None)])
        self.read(one.annotation for one in _arguments(given) if one.annotation is not None)

    def _body(self, given: ast.arguments, body: list[ast.stmt] | list[ast.expr]) -> None:
        outward = {name for one in _own(body) if isinstance(one, ast.Global) for name in one.names}
        bound = {one.arg for one in _arguments(given)} | set(_bound_in(body))
        with self._inside(bound - outward, deferred=True) as scope:
            scope.outward = outward
            self.read(body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.read([*node.decorator_list, *node.bases, *(one.value for one in node.keywords)])
        with self._inside((), deferred=False) as scope:
            scope.is_class = True
            self.read(node.body)
        self._bind(node.name)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> None:
        self.visit(node.generators[0].iter)  # outside of it
        with self._inside((), deferred=False):
            for number, each in enumerate(node.generators):
                if number:
                    self.visit(each.iter)
                self.visit(each.target)
                self.read(each.ifs)
            self.read([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension


def _changes(method: str, keywords: Iterable[ast.keyword]) -> bool:
    return method in CHANGING or any(
        one.arg == "inplace" and isinstance(one.value, ast.Constant) and one.value.value is True
        for one in keywords
    )


def _arguments(given: ast.arguments) -> list[ast.arg]:
    more = [one for one in (given.vararg, given.kwarg) if one is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *more]


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of a function that are not inside another scope."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own(ast.iter_child_nodes(node))


def _bound_in(body: Iterable[ast.AST]) -> Iterator[str]:
    """What a function's body binds anywhere: local from its first line."""
    for node in _own(body):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                yield node.id
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (one.asname or one.name.partition(".")[0] for one in node.names)
            case ast.ExceptHandler(name=str() as name):
                yield name


# -- IPython's own syntax ------------------------------------------------------------------------


def _without_magics(code: str) -> tuple[str, str]:
    """The code as plain Python, line by line, and the first magic that nobody can look into."""
    lines = code.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    unseen = ""
    if (head := lines[first].strip()).startswith("%%"):
        name, _, rest = head[2:].partition(" ")
        if name not in CELL_MAGICS:
            return "", head
        lines[first] = (
            f"{rest.strip()} = None" if name == "capture" and rest.strip().isidentifier() else ""
        )
    for number, line in enumerate(lines):
        if (found := LINE_MAGIC.match(line)) is None:
            if line.rstrip().endswith("?") and "#" not in line:
                lines[number] = ""
            continue
        indent, target, mark, rest = found.groups()
        lines[number], hidden = _line(indent, target, mark, rest)
        unseen = unseen or hidden
    return "\n".join(lines), unseen


def _line(indent: str, target: str | None, mark: str, rest: str) -> tuple[str, str]:
    """A line of magic as Python, and what of it can't be looked into."""
    name, _, argument = rest.partition(" ")
    if mark == "%" and name in UNSEEN_MAGICS:
        return f"{indent}pass", f"%{rest.strip()}"
    if mark == "%" and name in CODE_MAGICS and not argument.lstrip().startswith("-"):
        return f"{indent}{target} = {argument}" if target else f"{indent}{argument}", ""
    used = re.findall(r"\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)", rest)
    value = f"({', '.join(one or other for one, other in used)},)" if used else "None"
    return f"{indent}{target} = {value}" if target else f"{indent}{value}", ""
