"""Rendering for one execution: the names in scope, the host's functions, values that can be stored.

A template that waits for something (`kv`, `secret`, `read`, `http` …) renders in a worker thread, all
others on the loop; so no template ever blocks it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache, partial
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import ValidationError

from flowbook.errors import ExpressionError, TaskFailed
from flowbook.executions.model import Execution, TaskRun
from flowbook.executions.older_outputs import sent_pairs
from flowbook.executions.variables import Lazy, outputs_of, variables
from flowbook.expressions import render as language
from flowbook.expressions.render import Scope
from flowbook.expressions.values import StateText, TableValue
from flowbook.kinds.durations import iso
from flowbook.kinds.dynamic import Json, Template
from flowbook.storage.files import Storage

from . import callers
from .tables import Seen

if TYPE_CHECKING:
    from flowbook.flows.model import FlowOutput

CONDITIONS = frozenset({"runIf", "condition", "when", "assert", "breakWhen"})
"""Questions whose answer is true or false, by the rules of conditions."""


def scope_of(
    execution: Execution,
    run: TaskRun | None,
    *,
    storage: Storage,
    services: Mapping[str, Callable[..., object]],
    surroundings: Mapping[str, Callable[[], Any]],
    extra: Mapping[str, Any] | None = None,
    caller: Execution | None = None,
) -> Scope:
    """What an expression of a task run (or of the execution) sees; `caller` is what has called it."""
    names = {**surroundings, **variables(execution, run)}
    names["outputs"] = lambda: Seen(outputs_of(execution, run), storage)
    if "inputs" in names:
        from flowbook.flows.inputs import typed

        names["inputs"] = lambda: typed(execution.flow, execution.inputs)
    if "parents" in names:
        parents = names["parents"]
        names["parents"] = lambda: [Seen(one, storage) for one in parents()]
    if "parent" in names:
        parent = names["parent"]
        names["parent"] = lambda: Seen(parent(), storage)
    if caller is not None:
        around = names.get("parent", dict)
        names["parent"] = lambda: {**Seen(callers.seen(caller), storage), **around()}
    for name, value in (extra or {}).items():
        names[name] = lambda value=value: value  # type: ignore[misc]
    scope = Scope(Lazy(names), services, dialect=execution.flow.dialect, zone=zone())
    if run is not None and (pairs := sent_pairs(execution.task(run).send)):
        return _with_sent(scope, pairs)
    return scope


def _with_sent(scope: Scope, pairs: Mapping[str, Json]) -> Scope:
    """What `send: [{key, value}]` hands over as `taskrun.value` and `sent`: rendered once, when it is read."""

    @cache
    def sent() -> dict[str, Any]:
        return {key: language.render_deep(value, scope, typed=True) for key, value in pairs.items()}

    def taskrun() -> dict[str, Any]:
        own: Any = scope.variables["taskrun"]
        return {**own, "value": sent()}

    names = {name: partial(scope.variables.__getitem__, name) for name in scope.variables}
    return replace(scope, variables=Lazy({**names, "sent": sent, "taskrun": taskrun}))


@lru_cache(maxsize=1)
def zone() -> str:
    """The host's time zone, as its name."""
    import os
    from pathlib import Path

    if named := os.environ.get("TZ"):
        return named
    local = Path("/etc/localtime")
    target = str(local.resolve()) if local.is_symlink() else ""
    return target.partition("zoneinfo/")[2] or "UTC"


def needs_thread(value: Json, dialect: str) -> bool:
    """Whether a template anywhere in the value waits for something."""
    match value:
        case str():
            return language.is_dynamic(value) and language.parse(value, dialect).needs_thread
        case Template():
            return needs_thread(value.source, dialect)
        case Mapping():
            return any(
                needs_thread(k, dialect) or needs_thread(v, dialect) for k, v in value.items()
            )
        case list() | tuple():
            return any(needs_thread(item, dialect) for item in value)
        case _:
            return False


async def in_place(value: Json, scope: Scope, work: Callable[[], Any]) -> Any:
    """Render on the loop, or in a worker thread where a template waits for something."""
    if needs_thread(value, scope.dialect):
        return await asyncio.to_thread(work)
    return work()


async def render_property(value: Any, scope: Scope) -> Any:
    """A property as its type. Raises `TaskFailed` for a value that doesn't fit, `ExpressionError`."""
    if not isinstance(value, Template):
        return value
    rendered = await in_place(value.source, scope, lambda: raw(value, scope))
    try:
        return value.read(rendered)
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskFailed(
            f"'{value.source}' gives '{_short(rendered)}': {first['msg']}", kind="PropertyInvalid"
        ) from None


def raw(template: Template, scope: Scope) -> Any:
    """The rendered value before it is read as the property's type."""
    source = template.source
    if not isinstance(source, str):
        return language.render_deep(source, scope)
    text, many = wants(template.target)
    if text and not many:
        return language.render(source, scope)
    value = language.render_typed(source, scope)
    if text and many:
        return value if isinstance(value, list | tuple) else language.text_of(value, scope.dialect)
    if isinstance(value, str) and many and value.lstrip()[:1] in ("[", "{"):
        import json

        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, str) and not many:
        return value.strip()
    if isinstance(value, Seen):
        return plain(value)
    return value


@lru_cache(maxsize=1024)
def wants(target: Any) -> tuple[bool, bool]:
    """Whether a property's type takes text, and whether it takes lists or maps."""
    options = get_args(target) if get_origin(target) in (Union, UnionType) else (target,)
    text = any(option is str for option in options)
    many = any(
        option is Any
        or (get_origin(option) or option) in (list, tuple, dict, set, frozenset)
        or (
            isinstance(origin := get_origin(option) or option, type) and issubclass(origin, Mapping)
        )
        for option in options
    )
    return text, many


def is_condition(name: str) -> bool:
    """Whether a question is answered by true or false."""
    return name in CONDITIONS or (name.startswith("condition") and name[9:].isdigit())


def answer_all(sources: Mapping[str, Json], scope: Scope) -> dict[str, Json]:
    """The answers to a question of the machine, as an event holds them."""
    return {name: answer(name, source, scope) for name, source in sources.items()}


def optional_outputs(
    outputs: Sequence[FlowOutput], sources: Mapping[str, Json], scope: Scope
) -> tuple[dict[str, Json], list[str]]:
    """The values of a flow's outputs, and what is wrong with those that may be without: they are null."""
    answers: dict[str, Json] = {}
    missing: list[str] = []
    for output in outputs:
        try:
            answers[output.id] = answer(output.id, sources[output.id], scope)
        except ExpressionError as error:
            if output.required:
                raise
            answers[output.id] = None
            missing.append(f"Output '{output.id}' has no value: {error}")
    return answers, missing


def answer(name: str, source: Json, scope: Scope) -> Json:
    if is_condition(name) and isinstance(source, str):
        return language.truthy(source, scope)
    if is_condition(name) and isinstance(source, Template) and isinstance(source.source, str):
        return language.truthy(source.source, scope)
    if isinstance(source, Template):
        return plain(raw(source, scope))
    return plain(language.render_deep(source, scope, typed=True))


def plain(value: Any) -> Json:
    """A value as JSON: tables read as rows, dates as ISO text, NaN as null."""
    match value:
        case None | bool() | int():
            return value
        case StateText():
            return str(value)
        case str():
            return str(value)
        case float():
            return value if value == value and abs(value) != float("inf") else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return iso(value)
        case TableValue():
            return plain(value.records()) if value.as_list else value.uri
        case _ if hasattr(value, "item"):
            return plain(value.item())
        case _:
            return language.text_of(value)


def declared_outputs(outputs: Sequence[FlowOutput], answers: Mapping[str, Json]) -> dict[str, Json]:
    """Declared outputs read as their types. Raises `ExpressionError` that names the output."""
    results: dict[str, Json] = {}
    for output in outputs:
        value = answers.get(output.id)
        if value is None and output.required:
            raise ExpressionError(f"output '{output.id}' has no value")
        if output.type is not None and value is not None:
            value = _as_type(output.id, output.type, value)
        results[output.id] = value
    return results


def secret_outputs(outputs: Sequence[FlowOutput], values: Mapping[str, Json]) -> list[str]:
    """The values of outputs of type SECRET: what must not be shown."""
    found = (values.get(output.id) for output in outputs if output.type == "SECRET")
    return [value for value in found if isinstance(value, str)]


def _as_type(name: str, kind: str, value: Json) -> Json:
    from pydantic import TypeAdapter

    from flowbook.kinds.input import AnyInput, Input

    declared: Input = TypeAdapter(AnyInput).validate_python({"id": name, "type": kind})
    if kind == "STRING" and not isinstance(value, str):
        value = language.text_of(value)
    try:
        return plain(declared.parse(value))
    except ValueError as error:
        raise ExpressionError(f"output '{name}': {error}") from None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"


def failure(error: BaseException) -> dict[str, Json]:
    """An exception as an event holds it: class, message, where it is known the place."""
    import traceback

    described: dict[str, Json] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, TaskFailed):
        described["type"] = error.kind
        if error.traceback:
            described["traceback"] = error.traceback
        if isinstance(error.detail, Mapping):
            described |= dict(error.detail)
    elif isinstance(error, ExpressionError):
        if error.source:
            described["expression"] = error.source
    else:
        described["traceback"] = "".join(traceback.format_exception(error))[-8000:]
        if not described["message"]:
            described["message"] = type(error).__name__
    return described
