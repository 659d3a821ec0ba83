"""Parts: whatever a flow names with a `type`. A part is one class in one file, found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from .dynamic import Json


class Written(BaseModel):
    """Anything people write in a flow: frozen, camelCase in YAML, unknown keys are problems."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
    )


class Part(Written):
    """Anything with a `type`."""

    kind: ClassVar[str] = ""
    """What sort of part: task, trigger, condition, input, runner …"""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Older and shorter names of the type."""

    type: str
    """The part's type name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A flow that shows a part: a doc, a completion and a test."""

    flow: str
    """The flow's YAML."""
    title: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    flows: tuple[str, ...] = ()
    """Flows that must be deployed before."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files that must lie in the workspace's folder, by name."""
    logs: tuple[str, ...] = ()
    """Lines that the execution's log must hold."""
    outputs: Mapping[str, Json] = field(default_factory=dict)
    """Outputs of tasks that must come out: task id → map that must be contained."""
    state: str = "SUCCESS"
    needs: str = ""
    """The extra or service without which the example is shown but not run."""


def type_name(part: type[Part]) -> str:
    """The canonical type of a part's class: its module's path, in the reference's spelling."""
    path = part.__module__.removeprefix("flowbook.plugin.").rpartition(".")[0]
    own = path.split(".")[0] in {"jupyter", "runner"} or path == "fs.watch"
    return f"{'flowbook' if own else 'io.kestra.plugin'}.{path}.{part.__name__}"


def examples(part: type[Part]) -> tuple[Example, ...]:
    """The examples that stand beside a part, in the order of its file."""
    import sys

    module: dict[str, Any] = vars(sys.modules[part.__module__])
    return tuple(value for value in module.values() if isinstance(value, Example))
