"""Commands for all executions that options find: they say how many, ask, and do it to each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import Terminal

pytestmark = pytest.mark.slow

GATE = """
id: gate
namespace: demo.bulk
tasks:
  - {id: hold, type: io.kestra.plugin.core.flow.Pause}
  - {id: fine, type: io.kestra.plugin.core.execution.Fail,
     condition: "{{ kv('fine', errorOnMissing=false) is null }}"}
"""


@pytest.fixture(scope="module")
def paused(flowbook: Terminal) -> list[str]:
    """Two executions that wait for somebody, driven by nobody."""
    flowbook.write("gate.yaml", GATE)
    assert flowbook("flows", "deploy", "gate.yaml").returncode == 0
    for _ in range(2):
        flowbook("run", "demo.bulk.gate", "-q")
    found = [each["id"] for each in flowbook.json("executions", "list", "--state", "PAUSED")]
    assert len(found) == 2
    return found


def answered(flowbook: Terminal, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowbook", *words],
        cwd=flowbook.folder,
        env=flowbook.environment,
        input=answer,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_several_are_done_only_when_somebody_agrees(paused: list[str], flowbook: Terminal) -> None:
    nobody = flowbook("executions", "resume", "--namespace", "demo")
    assert nobody.returncode == 2
    assert "2 executions will be resumed. Go on?" in nobody.stdout
    assert "Nobody answered, so nothing was done; --yes answers." in nobody.stderr
    no = answered(flowbook, "n\n", "executions", "kill", "--namespace", "demo")
    assert (no.returncode, "Nothing was done." in no.stdout) == (1, True)
    assert {each["state"] for each in flowbook.json("executions", "list")} == {"PAUSED"}


def test_a_task_run_gets_another_state_and_what_follows_is_run(flowbook: Terminal) -> None:
    flowbook.write(
        "marked.yaml",
        """
id: marked
namespace: demo.marked
tasks:
  - {id: broken, type: io.kestra.plugin.core.execution.Fail}
  - {id: say, type: io.kestra.plugin.core.log.Log, message: goes on}
""",
    )
    assert flowbook("run", "marked.yaml").returncode == 1
    (run,) = flowbook.json("executions", "list", "--namespace", "demo.marked")
    words = ("executions", "change-status", run["id"], "--status", "SUCCESS", "--task-run")
    nowhere = flowbook(*words, "nowhere")
    assert (nowhere.returncode, "has no task run 'nowhere'; it has broken" in nowhere.stderr) == (
        1,
        True,
    )
    marked = flowbook(*words, "broken")
    assert marked.returncode == 0, marked.stderr
    assert "goes on" in marked.stdout
    assert flowbook.json("executions", "get", run["id"])["state"] == "SUCCESS"
    assert flowbook("executions", "delete", run["id"], "--yes").returncode == 0


def test_they_are_resumed_restarted_labelled_and_deleted(
    paused: list[str], flowbook: Terminal
) -> None:
    resumed = flowbook("executions", "resume", "--flow", "demo.bulk.gate", "--yes", "--json")
    assert (resumed.returncode, resumed.stderr) == (1, "2 executions resumed\n")
    assert resumed.stdout.count('"state": "FAILED"') == 2
    assert flowbook("kv", "set", "demo.bulk", "fine", "yes").returncode == 0
    restarted = answered(flowbook, "y\n", "executions", "restart", "--state", "FAILED")
    assert restarted.returncode == 0, restarted.stderr
    assert restarted.stdout.count("✓ Success") == 2
    labelled = flowbook("executions", "set-labels", "-n", "demo", "--set", "seen=yes", "--yes")
    assert labelled.stderr == "2 executions labelled\n"
    assert len(flowbook.json("executions", "list", "--labels", "seen=yes")) == 2
    changed = flowbook("executions", "change-status", paused[0], "--status", "WARNING")
    assert changed.stdout == f"{paused[0]} is WARNING\n"
    deleted = flowbook("executions", "delete", "--labels", "seen=yes", "-y")
    assert deleted.stderr == "2 executions deleted\n"
    assert flowbook.json("executions", "list") == []
    nothing = flowbook("executions", "kill", "--flow", "demo.bulk.gate")
    assert (nothing.returncode, nothing.stdout) == (0, "No execution matches.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["kill"], "Which execution? Give its id, or say which: --state"),
        (
            ["kill", "abcd", "--state", "RUNNING"],
            "Either an id or filters, not both: abcd, --state",
        ),
        (["set-labels", "abcd", "--set", "x"], "'x' isn't key=value"),
        (["change-status", "abcd", "--status", "RUNNING"], "'RUNNING' is not one of"),
        (
            ["change-status", "--task-run", "a", "--status", "SUCCESS", "--state", "FAILED"],
            "--task-run is about one execution",
        ),
    ],
)
def test_wrong_words_are_refused(words: list[str], message: str, flowbook: Terminal) -> None:
    done = flowbook("executions", *words)
    assert done.returncode == 2
    assert message in done.stderr
