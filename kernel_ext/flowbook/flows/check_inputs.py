"""Rules about inputs and flow outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..kinds.dynamic import Json, holds_template
from ..kinds.find import find
from ..kinds.input import Input
from ..problems import Problem
from .check_tasks import cycle
from .messages import did_you_mean, near_type
from .reading import Reading
from .source import Path, write_path

Item = Mapping[str, Json]


def declared_inputs(reading: Reading) -> list[tuple[Path, Item, str]]:
    """Every input that has a value, with its place and its full id."""
    found: list[tuple[Path, Item, str]] = []
    for path, item in reading.named("inputs"):
        name = str(item.get("id", item.get("name", "")))
        inside = item.get("inputs")
        if str(item.get("type")).upper() != "FORM" or not isinstance(inside, list):
            found.append((path, item, name))
            continue
        for number, child in enumerate(inside):
            if isinstance(child, Mapping):
                full = f"{name}.{child.get('id', child.get('name', ''))}"
                found.append(((*path, "inputs", number), child, full))
    return found


def names(reading: Reading) -> Iterator[Problem]:
    """`name` is the older spelling of `id`."""
    for path, item in reading.named("inputs"):
        if "id" not in item and "name" in item:
            yield reading.info(f"{write_path(path)}.name: deprecated, write id", (*path, "name"))


def dependencies(reading: Reading) -> Iterator[Problem]:
    """`dependsOn` names inputs that exist, in no circle."""
    declared = declared_inputs(reading)
    known = {name for _, _, name in declared}
    after = {}
    places = {}
    for path, item, name in declared:
        depends = item.get("dependsOn")
        others = depends.get("inputs") if isinstance(depends, Mapping) else None
        after[name] = [str(other) for other in others] if isinstance(others, list) else []
        places[name] = (*path, "dependsOn")
        for other in after[name]:
            if other not in known:
                said = f"Input with id '{name}' depends on a non-existent input '{other}'."
                yield reading.error(said, places[name], did_you_mean(other, known))
    if circle := cycle(after):
        said = f"Cycle dependency detected for input with id '{circle[0]}': [{', '.join(circle)}]"
        yield reading.error(said, places[circle[0]])


def conflicts(reading: Reading) -> Iterator[Problem]:
    """An id can't be a value and a group at once: `a` and `a.b`."""
    declared = declared_inputs(reading)
    known = {name for _, _, name in declared}
    for path, _, name in declared:
        groups = name.split(".")
        for length in range(1, len(groups)):
            group = ".".join(groups[:length])
            if group in known:
                yield reading.error(f"Conflict at key: '{group}'", (*path, "id"))


def defaults(reading: Reading) -> Iterator[Problem]:
    """Defaults go with required inputs, and are values of their type."""
    for path, item, name in declared_inputs(reading):
        value = item.get("defaults")
        if value is None:
            continue
        if item.get("required") is False:
            said = "Inputs with a default value must be required"
            yield reading.warning(said, (*path, "required"), "The default is used.")
        if item.get("prefill") is not None:
            said = "Inputs with a default value cannot also have a prefill"
            yield reading.error(said, (*path, "prefill"))
        if not holds_template(value):
            yield from _default(reading, (*path, "defaults"), item, name, value)


def _default(reading: Reading, path: Path, item: Item, name: str, value: Json) -> Iterator[Problem]:
    model = find("input", str(item.get("type", "STRING")))
    if model is None or not issubclass(model, Input) or holds_template(item.get("expression")):
        return
    try:
        declared = model.model_validate(dict(item))
    except ValueError:
        return  # the declaration itself is wrong, and said to be
    try:
        declared.parse(value)
    except ValueError as error:
        yield reading.warning(
            f"Invalid input for `{name}`, {error}, but received `{value}`",
            path,
            f"Write {declared.expects}." if declared.expects else None,
        )


def output_types(reading: Reading) -> Iterator[Problem]:
    """The type of a flow output is one of the types of inputs."""
    for path, item in reading.named("outputs"):
        name = item.get("type")
        if name is not None and find("input", str(name)) is None:
            hint = near_type("input", str(name).upper())
            yield reading.error(f"Invalid type: {name}", (*path, "type"), hint)


CHECKS = (names, dependencies, conflicts, defaults, output_types)
