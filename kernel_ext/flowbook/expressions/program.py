"""Templates compiled and run: parsed at once, compiled at the first render, both kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jinja2 import nodes
from jinja2.environment import Template as JinjaTemplate
from jinja2.exceptions import TemplateSyntaxError
from jinja2.utils import LRUCache

from flowbook.errors import ExpressionError

from . import failures
from .bounds import Rendering, enter, leave, rendering
from .environment import PebbleContext, PebbleEnvironment, Shown, environment
from .lexer import SHIELD
from .scope import Scope
from .text import text_of
from .values import Value, is_number, kind_of

MAX_PASSES = 100
MAX_KEPT = 100_000
"""Characters of the longest template that is kept compiled."""


class Program:
    """One template of one dialect."""

    __slots__ = ("_template", "_tree", "environment", "is_expression", "source")

    def __init__(self, source: str, dialect: str) -> None:
        self.environment: PebbleEnvironment = environment(dialect)
        self.source = source
        self._tree: nodes.Template | None = parsed(source, self.environment)
        self.is_expression = _is_expression(self._tree)
        self._template: JinjaTemplate | None = None

    @property
    def tree(self) -> nodes.Template:
        """The syntax tree; compiling changes nothing in it, but drops it."""
        return self._tree or parsed(self.source, self.environment)

    @property
    def template(self) -> JinjaTemplate:
        if self._template is None:
            try:
                code = self.environment.compile(self.tree)
                self._template = self.environment.template_class.from_code(
                    self.environment, code, self.environment.make_globals(None)
                )
            except Exception as error:
                raise failures.explained(error, self.source) from error
            self._tree = None
        return self._template

    def text(self, variables: Mapping[str, Value]) -> str:
        """The text it gives."""
        return "".join(self._run(variables, typed=False))

    def shown(self, variables: Mapping[str, Value]) -> list[str | Shown]:
        """Its plain texts, and the values of its outputs."""
        return self._run(variables, typed=True)

    def _run(self, variables: Mapping[str, Value], *, typed: bool) -> list[Any]:
        template, clock = self.template, rendering()
        was_typed, clock.typed = clock.typed, typed
        try:
            context = PebbleContext(self.environment, variables, None, template.blocks)
            return list(template.root_render_func(context))
        except Exception as error:
            raise failures.explained(error, self.source, self.environment, template) from error
        finally:
            clock.typed = was_typed


def _is_expression(tree: nodes.Template) -> bool:
    """Whether there is one output, and nothing else."""
    match tree.body:
        case [nodes.Output(nodes=[nodes.Expr() as only])]:
            return not isinstance(only, nodes.TemplateData)
    return False


def parsed(source: str, environment: PebbleEnvironment) -> nodes.Template:
    try:
        return environment._parse(source, None, None)
    except (TemplateSyntaxError, RecursionError, ValueError, AssertionError) as error:
        raise failures.explained(error, source) from error


_programs: LRUCache = LRUCache(2000)


def program(source: str, dialect: str) -> Program:
    """The template's program, from the cache where it is known."""
    if len(source) > MAX_KEPT:
        return Program(source, dialect)
    key = (dialect, source)
    found: Program | None = _programs.get(key)
    if found is None:
        found = _programs[key] = Program(source, dialect)
    return found


def run(scope: Scope, action: Callable[[], Value]) -> Value:
    """Do something within the bounds of one render."""
    token = enter(Rendering(scope))
    try:
        return action()
    finally:
        leave(token)


def is_dynamic(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


def render_text(found: Program, scope: Scope) -> str:
    token = enter(Rendering(scope))
    try:
        return _all_passes(found, scope.variables, scope.recursive)
    finally:
        leave(token)


def _all_passes(found: Program, variables: Mapping[str, Value], recursive: bool) -> str:
    source = found.source
    for _ in range(MAX_PASSES):
        made = found.text(variables)
        if not recursive or made == source or not is_dynamic(made):
            return made.replace(SHIELD, "{")
        source = made
        found = program(made, found.environment.dialect)
    raise ExpressionError("Too many rendering attempts", source=found.source)


def rendered_within(source: str, variables: Mapping[str, Value], *, recursive: bool) -> str:
    """A template inside a render that is going on: its time and size count there."""
    if not is_dynamic(source):
        return source
    with _deeper(source) as dialect:
        return _all_passes(program(source, dialect), variables, recursive)


def value_within(source: str, variables: Mapping[str, Value]) -> Value:
    """The value of a template inside a render that is going on."""
    if not is_dynamic(source):
        return source
    with _deeper(source) as dialect:
        found = program(source, dialect)
        return combined(found.shown(variables), found)


@contextmanager
def _deeper(source: str) -> Iterator[str]:
    """One render inside another; gives the dialect."""
    clock = rendering()
    if clock.depth >= MAX_PASSES:
        raise ExpressionError("Too many rendering attempts", source=source)
    clock.depth += 1
    try:
        yield clock.scope.dialect if clock.scope is not None else "kestra"
    finally:
        clock.depth -= 1


def render_value(found: Program, scope: Scope) -> Value:
    """The value of a template that is one expression; otherwise what its outputs make together."""
    if scope.recursive:
        pieces = run(scope, lambda: found.shown(scope.variables))
        if len(pieces) != 1 or not isinstance(pieces[0], Shown) or isinstance(pieces[0].value, str):
            return render_text(found, scope)
    else:
        pieces = run(scope, lambda: found.shown(scope.variables))
    return combined(pieces, found)


def combined(pieces: list[str | Shown], found: Program) -> Value:
    """Several outputs: numbers are added, everything else becomes one text."""
    values = [piece.value for piece in pieces if isinstance(piece, Shown)]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    if len(values) == 1 and not any(text.strip() for text in texts):
        value = values[0]
        if not texts or not isinstance(value, str):
            return value.replace(SHIELD, "{") if type(value) is str else value
    if len(values) > 1 and not texts:
        if all(is_number(value) for value in values):
            return sum(values)
        kinds = {str if isinstance(value, str) else type(value) for value in values}
        if len(kinds) > 1:
            named = ", ".join(dict.fromkeys(map(kind_of, values)))
            raise ExpressionError(f"The outputs have several types: {named}", source=found.source)
    dialect = found.environment.dialect
    text = "".join(
        piece if isinstance(piece, str) else text_of(piece.value, dialect) for piece in pieces
    )
    return text.replace(SHIELD, "{")
