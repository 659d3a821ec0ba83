"""What the magics take: one parser for `%%flow` and one a verb, each made on first use."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from IPython.core.magic_arguments import MagicArgumentParser

LITERAL: Mapping[str, str] = {"sql": "query", "eval": "expression"}
"""Verbs whose last argument is taken as it stands, quotes and all."""
OPTIONS = re.compile(r"\s*((?:--?[a-z-]+(?:=|\s+)\S+\s+)*)(.*)", re.DOTALL)
"""Options at the start of such a line, and the rest."""
ASSIGNMENT = re.compile(r"[A-Za-z_][\w.-]*=")
"""`name=value`, as an input is given."""
ASSIGNED = re.compile(r"^\s*([A-Za-z_]\w*)\s*<<\s*")
"""`VAR << …` at the start of a magic's line."""

SUMMARIES: Mapping[str, str] = {
    "run": "Run a deployed flow or a flow's file.",
    "ls": "List flows, with the next fire of their schedules.",
    "runs": "List executions, newest first.",
    "show": "Show an execution, live while it runs.",
    "logs": "Print the log of an execution.",
    "out": "Give the outputs of an execution, or of one of its tasks.",
    "why": "Say why a task ran, or didn't.",
    "eval": "Give the value of an expression in an execution.",
    "diff": "Say how an execution differs from another one, or from the last good one.",
    "rerun": "Run one task of an execution again, with other properties if wanted.",
    "validate": "Say what is wrong with a flow, without running it.",
    "graph": "Draw a flow without running it.",
    "sql": "SELECT from the history and from outputs.",
    "kill": "End an execution and what it has started, or several.",
    "pause": "Let an execution stop after the tasks that run now, or several.",
    "resume": "Go on with a paused execution, or several; or with a failed notebook at a cell.",
    "attach": "Open a failed notebook: a copy to edit, its kernel, its variables.",
    "apply": "Write the fix of a continued notebook into its source.",
    "restart": "Run again what failed, in the same execution, or in several.",
    "replay": "Run an execution again as a new one, or several.",
    "force": "Run an execution that waits for its date, a slot or a resume, or several.",
    "unqueue": "Run an execution that waits for a slot, above the limit, or several.",
    "mark": "Give a task run, or an execution, another end state.",
    "labels": "Replace the labels of an execution, or of several.",
    "delete": "Remove an execution that has ended, for ever, or several.",
    "revisions": "List the revisions of a flow, compare two, or bring one back.",
    "schedule": "Run a notebook at the times of a cron text.",
    "backfill": "Run a schedule for dates of the past, or say how far that is.",
    "triggers": "List what fires by itself, or switch it on and off.",
    "deploy": "Make a file, a folder or a cell's flow count.",
    "export": "Write a flow, or the cells of %%task, as files that can be deployed.",
    "kernels": "Show, make ready or end the kernels that notebooks are given.",
    "use": "Work in another workspace, or say which one is used.",
    "doctor": "Say what is installed and what is missing.",
    "help": "Say what a verb takes, or what a type does.",
}
"""The verbs of `%flow`, each in a sentence."""

INPUTS = "inputs; KEY=@FILE is a file"
CELL = "Run the flow that the cell's YAML says."
TASK = "Run the cell now, and keep it as a task of a flow."


def split(text: str) -> list[str]:
    """The words of a magic's line; quotes hold words together and go away.

    Raises: UsageError for a quote that isn't closed.
    """
    from IPython.utils.process import arg_split

    try:
        words: list[str] = arg_split(text, posix=True)
    except ValueError as error:
        raise UsageError(f"{error}: {text.strip()}") from None
    return words


def assigned(line: str) -> tuple[str | None, str]:
    """`VAR << rest` as its name and the rest."""
    found = ASSIGNED.match(line)
    return (found[1], line[found.end() :]) if found else (None, line)


def parse(verb: str, line: str) -> Namespace | None:
    """What a line says to a verb, or to the cell magic (`""`); None if it asks for help.

    Raises: UsageError.
    """
    words = split(line) if verb not in LITERAL else _literal(line)
    if any(word in ("-h", "--help") for word in words):
        return None
    given, more = parser(verb).parse_known_args(words)
    if more:
        raise UsageError(_unexpected(verb, more))
    return cast("Namespace", given)


def _unexpected(verb: str, words: Sequence[str]) -> str:
    """What to say about words that a verb has no use for."""
    name = parser(verb).prog
    said = f"unrecognized arguments: {' '.join(words)}"
    if ASSIGNMENT.match(words[0]) and "input" in _options(verb):
        return f"{said}. An input is given with -i: -i {' '.join(words)}"
    known = [f"--{option}" for option in _options(verb)]
    near = get_close_matches(words[0], known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{said}.{hint} '{name} --help' says what it takes."


def _options(verb: str) -> list[str]:
    """The options of a verb, by their long names."""
    found = []
    for action in parser(verb)._actions:
        found += [text[2:] for text in action.option_strings if text.startswith("--")]
    return found


def _literal(line: str) -> list[str]:
    """Options, and then the rest as one word."""
    found = OPTIONS.fullmatch(line.rstrip())
    assert found is not None
    options, rest = found.groups()
    if rest in ("-h", "--help"):
        return [rest]
    return [*split(options), *(["--", rest] if rest else [])]


def verb_of(line: str) -> tuple[str, str]:
    """The verb of a `%flow` line and what follows. Raises: UsageError for a verb there isn't."""
    stripped = line.strip()
    word, _, rest = stripped.partition(" ")
    if word in SUMMARIES:
        return word, rest
    close = get_close_matches(word, SUMMARIES, n=1)
    hint = f" Did you mean '%flow {close[0]}'?" if close else ""
    raise UsageError(f"'%flow {word}' isn't there.{hint} There are: {', '.join(SUMMARIES)}")


def values(pairs: list[str] | None) -> dict[str, str]:
    """`-i key=value …` as a mapping. Raises: UsageError."""
    found = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"-i takes key=value, but got '{pair}'")
        found[key] = value
    return found


def inputs(entries: list[str] | None, file: str | None = None) -> dict[str, Any]:
    """`-i key=value …`, `key=@file`, and a file of inputs. Raises: UsageError."""
    from flowbook.api.inputs import read
    from flowbook.errors import InputInvalid

    try:
        return read(entries or (), file)
    except InputInvalid as error:
        raise UsageError(str(error)) from None


def usage(verb: str) -> str:
    """The help of a verb, or of the cell magic."""
    text: str = parser(verb).format_help()
    return text.replace("::\n\n  %", "", 1).strip()


@cache
def parser(verb: str) -> MagicArgumentParser:
    """The parser of a verb, or of the cell magic (`""`)."""
    from IPython.core.magic_arguments import MagicArgumentParser

    prog = verb if verb.startswith("%%") else f"%flow {verb}" if verb else "%%flow"
    summary = TASK if verb == "%%task" else SUMMARIES.get(verb, CELL)
    made = MagicArgumentParser(prog=prog, description=summary)
    made.add_argument("-h", "--help", action="store_true", help="show this")
    PARSERS[verb](made.add_argument)
    return made


Add = Callable[..., Any]


def _cell(add: Add) -> None:
    _running(add)
    add("--dry-run", action="store_true", help="check and draw the flow; nothing is run or kept")
    add("--no-run", action="store_true", help="keep the flow as a revision; nothing is run")


def _task(add: Add) -> None:
    add("id", help="the task's id")
    add("--flow", metavar="ID", help="the flow it belongs to; the notebook's name by default")
    add(
        "--after",
        nargs="*",
        metavar="TASK",
        help="what it comes after; else that follows from names",
    )
    add("--outputs", nargs="+", metavar="NAME", help="variables to hand on: a,b")
    add("--instead", metavar="TASK", help="the task whose place it takes: a new name for it")
    add("-o", "--out", metavar="VAR", help="the name that gets the run")
    add("-q", "--quiet", action="store_true", help="no display")


def _running(add: Add) -> None:
    add("-i", "--input", nargs="+", action="extend", metavar="KEY=VALUE", help=INPUTS)
    add("--inputs-file", metavar="FILE", help="inputs in YAML or JSON")
    add("--inputs", metavar="DICT", help="a mapping of inputs: a name of the notebook, or Python")
    add("-l", "--label", nargs="+", action="extend", metavar="KEY=VALUE", help="labels")
    add("-o", "--out", metavar="VAR", help="the name that gets the run")
    add("--from", dest="from_", metavar="TASK", help="begin with this task")
    add("--to", metavar="TASK", help="end with this task")
    add("--only", nargs="+", metavar="TASK", help="run these tasks alone")
    add("--bg", action="store_true", help="don't wait; the display goes on by itself")
    add("--force", action="store_true", help="run it even if the flow is disabled")
    add("-q", "--quiet", action="store_true", help="no display")


def _run(add: Add) -> None:
    add("flow", help="namespace.id, an id, or a file")
    add("-r", "--revision", type=int, help="an older revision of the flow")
    _running(add)


def _ls(add: Add) -> None:
    add("q", nargs="?", help="part of a name")
    add("-n", "--namespace", help="only this namespace and what is below it")


def _runs(add: Add) -> None:
    add("flow", nargs="?", help="only of this flow")
    add("-s", "--state", nargs="+", help="only in these states")
    add("-n", "--limit", type=int, default=20, help="at most so many (20)")


def _one(add: Add) -> None:
    add("run", nargs="?", help="an execution's id or its beginning; the last run by default")


def _many(add: Add) -> None:
    add("run", nargs="?", help="an execution's id or its beginning; the last run by default")
    add("-s", "--state", nargs="+", help="instead of one: all in these states")
    add("--flow", help="all of this flow")
    add("--namespace", help="all of this namespace and those below it")
    add("-l", "--label", nargs="+", action="extend", metavar="KEY=VALUE", help="all with these")
    add("--since", metavar="DATE", help="all that were not created before")
    add("--until", metavar="DATE", help="all that were created before")
    add("-y", "--yes", action="store_true", help="do it to several; else they are only listed")


def _many_shown(add: Add) -> None:
    _many(add)
    add("-o", "--out", metavar="VAR", help="the name that gets the run")
    add("--bg", action="store_true", help="don't wait; the display goes on by itself")
    add("-q", "--quiet", action="store_true", help="no display")


def _resume(add: Add) -> None:
    _many_shown(add)
    add("-i", "--input", nargs="+", action="extend", metavar="KEY=VALUE", help="what it asks for")
    add("-c", "--cell", type=int, metavar="N", help="go on with a failed notebook at this cell")
    add("-t", "--task", help="which notebook, where several failed")


def _attach(add: Add) -> None:
    add("run", nargs="?", help="an execution's id or its beginning; the last run by default")
    add("task", nargs="?", help="which notebook, where several failed")


def _restart(add: Add) -> None:
    _many_shown(add)
    add("-r", "--revision", type=int, help="with another revision of the flow")


def _replay(add: Add) -> None:
    _restart(add)
    add("-t", "--task", help="from this task on; else from the start")
    add("-i", "--input", nargs="+", action="extend", metavar="KEY=VALUE", help="inputs that change")


def _mark(add: Add) -> None:
    add(
        "words",
        nargs="+",
        metavar="[RUN] [TASK] STATE",
        help="whose state; the last run by default",
    )


def _labels(add: Add) -> None:
    _many(add)
    add("--set", nargs="+", required=True, metavar="KEY=VALUE", help="all its labels from now on")


def _revisions(add: Add) -> None:
    add("flow", help="namespace.id, or an id")
    add("-d", "--diff", nargs="*", type=int, metavar="N", help="compare two; the newest by default")
    add("--restore", type=int, metavar="N", help="make this revision's text the newest revision")


def _logs(add: Add) -> None:
    _one(add)
    add("-t", "--task", help="only of this task")
    add("--level", help="this level and worse")


def _out(add: Add) -> None:
    add("run", nargs="?", help="an execution's id or its beginning; the last run by default")
    add("task", nargs="?", help="only of this task")
    add("name", nargs="?", help="only this one of its outputs")


def _why(add: Add) -> None:
    add("run", help="an execution's id or its beginning, or a task of the last run")
    add("task", nargs="?", help="the task")


def _flow(add: Add) -> None:
    add("flow", help="namespace.id, an id, or a file")


def _sql(add: Add) -> None:
    add("query", help="a SELECT over executions, task_runs, logs, outputs('ns.flow', 'task') …")


def _eval(add: Add) -> None:
    add("-r", "--run", help="an execution's id or its beginning; the last one by default")
    add("-t", "--task", help="at the place of this task: its `taskrun`, its values")
    add("expression", help="like outputs.load.rows * 2, with or without {{ }}")


def _diff(add: Add) -> None:
    add("run", nargs="?", help="an execution's id or its beginning; the last one by default")
    add("other", nargs="?", help="the older one; by default the flow's last good one before it")


def _rerun(add: Add) -> None:
    add("task", help="the task's id")
    add("-r", "--run", help="an execution's id or its beginning; the last one by default")
    add(
        "-p",
        "--property",
        nargs="+",
        action="extend",
        metavar="NAME=VALUE",
        help="properties of the task for this run only; VALUE is JSON or text",
    )
    add("-o", "--out", metavar="VAR", help="the name that gets the run")
    add("--bg", action="store_true", help="don't wait; the display goes on by itself")
    add("-q", "--quiet", action="store_true", help="no display")


def _schedule(add: Add) -> None:
    add("notebook", help="the notebook to run")
    add("--cron", required=True, help='when: "0 7 * * 1-5"; six fields begin with seconds')
    add("--timezone", metavar="ZONE", help="the zone of the cron text, like Europe/Paris")
    add("-i", "--input", nargs="+", action="extend", metavar="KEY=VALUE", help="parameters")
    add("--id", help="the flow's id; the notebook's name by default")
    add("--namespace", help="the flow's namespace")


def _backfill(add: Add) -> None:
    add("flow", nargs="?", help="namespace.id, or an id; without --start: how far backfills are")
    add("-t", "--trigger", metavar="ID", help="which of its schedules")
    add("--start", metavar="DATE", help="from this date on: 2026-01-31 or 2026-01-31T07:00")
    add("--end", metavar="DATE", help="to this date; a day is meant whole; until now by default")
    add("-i", "--input", nargs="+", action="extend", metavar="KEY=VALUE", help="other inputs")
    add("-l", "--label", nargs="+", action="extend", metavar="KEY=VALUE", help="more labels")
    add("--dry-run", action="store_true", help="only show the dates")
    add("--pause", action="store_true", help="let it begin with no further date")
    add("--resume", action="store_true", help="let a paused one go on")
    add("--delete", action="store_true", help="end it where it stands")
    add("-y", "--yes", action="store_true", help="run thousands of dates")


def _triggers(add: Add) -> None:
    what = ("list", "enable", "disable", "unlock")
    add("what", nargs="?", choices=what, default="list", help="list by default")
    add("flow", nargs="?", help="namespace.id, or an id")
    add("trigger", nargs="?", help="which of its triggers")


def _deploy(add: Add) -> None:
    add("flow", nargs="?", help="a file, a folder, or a flow's id; flows/ by default")


def _export(add: Add) -> None:
    add("flow", help="namespace.id, or an id")
    add("path", nargs="?", help="the YAML file to write; flows/ID.yaml by default")
    add("--force", action="store_true", help="replace files that say something else")


def _kernels(add: Add) -> None:
    add("what", nargs="?", choices=("list", "warm", "end"), default="list", help="list by default")
    add("ids", nargs="*", metavar="KERNEL", help="which parked kernels to end")
    add("--all", action="store_true", help="end all kernels, those that are lent or ready too")


def _use(add: Add) -> None:
    add("path", nargs="?", help="a folder")


def _help(add: Add) -> None:
    add("verb", nargs="?", metavar="VERB|TYPE", help="a verb, or a type like core.log.Log")


def _nothing(add: Add) -> None:
    pass


PARSERS: Mapping[str, Callable[[Add], None]] = {
    "": _cell,
    "%%task": _task,
    "run": _run,
    "ls": _ls,
    "runs": _runs,
    "show": _one,
    "logs": _logs,
    "out": _out,
    "why": _why,
    "eval": _eval,
    "diff": _diff,
    "rerun": _rerun,
    "validate": _flow,
    "graph": _flow,
    "sql": _sql,
    "kill": _many,
    "pause": _many,
    "resume": _resume,
    "attach": _attach,
    "apply": _attach,
    "restart": _restart,
    "replay": _replay,
    "force": _many_shown,
    "unqueue": _many_shown,
    "mark": _mark,
    "labels": _labels,
    "delete": _many,
    "revisions": _revisions,
    "schedule": _schedule,
    "backfill": _backfill,
    "triggers": _triggers,
    "deploy": _deploy,
    "export": _export,
    "kernels": _kernels,
    "use": _use,
    "doctor": _nothing,
    "help": _help,
}
