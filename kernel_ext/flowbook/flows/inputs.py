"""Values given for an execution, read by the flow's declarations: all messages at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ExpressionError, FlowbookError, InputInvalid
from ..kinds.dynamic import Json, holds_template
from ..kinds.input import Input, text
from .accepted import accepted
from .model import Flow

Render: TypeAlias = Callable[[Json, Mapping[str, Json]], Json]
"""Renders a value deep, typed; the second argument is the inputs resolved so far, nested."""


def resolve(
    flow: Flow | Sequence[Input],
    given: Mapping[str, Json],
    *,
    render: Render | None = None,
) -> dict[str, Json]:
    """The inputs of an execution, as they are stored (JSON), nested by the dots of their ids.

    Undeclared values are left out, except for flows that declare no inputs at all. `render` renders
    texts in `defaults`, conditions and expressions; without it they are taken literally. Raises
    `InputInvalid`.
    """
    if not members(flow):
        return dict(given)
    resolver = _resolved(flow, given, render)
    if resolver.refused:
        raise resolver.refusal()
    return nested(resolver.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one input, while somebody still fills in a form."""

    declared: Input
    """With the values its `expression` gave."""
    enabled: bool
    value: Json = None
    is_default: bool = False
    errors: tuple[str, ...] = ()


def answers(
    flow: Flow | Sequence[Input], given: Mapping[str, Json], *, render: Render | None = None
) -> list[Answer]:
    """The same as `resolve`, told of each input instead of raised."""
    resolver = _resolved(flow, given, render)
    return [
        Answer(
            declared=resolver.seen.get(name, declared),
            enabled=resolver.enabled.get(name, False),
            value=resolver.values.get(name, resolver.given.get(name)),
            is_default=name in resolver.values and resolver.given.get(name) is None,
            errors=tuple(said for other, said in resolver.refused if other == name),
        )
        for name, declared in resolver.declared.items()
    ]


def _resolved(
    flow: Flow | Sequence[Input], given: Mapping[str, Json], render: Render | None
) -> _Resolver:
    declared = members(flow)
    values = flat(given, declared)
    if isinstance(flow, Flow) and flow.dialect == "seed":
        values = {name: _seed_value(flow, name, value) for name, value in values.items()}
    resolver = _Resolver({each.id: each for each in declared}, values, render)
    for each in declared:
        resolver.resolve(each.id, ())
    return resolver


def typed(flow: Flow | Sequence[Input], stored: Mapping[str, Json]) -> dict[str, Any]:
    """Stored inputs as expressions see them: dates and durations are such again."""
    declared = members(flow)
    if not declared:
        return dict(stored)
    values = {}
    for each in declared:
        found, value = _lookup(stored, each.id)
        if found:
            values[each.id] = value if value is None else each.typed(value)
    return nested(values)


def undeclared(flow: Flow, given: Mapping[str, Any]) -> list[str]:
    """Names among the given values that the flow doesn't declare; they are ignored."""
    if not flow.inputs:
        return []
    known = {each.id for each in flow.declared}
    groups = {name.split(".")[0] for name in known}
    return [name for name in given if name not in known and name not in groups]


def secret_values(flow: Flow | Sequence[Input], stored: Mapping[str, Json]) -> list[str]:
    """The plain values of SECRET inputs: what must not be shown."""
    found = []
    for each in members(flow):
        if each.is_secret:
            value = _lookup(stored, each.id)[1]
            if isinstance(value, str) and value:
                found.append(value)
    return found


def flat(given: Mapping[str, Json], declared: Sequence[Input]) -> dict[str, Json]:
    """Given values by the declared ids: both `{"a.b": 1}` and `{"a": {"b": 1}}` are taken."""
    values = {}
    for each in declared:
        found, value = _lookup(given, each.id)
        if found:
            values[each.id] = value
    return values


def nested(values: Mapping[str, Json]) -> dict[str, Json]:
    """Ids with dots as maps inside each other."""
    tree: dict[str, Json] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = value
    return tree


def members(flow: Flow | Sequence[Input]) -> tuple[Input, ...]:
    """Every input that has a value, those of groups by their full ids."""
    inputs = flow.inputs if isinstance(flow, Flow) else flow
    return tuple(member for each in inputs for member in each.members())


def _seed_value(flow: Flow, name: str, value: Json) -> Json:
    """In the seed dialect `1`, `yes` and `on` mean true as well."""
    declared = flow.input(name)
    if declared is not None and declared.type == "BOOL" and isinstance(value, str | int):
        return True if str(value).strip().lower() in {"1", "yes", "on"} else value
    return value


def _lookup(values: Mapping[str, Json], name: str) -> tuple[bool, Json]:
    if name in values:
        return True, values[name]
    node: Json = values
    for step in name.split("."):
        if not isinstance(node, Mapping) or step not in node:
            return False, None
        node = node[step]
    return True, node


class _Resolver:
    """One resolution: every input once, those it depends on first."""

    def __init__(
        self, declared: Mapping[str, Input], given: Mapping[str, Json], render: Render | None
    ) -> None:
        self.declared = declared
        self.given = given
        self.render = render
        self.values: dict[str, Json] = {}
        self.enabled: dict[str, bool] = {}
        self.refused: list[tuple[str, str]] = []
        """Ids of inputs, and what is wrong with their values."""
        self.seen: dict[str, Input] = {}
        """Declarations with the values that their expressions gave."""

    def resolve(self, name: str, waiting: tuple[str, ...]) -> bool:
        """Read one input; whether it is enabled."""
        if name in self.enabled:
            return self.enabled[name]
        declared = self.declared.get(name)
        if declared is None or name in waiting:  # unknown ids and cycles are the text's problems
            return True
        depends = declared.depends_on
        before = () if depends is None else depends.inputs
        states = [self.resolve(other, (*waiting, name)) for other in before]
        enabled = all(states)
        if enabled and depends is not None and depends.condition is not None:
            enabled = self.condition(declared, depends.condition)
        self.enabled[name] = enabled
        if enabled:
            self.read(declared)
        return enabled

    def condition(self, declared: Input, template: str) -> bool:
        try:
            answer = self.rendered(template)
        except FlowbookError as error:
            self.refuse(declared, f"Invalid condition: {error}", self.given.get(declared.id))
            return False
        return answer is True or (isinstance(answer, str) and answer.strip() == "true")

    def read(self, declared: Input) -> None:
        value = self.given.get(declared.id)
        try:
            declared = self.seen[declared.id] = self.with_values(declared)
            if value is None or (value == "" and not declared.blank):
                value = self.default(declared)
            if value is None or (value == "" and not declared.blank):
                if declared.required:
                    self.refuse(declared, "missing required input", None)
                else:
                    self.values[declared.id] = None
                return
            self.values[declared.id] = _checked(declared, value)
        except (ValueError, ExpressionError) as error:
            self.refuse(declared, str(error), value)

    def default(self, declared: Input) -> Json:
        if declared.defaults is not None:
            return self.rendered(declared.defaults)
        offered = declared.offered()
        if getattr(declared, "auto_select_first", False) and offered:
            return offered[0]
        return None

    def with_values(self, declared: Input) -> Input:
        """The declaration with the values that its `expression` gives."""
        template = getattr(declared, "expression", None)
        if template is None:
            return declared
        try:
            values = self.rendered(template)
        except ExpressionError as error:
            raise ValueError(f"Cannot render 'expression'. Cause: {error}") from None
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError:
                pass
        if not isinstance(values, list | tuple):
            raise ValueError(
                "Invalid expression result. Expected a list of strings, "
                f"but received {type(values).__name__}"
            )
        return declared.model_copy(update={"values": tuple(text(value) for value in values)})

    def rendered(self, value: Json) -> Json:
        if self.render is None or not holds_template(value):
            return value
        return self.render(value, nested(self.values))

    def refuse(self, declared: Input, message: str, value: Json) -> None:
        shown = "null" if value is None else "********" if declared.is_secret else text(value)
        said = f"Invalid input for `{declared.id}`, {message}, but received `{shown}`"
        self.refused.append((declared.id, said))

    def refusal(self) -> InputInvalid:
        """Everything that is wrong, and what each input takes."""
        names = [name for name, _ in self.refused]
        declared = [self.seen.get(name, self.declared[name]) for name in names]
        return InputInvalid(
            [message for _, message in self.refused],
            names,
            [f"`{each.id}` takes {accepted(each)}." for each in declared],
        )


def _checked(declared: Input, value: Json) -> Json:
    read = declared.parse(value)
    if declared.choices and text(read) not in declared.choices:
        raise ValueError(f"it must match the values `[{', '.join(declared.choices)}]`")
    return read
