"""Wrong input: one clear message with its place, the right exit code, state and log."""

from __future__ import annotations

import json

import pytest

from .conftest import Terminal

LOG = "io.kestra.plugin.core.log.Log"
REFUSED = {
    "broken-yaml": (
        f"id: broken\nnamespace: demo\ntasks:\n  - id: a\n    type: {LOG}\n    message: [one, two\n",
        ["flow.yaml:7:1: Illegal flow yaml:", "did not find expected ',' or ']'"],
    ),
    "unknown-type": (
        "id: unknown\nnamespace: demo\ntasks:\n  - id: a\n    type: io.kestra.plugin.core.log.Lgo\n"
        "    message: hi\n",
        [
            "flow.yaml:5:11: Invalid type: io.kestra.plugin.core.log.Lgo",
            "^^^^",
            f"Did you mean '{LOG}'?",
        ],
    ),
    "missing-property": (
        "id: missing\nnamespace: demo\ntasks:\n  - id: get\n"
        "    type: io.kestra.plugin.core.http.Download\n",
        ["flow.yaml:4:5: tasks[0].uri: must not be null", "- id: get"],
    ),
}
FAILED = {
    "undefined-variable": (
        f"id: undefined\nnamespace: demo\ninputs:\n  - {{id: name, type: STRING, defaults: Ada}}\n"
        f"tasks:\n  - id: a\n    type: {LOG}\n    message: 'Hello {{{{ inputs.nmae }}}}'\n",
        "a",
        "Unable to find `nmae` used in the expression `Hello {{ inputs.nmae }}` at line 1",
    ),
    "unreachable-url": (
        "id: unreachable\nnamespace: demo\ntasks:\n  - id: get\n"
        "    type: io.kestra.plugin.core.http.Download\n    uri: http://127.0.0.1:9/data.csv\n",
        "get",
        "Cannot reach http://127.0.0.1:9/data.csv: Connection refused",
    ),
    "script-exits-3": (
        "id: exits\nnamespace: demo\ntasks:\n  - id: work\n"
        "    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n      echo working\n      exit 3\n",
        "work",
        "Command failed with exit code 3",
    ),
    "notebook-raises": (
        "id: notebook\nnamespace: demo\ntasks:\n  - id: report\n"
        "    type: flowbook.jupyter.Notebook\n    path: second.ipynb\n",
        "report",
        "Cell 2 of 2 failed: ZeroDivisionError: division by zero",
    ),
}
SECOND_CELL_RAISES = json.dumps(
    {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(["x = 1", "y = 2\ny / 0"])
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_flow_with_errors_is_refused_before_anything_runs(
    text: str, said: list[str], flowbook: Terminal
) -> None:
    flowbook.write("flow.yaml", text)
    done = flowbook("run", "flow.yaml")
    assert done.returncode == 1
    assert done.stdout == ""
    assert [part for part in said if part not in done.stderr] == []
    assert "Traceback" not in done.stderr


def test_validate_says_the_problems_of_all_files(flowbook: Terminal) -> None:
    for name, (text, _) in REFUSED.items():
        flowbook.write(f"all/{name}.yaml", text)
    flowbook.write("all/good.yaml", FAILED["script-exits-3"][0])
    flowbook.write("all/docker-compose.yml", "services: {}\n")
    done = flowbook("flows", "validate", "all")
    assert done.returncode == 1
    assert done.stdout.count("✘ - ") == 3
    assert "✓ - demo.exits" in done.stdout
    assert "docker-compose" not in done.stdout
    assert "3 of 4 have errors." in done.stdout
    said = [
        part.replace("flow.yaml", f"{name}.yaml") for name, (_, s) in REFUSED.items() for part in s
    ]
    assert [part for part in said if part not in done.stdout] == []


@pytest.mark.slow
@pytest.mark.parametrize(("text", "task", "message"), FAILED.values(), ids=FAILED.keys())
def test_a_flow_that_fails_says_where_and_why(
    text: str, task: str, message: str, flowbook: Terminal
) -> None:
    flowbook.write("flow.yaml", text)
    flowbook.write("second.ipynb", SECOND_CELL_RAISES)
    done = flowbook("run", "flow.yaml")
    assert done.returncode == 1
    assert f"{task} failed" in done.stdout
    assert message in done.stdout
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr
    newest = flowbook.json("executions", "list", "--limit", "1")[0]
    assert newest["state"] == "FAILED"
    logs = flowbook.json("executions", "logs", newest["id"], "--level", "ERROR")
    assert [(line["task_id"], line["message"]) for line in logs] == [(task, message)]


@pytest.mark.slow
def test_the_guilty_line_of_a_notebook_is_marked(flowbook: Terminal) -> None:
    flowbook.write("flow.yaml", FAILED["notebook-raises"][0])
    flowbook.write("second.ipynb", SECOND_CELL_RAISES)
    done = flowbook("run", "flow.yaml")
    assert ">    2 y / 0" in done.stdout


def test_an_undefined_variable_is_warned_of_with_its_place(flowbook: Terminal) -> None:
    flowbook.write("flow.yaml", FAILED["undefined-variable"][0])
    done = flowbook("flows", "validate", "flow.yaml")
    assert done.returncode == 0
    assert "flow.yaml:8:24: warning: inputs.nmae: there is no input 'nmae'" in done.stdout
    assert "Did you mean 'name'?" in done.stdout


def test_an_input_without_its_option_is_answered(flowbook: Terminal) -> None:
    done = flowbook("run", "demo.any", "n=5")
    assert done.returncode == 2
    assert "An input is given with -i: -i n=5" in done.stderr


def test_inputs_are_refused_all_at_once(flowbook: Terminal) -> None:
    flowbook.write(
        "flow.yaml",
        "id: typed\nnamespace: demo\ninputs:\n  - {id: n, type: INT}\n  - {id: day, type: DATE}\n"
        f"tasks:\n  - id: a\n    type: {LOG}\n    message: hi\n",
    )
    done = flowbook("run", "flow.yaml", "-i", "n=many", "-i", "day=tomorrow")
    assert done.returncode == 2
    assert "`n`" in done.stderr
    assert "`day`" in done.stderr
