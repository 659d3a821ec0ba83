"""What a flowable asks the machine to run: one round of lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from .state import State

if TYPE_CHECKING:
    from .task import Task

EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Lane:
    """Tasks that run one after another; an iteration's lane carries its value."""

    tasks: tuple[Task, ...]
    value: str | None = None
    iteration: int | None = None
    key: str | None = None


class Lanes(Sequence[Lane]):
    """The lanes of an iteration, made when they are looked at: 10,000 cost nothing until they open.

    With `split` each task is a lane of its own (EachParallel).
    """

    __slots__ = ("keys", "split", "tasks", "values")

    def __init__(
        self,
        values: Sequence[str],
        tasks: tuple[Task, ...],
        keys: Sequence[str] | None = None,
        split: bool = False,
    ) -> None:
        self.values = values
        self.tasks = tasks
        self.keys = keys
        self.split = split and len(tasks) > 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lanes):
            return NotImplemented
        return (
            self.tasks == other.tasks
            and self.split == other.split
            and list(self.values) == list(other.values)
            and self.keys == other.keys
        )

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.values) * (len(self.tasks) if self.split else 1)

    @overload
    def __getitem__(self, index: int) -> Lane: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Lane]: ...
    def __getitem__(self, index: int | slice) -> Lane | Sequence[Lane]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        turn, which = divmod(index, len(self.tasks)) if self.split else (index, 0)
        tasks = (self.tasks[which],) if self.split else self.tasks
        return Lane(tasks, self.values[turn], turn, self.keys[turn] if self.keys else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One round of a flowable: lanes of tasks. A lane runs in order, lanes run side by side."""

    lanes: Sequence[Lane] = ()
    width: int | None = 1
    """Lanes open at once; `None` = all."""
    after: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Task id → ids that must have ended before it (Dag); only with lanes of one task."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs of the flowable itself: `evaluationResult`, `value` …"""
    ends: State | None = None
    """It ends at once in this state (a Switch without a match)."""
    reason: str | None = None
    """Why it ends so, for its log."""
    detached: bool = False
    """The flowable is SUCCESS as soon as its lanes are open; they go on by themselves."""
    stops: bool = True
    """A failure lets no further task start; else other lanes don't care."""
    gathers: bool = False
    """The flowable is told what came of every lane (`gathered`)."""
    served: Mapping[str, Any] | None = None
    """Outputs that tasks inside end with instead of being run, as `keeps_outputs` has kept them."""
    dependents: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    """Task id → lanes that wait for it; follows from `after`."""

    def __post_init__(self) -> None:
        waiting: dict[str, list[int]] = {}
        if self.after:
            for index, lane in enumerate(self.lanes):
                for earlier in self.after.get(lane.tasks[0].id, ()):
                    waiting.setdefault(earlier, []).append(index)
        object.__setattr__(
            self, "dependents", {name: tuple(lanes) for name, lanes in waiting.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """No lanes now: ask again when this has happened."""

    seconds: float | None = None
    """How long; `None` = until somebody resumes."""
    timeout: float | None = None
    """The task run is FAILED if nobody has resumed it after this many seconds."""
    elapsed: State = State.SUCCESS
    """What follows when `seconds` are over: SUCCESS and WARNING go on, FAILED and CANCELLED end it."""
    paused: bool = True
    """The task run and the execution are PAUSED meanwhile; else they stay RUNNING."""
    resumable: bool = True
    """Somebody may resume it before its time."""


def enabled(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks that aren't disabled, in the order they run: one that depends on a later one stands
    after it, and one that asks how its scope has ended stands last."""
    present = tuple(task for task in tasks if not task.disabled)
    if any(task.depends_on for task in present):
        present = _sorted(present)
    if any(task.conditions for task in present):
        present = tuple(sorted(present, key=lambda task: waits_for_end(task)))
    return present


def waits_for_end(task: Task) -> bool:
    """Whether one of the task's conditions is about the state of its scope (`condition.Execution`)."""
    given = task.conditions if isinstance(task.conditions, list | tuple) else ()
    return any(
        isinstance(each, Mapping) and str(each.get("type", "")).endswith(".condition.Execution")
        for each in given
    )


def one_lane(tasks: Sequence[Task], **more: Any) -> Plan:
    """Tasks one after another."""
    return Plan(lanes=(Lane(tuple(tasks)),) if tasks else (), **more)


def side_by_side(tasks: Sequence[Task], width: int | None, **more: Any) -> Plan:
    """Each task a lane of its own; `width` at once, `None` = all."""
    return Plan(lanes=tuple(Lane((task,)) for task in tasks), width=width or None, **more)


def _sorted(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """Stable topological order; with a cycle the order that was written."""
    by_id = {task.stands_for: task for task in tasks}
    done: dict[str, Task] = {}
    open_: set[str] = set()

    def put(task: Task) -> bool:
        key = task.stands_for
        if key in done:
            return True
        if key in open_:
            return False
        open_.add(key)
        wanted = task.depends_on if isinstance(task.depends_on, list | tuple) else ()
        if not all(put(by_id[name]) for name in wanted if name in by_id):
            return False
        done[key] = task
        return True

    return tuple(done.values()) if all(put(task) for task in tasks) else tasks
