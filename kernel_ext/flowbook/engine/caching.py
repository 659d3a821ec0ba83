"""The results of tasks that say `taskCache`: when an earlier one is served, and why it wasn't."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from flowbook.errors import FlowbookError
from flowbook.expressions import render as language
from flowbook.kinds.durations import iso
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.task import Task
from flowbook.storage.uri import is_uri

from . import rendering

if TYPE_CHECKING:
    from flowbook.storage.files import Storage

    from .context import AttemptContext

OLDER_TTL = timedelta(days=1)
"""How long results are good for in the older form, `cache`, if it doesn't say."""
UNKNOWN = {"workingDir": "", "outputDir": ""}
"""Names that a script's text may hold and that differ in every attempt."""


FILES = re.compile(r"""(?:kestra://|nsfile:/)[^\s'"]+""")
"""Stored files and namespace files in a rendered text: what is in them counts, not where they lie."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the cache said before an attempt."""

    why: Mapping[str, Json]
    """`served`, and `from` or the `reason`; kept on the attempt."""
    outputs: Mapping[str, Json] | None = None
    """The earlier outputs, if they are served."""
    place: str = ""
    """What tells this task and value from others."""
    digests: Mapping[str, str] | None = None
    """Property → digest of what it was rendered as; `None` = the result isn't kept."""
    ttl: timedelta | None = None


async def look(context: AttemptContext, task: Task) -> Looked | None:
    """Ask the cache for a result of the same properties; `None` for a task that has no cache."""
    wanted = task.task_cache or task.cache
    if wanted is None or not wanted.enabled:
        return None
    ttl = wanted.ttl if task.task_cache is not None else wanted.ttl or OLDER_TTL
    try:
        digests = await asyncio.to_thread(_digests, context, task, wanted.inputs)
    except FlowbookError as error:
        reason = f"its properties can't be compared: {context.masked(str(error))}"
        return Looked({"served": False, "reason": reason})
    place = f"task:{context.namespace}.{context.flow_id}:{context.task_id}:{context.value or ''}"
    store = context.engine.store
    rows = await store.transact("cache_get", key=f"{place}:{_whole(digests)}")
    if rows:
        known = rows[0]["value"]
        outputs = await context.take_over(context.closing.open(known["outputs"] or {}))
        if outputs is not None:
            served = {"served": True, "from": known["execution"], "at": known["at"]}
            return Looked(served, outputs, place, digests, ttl)
        gone = {"served": False, "reason": "a file of the earlier result is gone"}
        return Looked(gone, None, place, digests, ttl)
    last = await store.transact("cache_get", key=f"{place}:last")
    missed = _missed(last[0]["value"] if last else None, digests)
    return Looked(missed, None, place, digests, ttl)


def _missed(last: Mapping[str, Json] | None, digests: Mapping[str, str]) -> dict[str, Json]:
    if last is None:
        return {"served": False, "reason": "there is no earlier result"}
    before = last["digests"]
    changed = sorted(n for n in {*before, *digests} if before.get(n) != digests.get(n))
    if not changed:
        return {"served": False, "reason": "the earlier result has expired"}
    reason = f"changed since then: {', '.join(changed)}"
    return {"served": False, "reason": reason, "changed": changed, "last": last["execution"]}


async def keep(context: AttemptContext, looked: Looked, outputs: Mapping[str, Json] | None) -> None:
    """Keep a result for later runs."""
    if looked.digests is None:
        return
    about = {"execution": context.execution_id, "at": context.now().isoformat()}
    store = context.engine.store
    ttl = None if looked.ttl is None else looked.ttl.total_seconds()
    key = f"{looked.place}:{_whole(looked.digests)}"
    kept = {**about, "outputs": context.closing.values_of(outputs)}
    await store.transact("cache_set", key=key, value=kept, ttl=ttl)
    last = {**about, "digests": dict(looked.digests)}
    await store.transact("cache_set", key=f"{looked.place}:last", value=last)


def _whole(digests: Mapping[str, str]) -> str:
    return _digest(sorted(digests.items()))


def _digest(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _digests(context: AttemptContext, task: Task, names: tuple[str, ...] | None) -> dict[str, str]:
    """Property → digest of its rendered value: all of the task's own, or the named ones."""
    scope = context.scope_with(UNKNOWN)
    found = {"type": _digest(task.type)}
    for name, field in type(task).model_fields.items():
        written = str(field.serialization_alias or field.alias or name)
        if name in Task.model_fields or (names is not None and not {name, written} & set(names)):
            continue
        value = _rendered(getattr(task, name), scope)
        found[written] = _digest(_with_contents(value, lambda uri: _content(context, uri)))
    return found


def _with_contents(value: Json, content: Callable[[str], str]) -> Json:
    """A value with what files hold in place of their URIs."""
    match value:
        case str():
            return FILES.sub(lambda found: content(found[0]), value)
        case Mapping():
            return {key: _with_contents(item, content) for key, item in value.items()}
        case list() | tuple():
            return [_with_contents(item, content) for item in value]
        case _:
            return value


def _content(context: AttemptContext, uri: str) -> str:
    """The digest of a file; the URI itself if no file is there or it may not be read."""
    try:
        path = context._workspace.readable(uri, context._execution, context.flow_folder)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FlowbookError, OSError):
        return uri


def _rendered(value: Any, scope: language.Scope) -> Json:
    match value:
        case Template():
            return rendering.plain(rendering.raw(value, scope))
        case str():
            return rendering.plain(language.render_deep(value, scope, typed=True))
        case BaseModel():
            fields = type(value).model_fields
            return {name: _rendered(getattr(value, name), scope) for name in fields}
        case Mapping():
            return {str(k): _rendered(v, scope) for k, v in value.items()}
        case list() | tuple():
            return [_rendered(item, scope) for item in value]
        case set() | frozenset():
            return sorted(str(item) for item in value)
        case timedelta():
            return iso(value)
        case datetime():
            return value.isoformat()
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


async def taken_over(storage: Storage, prefix: str, values: Json) -> Json | None:
    """Outputs with the files of another execution stored under `prefix`; `None` if one is gone."""
    known: dict[str, str] = {}
    for uri in _stored_files(values):
        if not storage.exists(uri):
            return None
        name = PurePosixPath(unquote(urlsplit(uri).path)).name
        known[uri] = await asyncio.to_thread(
            storage.put, prefix, f"{_digest(uri)[:8]}-{name}", source=storage.path(uri)
        )
    return _replaced(values, known)


def _stored_files(value: Json) -> set[str]:
    match value:
        case str():
            return {value} if is_uri(value) and "/executions/" in value else set()
        case Mapping():
            return {uri for item in value.values() for uri in _stored_files(item)}
        case list() | tuple():
            return {uri for item in value for uri in _stored_files(item)}
        case _:
            return set()


def _replaced(value: Json, known: Mapping[str, str]) -> Json:
    match value:
        case str():
            return known.get(value, value)
        case Mapping():
            return {key: _replaced(item, known) for key, item in value.items()}
        case list() | tuple():
            return [_replaced(item, known) for item in value]
        case _:
            return value
