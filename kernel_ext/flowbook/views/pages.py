"""The pages of parts, in Markdown: one a type, those that all of a kind share, and an index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from flowbook.kinds.describe import Description, Property
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example

KINDS = {
    "task": "Tasks",
    "trigger": "Triggers",
    "condition": "Conditions",
    "input": "Inputs",
    "runner": "Task runners",
}


def page(found: Description) -> str:
    """A type's page: what it does, its properties, its examples."""
    lines = [f"# {short(found)}", "", f"`{found.type}`", "", found.doc, ""]
    if found.aliases:
        lines += [f"Also written: {', '.join(f'`{alias}`' for alias in found.aliases)}.", ""]
    own = [each for each in found.properties if each.own]
    if own:
        lines += ["## Properties", "", *map(_property, own), ""]
    for example in found.examples:
        lines += _example(example)
    shared = [each.name for each in found.properties if not each.own]
    if shared:
        lines += ["Every " + found.kind + " also has: " + ", ".join(f"`{n}`" for n in shared) + "."]
    return "\n".join(lines).rstrip()


def shared_page(kind: str, parts: Iterable[Description]) -> str | None:
    """The page of the properties that all parts of a kind have; `None` if there are none."""
    known: dict[str, Property] = {}
    for part in parts:
        for each in part.properties:
            if not each.own:
                known.setdefault(each.name, each)
    if not known:
        return None
    title = f"# Properties of every {kind}"
    return "\n".join([title, "", *map(_property, known.values())])


def index_page(parts: Sequence[Description]) -> str:
    """All types with what they do, by kind and package."""
    lines = ["# Types", ""]
    for kind, title in KINDS.items():
        chosen = [part for part in parts if part.kind == kind]
        if not chosen:
            continue
        lines += [f"## {title}", "", f"{len(chosen)} types.", ""]
        if shared_page(kind, chosen) is not None:
            lines += [f"[Properties of every {kind}]({shared_name(kind)})", ""]
        lines += [f"- [`{part.type}`]({name(part)}): {part.title}" for part in chosen]
        lines.append("")
    return "\n".join(lines).rstrip()


def name(part: Description) -> str:
    """The file of a type's page."""
    return f"{part.type}.md"


def shared_name(kind: str) -> str:
    """The file of the properties that all of a kind share."""
    return f"every-{kind}.md"


def short(part: Description) -> str:
    """The last word of a type; of an input what one writes after `type:`."""
    last = part.type.rpartition(".")[2]
    return last.upper() if part.kind == "input" else last


def _example(example: Example) -> list[str]:
    lines = [f"## {example.title or 'Example'}", ""]
    if example.needs:
        lines += [f"It needs {example.needs}.", ""]
    for flow in example.flows:
        lines += ["With this flow beside it:", "", "```yaml", flow.strip(), "```", ""]
    return [*lines, "```yaml", example.flow.strip(), "```", ""]


def _property(each: Property) -> str:
    facts = [each.type]
    if each.required:
        facts.append("required")
    elif each.default not in (None, "", [], ()):
        facts.append(f"default `{_yaml(each.default)}`")
    if each.dynamic:
        facts.append("rendered")
    return f"- `{each.name}` ({'; '.join(facts)}): {each.doc or 'no description'}"


def _yaml(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
