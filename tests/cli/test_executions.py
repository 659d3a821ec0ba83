"""What ran: listed, shown, followed, killed, restarted, replayed, asked in SQL."""

from __future__ import annotations

import json

import pytest

from .conftest import Terminal

pytestmark = pytest.mark.slow

FLAKY = """
id: flaky
namespace: demo.cli
labels: {team: data}
inputs:
  - {id: flag, type: STRING}
tasks:
  - {id: first, type: io.kestra.plugin.core.log.Log, message: "first"}
  - id: second
    type: io.kestra.plugin.scripts.shell.Script
    script: test -e "{{ inputs.flag }}" && echo there
"""
SLOW = """
id: slow
namespace: demo.cli
tasks:
  - id: wait
    type: io.kestra.plugin.scripts.shell.Script
    script: |
      echo started
      sleep 60
"""


@pytest.fixture(scope="module")
def failed(flowbook: Terminal) -> str:
    """The id of a failed execution."""
    flowbook.write("flaky.yaml", FLAKY)
    assert flowbook("flows", "deploy", "flaky.yaml").returncode == 0
    assert flowbook("run", "demo.cli.flaky", "-i", "flag=flag", "-q").returncode == 1
    found: str = flowbook.json("executions", "list")[0]["id"]
    return found


def test_list_filters(failed: str, flowbook: Terminal) -> None:
    def ids(*words: str) -> list[str]:
        return [each["id"] for each in flowbook.json("executions", "list", *words)]

    assert failed in ids("--state", "failed", "--flow", "demo.cli.flaky")
    assert failed in ids("--namespace", "demo", "--labels", "team=data")
    assert failed not in ids("--state", "SUCCESS")
    assert ids("--labels", "team=other") == []
    assert ids("--since", "2100-01-01") == []


def test_get_shows_tree_failure_and_inputs(failed: str, flowbook: Terminal) -> None:
    page = flowbook("executions", "get", "--id", failed).stdout
    assert "✕ Failed  demo.cli.flaky" in page
    assert "✓ first" in page
    assert "✕ second" in page
    assert "second failed" in page
    assert "Command failed with exit code 1" in page
    assert " flag  flag" in page
    assert flowbook.json("execution", "show", failed[:8])["id"] == failed


def test_logs_filter_by_task_and_level(failed: str, flowbook: Terminal) -> None:
    text = flowbook("logs", failed, "--task", "first").stdout
    assert [line.split(maxsplit=1)[1] for line in text.splitlines()] == ["INFO first first"]
    errors = flowbook.json("executions", "logs", "--id", failed, "--level", "error")
    assert [line["task_id"] for line in errors] == ["second"]


def test_follow_ends_with_the_execution_and_kill_ends_it(flowbook: Terminal) -> None:
    flowbook.write("slow.yaml", SLOW)
    running = flowbook.start("run", "slow.yaml")
    assert running.stdout is not None
    while "started" not in (line := running.stdout.readline()):
        assert line, "it ended before the script began"
    listed = flowbook.json("executions", "list", "--state", "RUNNING")[0]
    id = listed["id"]
    assert listed["progress"] == "0 of 1 · wait"
    assert "0 of 1 · wait" in flowbook("executions", "list").stdout
    follower = flowbook.start("executions", "logs", id, "--follow")
    assert follower.stdout is not None
    while "started" not in (line := follower.stdout.readline()):
        assert line, "the follower ended too early"
    killed = flowbook("executions", "kill", id)
    assert killed.stdout == f"{id} is KILLED\n"
    _, err = follower.communicate(timeout=60)
    assert (follower.returncode, err) == (0, "")
    running.communicate(timeout=60)
    assert running.returncode == 1
    again = flowbook("executions", "kill", id)
    assert again.returncode == 1
    assert "already finished" in again.stderr


def test_restart_runs_only_what_failed(failed: str, flowbook: Terminal) -> None:
    flag = flowbook.write("there", "")
    replayed = flowbook("executions", "replay", failed, "-i", f"flag={flag}", "--json")
    assert replayed.returncode == 0, replayed.stderr
    restarted = flowbook("executions", "restart", failed)
    assert restarted.returncode == 1  # its own flag is still missing
    assert "Command failed with exit code 1" in restarted.stdout
    said = flowbook.json("executions", "logs", failed, "--task", "first")
    assert [line["message"] for line in said] == ["first"]


def test_sql_reads_the_history_and_writes_nothing(failed: str, flowbook: Terminal) -> None:
    rows = flowbook.json("sql", f"SELECT flow_id, state FROM executions WHERE id = '{failed}'")
    assert rows == [{"flow_id": "flaky", "state": "FAILED"}]
    refused = flowbook("sql", "DELETE FROM executions")
    assert refused.returncode == 1
    assert "SELECT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_why_a_task_ran_or_did_not(flowbook: Terminal) -> None:
    flowbook.write(
        "why.yaml",
        "id: why\nnamespace: demo\ntasks:\n"
        "  - {id: no, type: core.log.Log, message: x, runIf: 'false'}\n",
    )
    run = json.loads(flowbook("run", "why.yaml", "--json").stdout)
    said = flowbook("executions", "why", run["id"], "no").stdout
    assert said == "'no' was skipped: its `runIf`, `false`, was false.\n"
    wrong = flowbook("executions", "why", run["id"], "nope")
    assert wrong.returncode != 0
    assert "has no task 'nope'" in wrong.stderr


def test_an_execution_is_looked_into_and_a_task_tried_again(flowbook: Terminal) -> None:
    flowbook.write(
        "look.yaml",
        "id: look\nnamespace: demo\ninputs: [{id: n, type: INT, defaults: 2}]\ntasks:\n"
        "  - {id: twice, type: core.debug.Return, format: '{{ inputs.n * 2 }}'}\n"
        "  - {id: said, type: core.debug.Return, format: 'it is {{ outputs.twice.value }}'}\n",
    )
    old = json.loads(flowbook("run", "look.yaml", "--json").stdout)["id"]
    new = json.loads(flowbook("run", "look.yaml", "-i", "n=5", "--json").stdout)["id"]

    assert flowbook("executions", "eval", new, "outputs.said.value ~ '!'").stdout == "it is 10!\n"
    assert flowbook("executions", "eval", new, "[inputs.n, 1]").stdout.split() == [
        "[",
        "5,",
        "1",
        "]",
    ]
    assert "it is 4 → it is 10" in flowbook("executions", "diff", new).stdout
    changes = flowbook.json("executions", "diff", old, new)["changes"]
    assert {"section": "Inputs", "name": "n", "old": "5", "new": "2"} in changes
    again = flowbook(
        "executions", "rerun", new, "said", "-p", "format=or {{ outputs.twice.value }}", "--json"
    )
    assert again.returncode == 0, again.stderr
    run = json.loads(again.stdout)["id"]
    assert flowbook("executions", "eval", run, "outputs.said.value").stdout == "or 10\n"
    wrong = flowbook("executions", "rerun", new, "said", "-p", "format")
    assert wrong.returncode == 2
    assert "-p timeout=PT5M" in wrong.stderr
