"""Completion in `%flow` lines and in the YAML of `%%flow` cells."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError

from . import arguments

if TYPE_CHECKING:
    from flowbook.kinds.part import Part

    from .magics import FlowMagics

WORD = re.compile(r"[\w./-]*$")
KEY = re.compile(r"^(\s*)(-\s+)?([\w-]*)$")
TYPE = re.compile(r"""^(?P<indent>\s*)(?P<item>-\s+)?type:\s*["']?(?P<name>[\w.]*)["']?\s*$""")
SECTIONS = {
    "triggers": "trigger",
    "conditions": "condition",
    "inputs": "input",
    "taskRunner": "runner",
}
"""The keys under which a `type` is no task's."""
OF_RUNS = frozenset(
    [
        "show",
        "logs",
        "out",
        "why",
        "diff",
        "kill",
        "pause",
        "resume",
        "attach",
        "apply",
        "restart",
        "replay",
        "force",
        "unqueue",
        "mark",
        "labels",
        "delete",
    ]
)
"""The verbs that name an execution."""


def matches(magics: FlowMagics, context: Any) -> Mapping[str, Any]:
    """What may stand at the cursor; with ours, nobody else's."""
    from IPython.core.completer import SimpleCompletion
    from IPython.core.error import UsageError

    text, row = str(context.full_text), int(context.cursor_line)
    lines = text.split("\n")
    found: Iterable[str] = ()
    fragment = ""
    with contextlib.suppress(FlowbookError, UsageError, ValueError):
        if lines[0].lstrip().startswith("%%flow") and row > 0:
            before = lines[row][: context.cursor_position]
            fragment, found = _in_body(lines, row, before, magics)
        else:
            before = lines[row][: context.cursor_position].lstrip()
            if before.startswith(("%flow ", "%%flow ")):
                fragment, found = _in_line(magics, before)
            elif before.startswith("%%task ") and row == 0:
                fragment, found = _in_task(magics, before)
    wanted = sorted({one for one in found if one.lower().startswith(fragment.lower())})
    return {
        "completions": [SimpleCompletion(text=one, type="flowbook") for one in wanted],
        "matched_fragment": fragment,
        "suppress": bool(wanted),
    }


def _in_line(magics: FlowMagics, before: str) -> tuple[str, Iterable[str]]:
    """Verbs, then options, flow ids, the beginnings of executions' ids."""
    fragment = _fragment(before)
    magic, *words = before[: len(before) - len(fragment)].split()
    if magic == "%%flow":
        return fragment, _options("") if fragment.startswith("-") else ()
    if not words:
        return fragment, arguments.SUMMARIES
    verb = words[0]
    if verb not in arguments.SUMMARIES:
        return fragment, ()
    if fragment.startswith("-"):
        return fragment, _options(verb)
    if words[-1] in ("-t", "--trigger") and verb == "backfill":
        return fragment, _triggers(magics)
    if verb in ("run", "graph", "validate", "deploy", "export", "runs", "revisions", "backfill"):
        return fragment, _flows(magics)
    if verb == "triggers":
        choices = (("list", "enable", "disable", "unlock"), _flows(magics), _triggers(magics))
        return fragment, choices[min(len(words), 3) - 1]
    if verb == "out" and len(words) > 1:
        return fragment, _handed_on(magics, words[1:])
    if verb in OF_RUNS:
        return fragment, (run.id[:6] for run in magics.ws.executions(limit=30))
    if verb == "rerun" and len(words) == 1 and magics.last is not None:
        return fragment, (one.task_id for one in magics.ws.execution(magics.last).task_runs)
    if verb == "help":
        return fragment, arguments.SUMMARIES
    return fragment, ()


def _handed_on(magics: FlowMagics, words: list[str]) -> Iterable[str]:
    """The tasks of a run, then the outputs of one of them."""
    from .named import run_of

    run = magics.ws.execution(run_of(magics, words[0]))
    return run[words[1]].outputs if len(words) > 1 else (one.task_id for one in run.task_runs)


def _in_task(magics: FlowMagics, before: str) -> tuple[str, Iterable[str]]:
    """Options, flow ids after `--flow`, cells of the flow after `--after` and as the task's own id."""
    fragment = _fragment(before)
    words = before[: len(before) - len(fragment)].split()
    if fragment.startswith("-"):
        return fragment, _options("%%task")
    option = next((word for word in reversed(words) if word.startswith("-")), "")
    if option == "--flow" and words[-1] == option:
        return fragment, _flows(magics)
    if option in ("--after", "--instead") or len(words) == 1:
        named = words.index("--flow") + 1 if "--flow" in words else len(words)
        return fragment, _cells(magics, words[named] if named < len(words) else None)
    return fragment, ()


def _cells(magics: FlowMagics, flow: str | None) -> Iterable[str]:
    from flowbook.flows.cell_flow import cells_of

    from .tasks import newest_of, uid_of

    newest = newest_of(magics, *uid_of(magics, flow))
    return cells_of(newest["source"]).ids if newest is not None else ()


def _flows(magics: FlowMagics) -> Iterable[str]:
    for row in magics.ws.flows():
        yield f"{row['namespace']}.{row['id']}"
        if row["namespace"] == magics.namespace:
            yield str(row["id"])


def _triggers(magics: FlowMagics) -> Iterable[str]:
    for row in (*magics.ws.schedules(), *magics.ws.flow_triggers()):
        yield row["trigger"]


def _options(verb: str) -> Iterable[str]:
    for action in arguments.parser(verb)._actions:
        yield from (option for option in action.option_strings if option.startswith("--"))


def _in_body(
    lines: list[str], row: int, before: str, magics: FlowMagics
) -> tuple[str, Iterable[str]]:
    """Types after `type:`, flow ids after `flowId:`, elsewhere the properties of what is around."""
    if found := TYPE.match(before):
        return found["name"], _types(_kind(lines, row, len(found["indent"])))
    if re.match(r"^\s*(-\s+)?flowId:\s*[\w.-]*$", before):
        return _fragment(before), (str(row["id"]) for row in magics.ws.flows())
    key = KEY.match(before)
    if key is None:
        return "", ()
    indent = len(key[1]) + len(key[2] or "")
    part = _part(lines, row, indent)
    if part is not None:
        return key[3], (
            f"{name}: " for name in _properties(part) if name not in _given(lines, row, indent)
        )
    if indent == 0 and not key[2]:
        return key[3], (f"{name}: " for name in _flow_properties())
    return key[3], ("id: ", "type: ") if key[2] else ()


def _fragment(before: str) -> str:
    found = WORD.search(before)
    return found[0] if found else ""


def _types(kind: str) -> Iterable[str]:
    from flowbook.kinds.find import names, spellings

    yield from names(kind)
    yield from spellings(kind)


def _kind(lines: list[str], row: int, indent: int) -> str:
    """What sort of part stands at a line, from the keys above it."""
    below = indent + 1
    for line in reversed(lines[1:row]):
        found = re.match(r"^(\s*)(?:-\s+)?([\w]+):\s*$", line)
        if found and len(found[1]) < below:
            below = len(found[1])
            if found[2] in SECTIONS:
                return SECTIONS[found[2]]
            if found[2] in ("tasks", "errors", "finally", "afterExecution", "then", "else"):
                return "task"
    return "task"


def _part(lines: list[str], row: int, indent: int) -> type[Part] | None:
    """The class that the `type:` beside a property names."""
    from flowbook.kinds.find import find

    for number in _siblings(lines, row, indent):
        if found := TYPE.match(lines[number]):
            kind = _kind(lines, number, len(found["indent"]))
            return find(kind, found["name"])
    return None


def _given(lines: list[str], row: int, indent: int) -> set[str]:
    """The properties that stand there already."""
    found = set()
    for number in _siblings(lines, row, indent):
        if match := re.match(r"^\s*(?:-\s+)?([\w-]+):", lines[number]):
            found.add(match[1])
    return found


def _siblings(lines: list[str], row: int, indent: int) -> Iterable[int]:
    """The lines of the same map as `row`, above and below it."""
    for step in (-1, 1):
        number = row if step > 0 else row + 1
        if step < 0 and _starts_item(lines[row]):
            continue
        while 0 < (number := number + step) < len(lines):
            line = lines[number]
            if not line.strip():
                continue
            depth = _depth(line)
            if depth == indent:
                if step > 0 and _starts_item(line):
                    break
                yield number
                if step < 0 and _starts_item(line):
                    break
            elif depth < indent:
                break


def _starts_item(line: str) -> bool:
    return line.lstrip().startswith("- ")


def _depth(line: str) -> int:
    """How deep a line's key is; `- ` counts, since the key after it is the map's."""
    found = re.match(r"^(\s*)((?:-\s+)*)", line)
    assert found is not None
    return len(found[1]) + len(found[2])


def _properties(part: type[Part]) -> Iterable[str]:
    for name, field in part.model_fields.items():
        yield field.alias or name


def _flow_properties() -> Iterable[str]:
    from flowbook.flows.model import Flow

    return _properties(Flow)  # type: ignore[arg-type]
