"""Help that teaches, quickly; mistyped names; usage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from flowbook.hosts.cli.app import LAZY, SECTIONS
from flowbook.hosts.cli.app import flowbook as root

from .conftest import Terminal

HEAVY = "asyncio,duckdb,rich,pydantic,yaml,pandas,flowbook.api"


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from _commands(found, f"{path} {name}")


COMMANDS = dict(_commands(root, "flowbook"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    described = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    assert [option.name for option in described if not option.help] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_examples_are_commands_there_are(path: str) -> None:
    lines = (COMMANDS[path].epilog or "").splitlines()
    examples = [line.split() for line in lines if line.strip().startswith("flowbook ")]
    known = {tuple(each.split()[1:]) for each in COMMANDS}
    assert [
        words
        for words in examples
        if tuple(words[1:2]) not in known and tuple(words[1:3]) not in known
    ] == []


def test_sections_name_every_command() -> None:
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(LAZY)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from flowbook.hosts.cli.app import flowbook\n"
        "try: flowbook.main(['--help'])\n"
        f"except SystemExit: print('LOADED', [m for m in '{HEAVY}'.split(',') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "OPTIONS] COMMAND" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flwos"], "No such command 'flwos'. Did you mean 'flows'?"),
        (["flows", "vaildate", "x"], "No such command 'vaildate'. Did you mean 'validate'?"),
        (["flows", "run"], "Missing argument"),
        (["run", "nowhere.yaml"], "There is no file nowhere.yaml"),
        (["run", "report.ipynb"], "a flow runs it with a flowbook.jupyter.Notebook task"),
        (["run", "demo.x", "-i", "name"], "'name' isn't an input\n    Write name=value"),
        (["executions", "list", "--state", "GREEN"], "'GREEN' is not one of"),
        (["executions", "get"], "Which execution? Give its id"),
        (["flows", "validate", "nowhere"], "There is no file or folder nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2(words: list[str], said: str, flowbook: Terminal) -> None:
    done = flowbook(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_list_makes_no_workspace(flowbook: Terminal) -> None:
    done = flowbook("executions", "list")
    assert done.returncode == 0
    assert done.stdout == "No execution matches.\n"
    assert not (flowbook.folder / "ws").exists()


@pytest.mark.slow
def test_debug_shows_where_a_fault_is(flowbook: Terminal) -> None:
    short = flowbook("kv", "get", "demo", "nothing")
    assert short.returncode == 1
    assert short.stderr == "Error: demo has no key 'nothing'\n"
    unknown = flowbook("executions", "get", "unknown")
    assert (unknown.returncode, "Traceback" in unknown.stderr) == (1, False)
    long = flowbook("executions", "get", "unknown", "--debug")
    assert (long.returncode, "Traceback" in long.stderr) == (1, True)
