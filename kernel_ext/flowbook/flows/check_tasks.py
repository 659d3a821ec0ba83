"""Rules about tasks: their types, retries, and what they may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ..kinds.durations import parse_duration
from ..kinds.dynamic import Json, holds_template
from ..kinds.find import canonical, find, index
from ..kinds.missing import MissingProvider, lacking
from ..kinds.task import FlowableTask, RunnableTask
from ..problems import Problem
from .conditions import as_template, kind_of
from .entries import Entry
from .messages import did_you_mean, near_type
from .reading import Reading
from .source import Path, write_path

PREFIX = "io.kestra.plugin."
CELL = "flowbook.jupyter.Cell"
REMOVED = frozenset(
    PREFIX + "core." + name
    for name in [
        "flow.ForEachItem",
        "flow.Template",
        "flow.EachSequential",
        "flow.EachParallel",
        "flow.ForEach",
        "debug.Echo",
        "log.Fetch",
        "execution.Count",
        "execution.Resume",
        "state.Get",
        "state.Set",
        "state.Delete",
        "storage.LocalFiles",
        "trigger.Toggle",
    ]
)
Durations = Mapping[str, timedelta]


def types(reading: Reading) -> Iterator[Problem]:
    """Types that are older names, not installed, or nobody's."""
    silent: set[str] = set()
    for entry in reading.tasks:
        if entry.type is not None and entry.type not in silent:
            said = list(of_type(reading, "task", entry.type, (*entry.path, "type")))
            yield from said
            if not said:
                silent.add(entry.type)


def of_type(reading: Reading, kind: str, name: str, path: Path) -> Iterator[Problem]:
    """What there is to say about one type."""
    found = find(kind, name)
    if found is None:
        if reading.is_seed and kind == "task":
            said = f"Invalid type: {name}, the task fails when it is run"
            yield reading.warning(said, path, near_type(kind, name))
        elif kind == "trigger":
            yield reading.error(f"Invalid type: {name}", path, near_type(kind, name))
        return
    known = canonical(kind, name)
    if known is None:
        extra = getattr(found, "extra", None)
        if extra is not None:
            yield reading.warning(_without_provider(kind, name, extra), path)
    elif known != name and name.startswith(("io.", "com.")) and name in index()["aliases"][kind]:
        yield reading.info(f"{name} is replaced by {known}", path)
    if (known or name) in REMOVED:
        yield reading.info(
            f"{known or name} is not supported by Kestra 2.0, flowbook runs it", path
        )


def _without_provider(kind: str, name: str, extra: str) -> str:
    if kind == "trigger":
        return f"No provider for trigger type {name}, it never fires"
    if extra:
        return lacking(name, extra)
    return f"{lacking(name, extra)}, the task fails when it is run"


def both_conditions(reading: Reading) -> Iterator[Problem]:
    """`when` is another name of `runIf`."""
    for entry in reading.tasks:
        one, other = entry.node.get("runIf"), entry.node.get("when")
        if one is not None and other is not None and one != other:
            where = write_path(entry.path)
            said = f"{where}: `runIf` and `when` are the same property, but differ"
            yield reading.error(said, (*entry.path, "when"), "Keep `runIf`.")


def conditions(reading: Reading) -> Iterator[Problem]:
    """Conditions of tasks that say nothing about a task."""
    for entry in reading.tasks:
        given = entry.node.get("conditions")
        for number, condition in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(condition, Mapping) or kind_of(condition) == "Execution":
                continue
            if as_template(condition) is None and "states" not in condition:
                path = (*entry.path, "conditions", number)
                said = f"{write_path(path)}: {kind_of(condition)} says nothing about a task"
                hint = "It counts as true. An Expression can ask for anything a task sees."
                yield reading.warning(said, path, hint)


def retries(reading: Reading) -> Iterator[Problem]:
    """The durations of a retry fit each other, and it comes to an end."""
    places: list[tuple[Path, Json]] = [((), reading.tree)]
    places += [(entry.path, entry.node) for entry in reading.tasks]
    for path, node in places:
        retry = node.get("retry")
        if isinstance(retry, Mapping):
            yield from _retry(reading, retry, (*path, "retry"))


def _retry(reading: Reading, retry: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    kind = str(retry.get("type", "")).rpartition(".")[2].lower()
    read = {key: _duration(retry, *names) for key, names in SPELLINGS.items()}
    where = write_path(path)
    if kind in {"constant", "exponential"} and read["interval"] is None:
        if not any(name in retry for name in SPELLINGS["interval"]):
            yield reading.error(f"{where}.interval: must not be null", path)
    if kind == "random":
        for key in ("minInterval", "maxInterval"):
            if not any(name in retry for name in SPELLINGS[key]):
                yield reading.error(f"{where}.{key}: must not be null", path)
    for less, more in ORDER.get(kind, ()):
        low, high = read[less], read[more]
        if low is not None and high is not None and low >= high:
            name = next(name for name in SPELLINGS[less] if name in retry)
            yield reading.error(
                f"'{less}' must be less than '{more}' but is {retry[name]}", (*path, name)
            )
    limits = ("maxAttempts", "maxAttempt", "maxDuration")
    if kind and not any(retry.get(name) is not None for name in limits):
        yield reading.warning(
            f"{where}: neither maxAttempts nor maxDuration, it is tried again without end", path
        )


SPELLINGS = {
    "interval": ("interval", "delay"),
    "maxInterval": ("maxInterval", "maxDelay"),
    "minInterval": ("minInterval",),
    "maxDuration": ("maxDuration",),
}
ORDER = {
    "constant": (("interval", "maxDuration"),),
    "exponential": (("interval", "maxDuration"), ("interval", "maxInterval")),
    "random": (
        ("minInterval", "maxDuration"),
        ("maxInterval", "maxDuration"),
        ("minInterval", "maxInterval"),
    ),
}


def _duration(node: Mapping[str, Json], *names: str) -> timedelta | None:
    for name in names:
        value = node.get(name)
        if value is not None and not holds_template(value):
            try:
                return parse_duration(value)
            except ValueError:
                return None
    return None


def switches(reading: Reading) -> Iterator[Problem]:
    """A Switch has at least one task somewhere."""
    for entry in _of(reading, "core.flow.Switch"):
        if not entry.node.get("cases") and not entry.node.get("defaults"):
            said = "No task defined, neither cases or default have any tasks"
            yield reading.error(said, entry.path)


def dags(reading: Reading) -> Iterator[Problem]:
    """The dependencies in a Dag exist and go round in no circle."""
    for entry in _of(reading, "core.flow.Dag"):
        items = entry.node.get("tasks")
        if not items:
            yield reading.error("No task defined", entry.path)
            continue
        yield from _dag(reading, entry, items if isinstance(items, list) else [])


def _dag(reading: Reading, entry: Entry, items: list[Json]) -> Iterator[Problem]:
    after: dict[str, list[str]] = {}
    places: dict[str, Path] = {}
    for number, item in enumerate(items):
        if isinstance(item, Mapping):
            task = item["task"] if isinstance(item.get("task"), Mapping) else item
            name = str(task.get("id"))
            after[name] = _names(item.get("dependsOn"))
            places[name] = (*entry.path, "tasks", number, "dependsOn")
    for name, others in after.items():
        unknown = [other for other in others if other not in after]
        if unknown:
            hint = did_you_mean(unknown[0], after)
            path = _item_path(reading, places[name], unknown[0])
            said = f"Not existing task id in dependency: {', '.join(unknown)}"
            yield reading.error(said, path, hint)
    if circle := cycle(after):
        said = f"Cyclic dependency detected: {', '.join(circle)}"
        yield reading.error(said, places[circle[0]])


def cells(reading: Reading) -> Iterator[Problem]:
    """What a cell needs stands above it."""
    order = {entry.id: number for number, entry in enumerate(reading.tasks)}
    for entry in reading.tasks:
        if entry.type != CELL or _is(entry.parent, "core.flow.Dag"):
            continue
        for other in _names(entry.node.get("after")):
            path = _item_path(reading, (*entry.path, "after"), other)
            if other not in order:
                said = f"Not existing task id in dependency: {other}"
                yield reading.error(said, path, did_you_mean(other, [id_ for id_ in order if id_]))
            elif order[other] >= order[entry.id]:
                said = f"'{entry.id}' needs '{other}', which stands below it"
                yield reading.error(said, path, f"Move '{entry.id}' below '{other}'.")


def cycle(after: Mapping[str, list[str]]) -> list[str]:
    """The ids that wait for each other in a circle; empty if none do."""
    done: set[str] = set()
    for start in after:
        trail: list[tuple[str, Iterator[str]]] = [(start, iter(after[start]))]
        on_trail = [start]
        while trail and start not in done:
            name, others = trail[-1]
            other = next((o for o in others if o in after and o not in done), None)
            if other is None:
                done.add(name)
                trail.pop()
                on_trail.pop()
            elif other in on_trail:
                return on_trail[on_trail.index(other) :]
            else:
                trail.append((other, iter(after[other])))
                on_trail.append(other)
    return []


def _item_path(reading: Reading, path: Path, name: str) -> Path:
    node: Json = reading.tree
    for step in path:
        node = node[step]
    return (*path, node.index(name)) if isinstance(node, list) and name in node else path


def _names(written: Json) -> list[str]:
    if isinstance(written, str):
        return [written]
    return [str(each) for each in written] if isinstance(written, list) else []


def dependencies(reading: Reading) -> Iterator[Problem]:
    """`dependsOn` of a task outside a Dag names tasks of the flow."""
    known = {entry.id for entry in reading.tasks if entry.id}
    templated = any("{{" in name for name in known)
    for entry in reading.tasks:
        if entry.path[-1] == "task" or _is(entry.parent, "core.flow.Dag"):
            continue
        for other in _names(entry.node.get("dependsOn")):
            if other not in known and not holds_template(other) and not templated:
                path = _item_path(reading, (*entry.path, "dependsOn"), other)
                said = f"Not existing task id in dependency: {other}"
                yield reading.warning(said, path, did_you_mean(other, known))


def working_directories(reading: Reading) -> Iterator[Problem]:
    """A WorkingDirectory holds runnable tasks only."""
    for entry in _of(reading, "core.flow.WorkingDirectory"):
        if "tasks" in entry.node and not entry.node["tasks"]:
            yield reading.error("The 'tasks' property cannot be empty", entry.path)
    for entry in reading.tasks:
        if entry.parent is None or not _is(entry.parent, "core.flow.WorkingDirectory"):
            continue
        found = find("task", entry.type or "")
        if found is not None and not issubclass(found, RunnableTask | MissingProvider):
            said = "Only runnable tasks are allowed as children of a WorkingDirectory task"
            yield reading.error(said, entry.path)
        if "workerGroup" in entry.node:
            yield reading.error(
                "Cannot set a Worker Group in any WorkingDirectory sub-tasks, "
                "it is only supported at the WorkingDirectory level",
                (*entry.path, "workerGroup"),
            )


def recursions(reading: Reading) -> Iterator[Problem]:
    """A Subflow that calls its own flow by literal ids."""
    own = (reading.tree.get("namespace"), reading.tree.get("id"))
    for entry in _of(reading, "core.flow.Subflow"):
        if (entry.node.get("namespace"), entry.node.get("flowId")) == own:
            said = f"Recursive call to flow [{own[0]}.{own[1]}]"
            yield reading.error(said, (*entry.path, "flowId"))


def unreachable(reading: Reading) -> Iterator[Problem]:
    """Tasks after one that always ends the execution."""
    last: dict[Path, str | None] = {}
    for entry in reading.tasks:
        block = entry.path[:-1]
        if block in last and not entry.node.get("dependsOn"):
            where = write_path(entry.path)
            said = f"{where}: never reached, '{last[block]}' always ends before"
            yield reading.warning(said, (*entry.path, "id"))
        if entry.type is not None and entry.type.endswith(("Fail", "Exit")):
            ends = canonical("task", entry.type) or entry.type
            sometimes = {"condition", "runIf", "when", "conditions", "disabled", "allowFailure"}
            aside = _is(entry.parent, "core.flow.Parallel") or entry.path[-1] == "task"
            if ends in ENDS and not aside and not sometimes.intersection(entry.node):
                last.setdefault(block, entry.id)


ENDS = frozenset({PREFIX + "core.execution.Fail", PREFIX + "core.execution.Exit"})


def idle_properties(reading: Reading) -> Iterator[Problem]:
    """Properties that are accepted and do nothing."""
    for entry in reading.tasks:
        if "policyRefs" in entry.node:
            where = write_path((*entry.path, "policyRefs"))
            said = f"{where}: an Enterprise feature, accepted and left alone"
            yield reading.info(said, (*entry.path, "policyRefs"))
        if "maxParallel" in entry.node and (found := find("task", entry.type or "")):
            if not issubclass(found, FlowableTask | MissingProvider):
                where = write_path((*entry.path, "maxParallel"))
                yield reading.info(f"{where}: has no effect here", (*entry.path, "maxParallel"))


LEAST = {"concurrent": 0, "concurrencyLimit": 0, "maxIterations": 1}


def limits(reading: Reading) -> Iterator[Problem]:
    """How many at once, or how often: not fewer than none."""
    for entry in reading.tasks:
        frequency = entry.node.get("checkFrequency")
        inside = frequency if isinstance(frequency, Mapping) else {}
        places = [(entry.path, entry.node), ((*entry.path, "checkFrequency"), inside)]
        for path, node in places:
            for name, least in LEAST.items():
                number = node.get(name)
                if isinstance(number, int) and not isinstance(number, bool) and number < least:
                    where = write_path((*path, name))
                    said = f"{where}: must be greater than or equal to {least}, but is {number}"
                    yield reading.error(said, (*path, name))


def for_runnables_only(reading: Reading) -> Iterator[Problem]:
    """Properties that a flowable has no use for."""
    for entry in reading.tasks:
        found = find("task", entry.type or "")
        if found is None or not issubclass(found, FlowableTask):
            continue
        own = {"timeout"} if _is(entry, "core.flow.Pause") else set[str]()
        if _is(entry, "core.flow.WorkingDirectory"):
            own = {"timeout", "taskCache", "workerGroup"}
        for name in ("timeout", "taskCache", "workerGroup"):
            if name in entry.node and name not in own:
                said = (
                    f"The task '{entry.id}' cannot use the '{name}' property as it's only "
                    "relevant for runnable tasks."
                )
                yield reading.warning(said, (*entry.path, name))


def _of(reading: Reading, short: str) -> Iterator[Entry]:
    return (entry for entry in reading.tasks if _is(entry, short))


def _is(entry: Entry | None, short: str) -> bool:
    if entry is None or entry.type is None:
        return False
    return (canonical("task", entry.type) or entry.type) == PREFIX + short


CHECKS = (
    types,
    both_conditions,
    conditions,
    retries,
    switches,
    dags,
    cells,
    dependencies,
    working_directories,
    recursions,
    unreachable,
    idle_properties,
    for_runnables_only,
    limits,
)
