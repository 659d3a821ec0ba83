"""Running flows: live, as lines, as JSON; killed by Ctrl-C and by a time limit."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from .conftest import Terminal

pytestmark = pytest.mark.slow

HELLO = """
id: hello
namespace: demo
inputs:
  - {id: name, type: STRING, defaults: world}
  - {id: times, type: INT, defaults: 1}
outputs:
  - {id: said, type: STRING, value: "{{ outputs.greet.value }}"}
tasks:
  - {id: greet, type: io.kestra.plugin.core.debug.Return, format: "Hello {{ inputs.name }} x{{ inputs.times }}"}
  - {id: log, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.greet.value }}"}
"""
SLOW = """
id: slow
namespace: demo
tasks:
  - id: wait
    type: io.kestra.plugin.scripts.shell.Script
    script: |
      echo started
      sleep 60
"""
HELD = """
id: held
namespace: demo
tasks:
  - id: hold
    type: io.kestra.plugin.scripts.shell.Script
    script: until test -e GATE; do sleep 0.1; done
"""


def test_a_file_runs_as_lines_where_nobody_watches(flowbook: Terminal) -> None:
    flowbook.write("hello.yaml", HELLO)
    done = flowbook("run", "hello.yaml", "-i", "name=Ada", "--labels", "team=data")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any(line.endswith("INFO     log  Hello Ada x1") for line in lines)
    assert any("SUCCESS  log" in line for line in lines)
    assert "✓ Success  demo.hello" in done.stdout
    assert " said  Hello Ada x1" in lines
    assert "\x1b" not in done.stdout


def test_inputs_come_from_a_file_and_pairs_win(flowbook: Terminal) -> None:
    flowbook.write("hello.yaml", HELLO)
    flowbook.write("inputs.yaml", "name: Grace\ntimes: 3\n")
    done = flowbook("run", "hello.yaml", "--inputs", "inputs.yaml", "-i", "times=4", "--json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["state"] == "SUCCESS"
    assert said["inputs"] == {"name": "Grace", "times": 4}
    assert said["outputs"] == {"said": "Hello Grace x4"}
    assert [run["taskId"] for run in said["taskRuns"]] == ["greet", "log"]


def test_a_deployed_flow_runs_by_id_in_every_spelling(flowbook: Terminal) -> None:
    flowbook.write("hello.yaml", HELLO)
    assert flowbook("flows", "deploy", "hello.yaml").returncode == 0
    for words in (
        ("run", "demo.hello"),
        ("flows", "run", "demo.hello"),
        ("flow", "execute", "--namespace", "demo", "--flow", "hello", "--wait"),
    ):
        done = flowbook(*words, "--quiet")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("✓ Success  demo.hello")


def test_a_terminal_sees_the_tree_change_in_place(flowbook: Terminal) -> None:
    flowbook.write("held.yaml", HELD.replace("GATE", str(flowbook.folder / "gate")))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flowbook", "run", "held.yaml"],
        cwd=flowbook.folder,
        env=flowbook.environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while chunk := _read(ours):
        seen += chunk
        if b"\x1b[1A" in seen:  # the cursor goes up to draw anew: now the task may end
            flowbook.write("gate", "")
    assert process.wait(60) == 0
    text = seen.decode()
    assert "● Running" in text
    final = text[text.rindex("✓ Success") :]
    assert "✓" in final
    assert "hold" in final


def _read(end: int) -> bytes:
    try:
        return os.read(end, 65536)
    except OSError:  # Linux: the other end has been closed
        return b""


def test_ctrl_c_kills_the_execution(flowbook: Terminal) -> None:
    flowbook.write("slow.yaml", SLOW)
    process = flowbook.start("run", "slow.yaml")
    assert process.stdout is not None
    while "started" not in (line := process.stdout.readline()):
        assert line, "it ended before the script began"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "■ Killed  demo.slow" in out
    assert flowbook.json("executions", "list", "--limit", "1")[0]["state"] == "KILLED"


def test_a_pause_is_left_with_the_way_to_go_on(flowbook: Terminal) -> None:
    flowbook.write(
        "pause.yaml",
        "id: ask\nnamespace: demo\ntasks:\n"
        "  - {id: hold, type: io.kestra.plugin.core.flow.Pause}\n"
        "  - {id: after, type: io.kestra.plugin.core.log.Log, message: went on}\n",
    )
    done = flowbook("run", "pause.yaml")
    assert done.returncode == 1
    hint = done.stdout.splitlines()[-1]
    assert hint.startswith("It is paused. Go on with: flowbook executions resume ")
    resumed = flowbook(*hint.partition("flowbook ")[2].split())
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "went on" in resumed.stdout


def test_what_runs_when_somebody_pauses_it_is_finished(flowbook: Terminal) -> None:
    gate = flowbook.folder / "gate-by-hand"  # the folder is that of all tests here
    after = "  - {id: after, type: io.kestra.plugin.core.log.Log, message: goes on}\n"
    text = HELD.replace("held", "paused-by-hand").replace("GATE", str(gate)) + after
    text = text.replace("script: ", "script: echo begun; ")
    flowbook.write("by-hand.yaml", text)
    process = flowbook.start("run", "by-hand.yaml")
    assert process.stdout is not None
    while "begun" not in (line := process.stdout.readline()):
        assert line, "it ended before the script began"
    (run,) = flowbook.json("executions", "list", "--flow", "demo.paused-by-hand")
    paused = flowbook("executions", "pause", run["id"])
    assert paused.stdout == f"{run['id']} is PAUSED\n", paused.stderr
    gate.touch()
    out, _ = process.communicate(timeout=120)
    assert "Paused  demo.paused-by-hand" in out
    assert "1 of 2 task runs" in out
    resumed = flowbook("executions", "resume", run["id"])
    assert resumed.returncode == 0, resumed.stdout
    assert "goes on" in resumed.stdout


def test_a_time_limit_kills_the_execution(flowbook: Terminal) -> None:
    flowbook.write("slow.yaml", SLOW)
    done = flowbook("run", "slow.yaml", "--timeout", "1", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["state"] == "KILLED"
