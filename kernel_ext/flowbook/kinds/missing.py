"""Types that are known but have nothing behind them yet: they validate, draw, and fail when run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from ..errors import TaskFailed
from .part import Part
from .task import Output, RunnableTask, Task
from .trigger import Trigger

LOOSE = ConfigDict(
    frozen=True,
    extra="allow",
    alias_generator=to_camel,
    populate_by_name=True,
    coerce_numbers_to_str=True,
    protected_namespaces=(),
)


class MissingProvider(RunnableTask):
    """A task whose type is known, but whose provider isn't there: it fails when it is run."""

    model_config = LOOSE
    extra: ClassVar[str] = ""
    """The extra that brings the provider; empty for types that nothing offers."""

    async def run(self, context: Any) -> Output | Mapping[str, Any] | None:
        raise TaskFailed(lacking(self.type, self.extra), kind="MissingProvider")


class MissingTrigger(Trigger):
    """A trigger whose type is known, but whose provider isn't there: it never fires."""

    model_config = LOOSE
    extra: ClassVar[str] = ""


def lacking(type_name: str, extra: str) -> str:
    """What is missing for a type, in one sentence with the way out."""
    if extra:
        return f'{type_name} needs the extra flowbook[{extra}]: pip install "flowbook[{extra}]"'
    return f"No provider for task type {type_name}"


def is_missing(part: object) -> bool:
    """Whether a part only stands in for one that isn't there."""
    return isinstance(part, MissingProvider | MissingTrigger)


@cache
def stand_in(kind: str, extra: str) -> type[Part] | None:
    """The class that stands in for a known type of this kind."""
    if kind == "task":
        return type("MissingProvider", (MissingProvider,), {"extra": extra, "__module__": __name__})
    if kind == "trigger":
        return type("MissingTrigger", (MissingTrigger,), {"extra": extra, "__module__": __name__})
    return None


def unknown_task(value: Mapping[str, Any]) -> Task:
    """A task of a type that nobody knows, for dialects that let such flows be saved."""
    return MissingProvider.model_validate(value)
