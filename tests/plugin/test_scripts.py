"""Scripts as local processes: what they say, leave, cost, and how they end."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbook.errors import ExpressionError, TaskFailed
from flowbook.kinds.state import State
from flowbook.plugin.scripts.printed import printed_json
from flowbook.plugin.scripts.process import Lines, members

from .conftest import Attempt, outputs_of, task

Run = Callable[..., dict[str, Any]]
SHELL = "scripts.shell.Commands"
PYTHON = "scripts.python.Script"


def test_lines_are_logged_by_their_stream(run_task: Run, attempt: Attempt) -> None:
    outputs = run_task(SHELL, commands=["echo hello", "echo careful >&2"])
    assert outputs == {"exitCode": 0, "vars": {}, "outputFiles": {}}
    assert sorted(attempt.logs) == [("ERROR", "careful"), ("INFO", "hello")]


@pytest.mark.parametrize(
    ("line", "variables", "logs"),
    [
        ('::{"outputs":{"n":1,"who":"ann"}}::', {"n": 1, "who": "ann"}, []),
        ('::{"outputs":{"m":{"a":[1,null]}}}::', {"m": {"a": [1, None]}}, []),
        ('::{"logs":[{"level":"WARN","message":"low"}]}::', {}, [("WARN", "low")]),
        ('x ::{"outputs":{"n":3}}::', {}, [("INFO", 'x ::{"outputs":{"n":3}}::')]),
    ],
    ids=["outputs", "nested", "logs", "not the whole line"],
)
def test_a_line_in_colons_is_a_command(
    run_task: Run, attempt: Attempt, line: str, variables: Any, logs: Any
) -> None:
    assert run_task(SHELL, commands=["cat <<'E'", line, "E"])["vars"] == variables
    assert attempt.logs == logs


def test_an_encrypted_output_is_handed_on_and_never_shown(run_task: Run, attempt: Attempt) -> None:
    line = '::{"outputs":{"a":1},"encryptedOutputs":{"key":"hush"}}::'
    assert run_task(SHELL, commands=["cat <<'E'", line, "E"])["vars"] == {"a": 1, "key": "hush"}
    assert attempt.secrets == ("hush",)


def test_a_broken_command_is_a_warning(run_task: Run, attempt: Attempt) -> None:
    assert run_task(SHELL, commands=["echo '::{\"outputs\":{n:1}}::'"])["vars"] == {}
    assert "Invalid outputs '::{\"outputs\":{n:1}}::'" in attempt.lines("WARN")[0]


def test_metrics_keep_kind_and_tags(run_task: Run, attempt: Attempt) -> None:
    run_task(
        SHELL,
        commands=[
            """echo '::{"metrics":[{"name":"rows","type":"counter","value":5,"tags":{"src":"x"}}]}::'""",
            """echo '::{"metrics":[{"name":"load","type":"timer","value":"PT1.5S"}]}::'""",
        ],
    )
    assert attempt.metrics == {
        "rows": (5.0, "counter", {"src": "x"}),
        "load": (1500.0, "timer", {}),
    }


@pytest.mark.parametrize(
    ("commands", "lines"),
    [
        ("{{ inputs.list }}", ["a", "b"]),
        ("[ -d . ]", []),
        ("[ -d . ] && echo yes", ["yes"]),
        ("echo one\necho two", ["one", "two"]),
    ],
    ids=["a list", "a test", "a test and more", "several lines"],
)
def test_commands_may_be_one_text(
    run_task: Run, attempt: Attempt, commands: str, lines: list[str]
) -> None:
    attempt.variables["inputs"] = {"list": ["echo a", "echo b"]}
    run_task(SHELL, commands=commands)
    assert attempt.lines() == lines


def test_exit_code_fails_and_keeps_outputs(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match=r"^Command failed with exit code 3$") as failed:
        run_task(
            SHELL,
            commands=["echo kept > a.txt", 'echo \'::{"outputs":{"n":1}}::\'', "exit 3"],
            outputFiles=["*.txt"],
        )
    outputs: Any = failed.value.outputs
    assert (outputs["exitCode"], outputs["vars"]) == (3, {"n": 1})
    assert list(outputs["outputFiles"]) == ["a.txt"]


def test_the_first_failing_command_ends_it(run_task: Run, attempt: Attempt) -> None:
    with pytest.raises(TaskFailed, match="exit code 1"):
        run_task(SHELL, beforeCommands=["false"], commands=["echo never"])
    assert attempt.logs == []


def test_without_fail_fast_the_last_command_decides(run_task: Run) -> None:
    assert run_task(SHELL, failFast=False, commands=["false", "echo ok"])["exitCode"] == 0


def test_death_by_signal_has_the_shells_code(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match="exit code 137"):
        run_task(SHELL, commands=["kill -9 $$"])


def test_stderr_warns_only_when_asked(attempt: Attempt) -> None:
    result = asyncio.run(task(SHELL, commands=["echo x >&2"], warningOnStdErr=True).run(attempt))
    assert result.state is State.WARNING


def test_files_go_in_and_come_out(run_task: Run, attempt: Attempt) -> None:
    uri = asyncio.run(attempt.put(b"n\n1\n2\n", "data.csv"))
    attempt.variables["inputs"] = {"data": uri, "col": "n"}
    outputs = run_task(
        PYTHON,
        beforeCommands=["python --version"],
        env={"FACTOR": "{{ 1 + 2 }}"},
        inputFiles={"in.csv": "{{ inputs.data }}", "conf/o.json": {"col": "n"}, "empty": None},
        outputFiles=["out/*.txt", "missing.*"],
        script="""
import csv, json, os, pathlib
col = json.load(open("conf/o.json"))["col"]
total = sum(int(r[col]) for r in csv.DictReader(open("in.csv")))
pathlib.Path("out").mkdir()
pathlib.Path("out/total.txt").write_text(str(total * int(os.environ["FACTOR"])))
assert pathlib.Path("empty").read_text() == ""
""",
    )
    assert attempt.stored(outputs["outputFiles"]["out/total.txt"]) == b"9"
    assert list(outputs["outputFiles"]) == ["out/total.txt"]
    assert attempt.lines("INFO")[0].startswith("Python 3")


@pytest.mark.parametrize("name", ["../out", "/etc/x", "./x", "a/../../b"])
def test_a_file_outside_the_directory_is_refused(run_task: Run, name: str) -> None:
    with pytest.raises(TaskFailed, match="only relative path is supported"):
        run_task(SHELL, commands=["true"], inputFiles={name: "x"})


def test_a_link_out_of_the_directory_is_not_taken(run_task: Run) -> None:
    outputs = run_task(
        SHELL, commands=["ln -s /etc/hostname l.txt", "echo 1 > a.txt"], outputFiles=["*.txt"]
    )
    assert list(outputs["outputFiles"]) == ["a.txt"]


def test_a_uri_in_the_text_becomes_a_path(run_task: Run, attempt: Attempt) -> None:
    uri = asyncio.run(attempt.put(b"found me", "x.csv"))
    attempt.variables["outputs"] = {"get": {"uri": uri}}
    run_task(SHELL, commands=["cat {{ outputs.get.uri }}; echo", "echo {{ outputs.get.uri }}"])
    assert attempt.lines()[0] == "found me"
    assert attempt.lines()[1].startswith(str(attempt.directory))


def test_a_uri_of_no_file_fails(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match="No file at kestra:///nowhere"):
        run_task(SHELL, commands=["cat kestra:///nowhere.csv"])


def test_an_undefined_variable_fails_before_the_start(run_task: Run, attempt: Attempt) -> None:
    with pytest.raises(ExpressionError, match="nothing_here"):
        run_task(SHELL, commands=["echo {{ nothing_here }}"])
    assert attempt.logs == []


def test_output_dir_is_captured(run_task: Run, attempt: Attempt) -> None:
    outputs = run_task(SHELL, commands=["echo 1 > {{ outputDir }}/one.txt"])
    assert attempt.stored(outputs["outputFiles"]["one.txt"]) == b"1\n"


def test_no_secret_of_the_host_reaches_the_script(
    run_task: Run, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_X", "hidden")
    run_task(SHELL, commands=["env | grep -c SECRET_ || true", "echo $WORKING_DIR"])
    assert attempt.lines() == ["0", str(attempt.directory)]


def test_an_interpreter_that_is_not_there(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match=r"Cannot start '/no/such/sh': .*No such file"):
        run_task(SHELL, interpreter=["/no/such/sh", "-c"], commands=["true"])


def test_bytes_that_are_no_text_are_shown_as_such(run_task: Run, attempt: Attempt) -> None:
    run_task(SHELL, commands=[r"printf 'a\377b\000c\nbar 1%%\rbar 9%%\n'"])
    assert attempt.lines() == ["a�b�c", "bar 9%"]


def test_many_lines_leave_the_loop_to_others(attempt: Attempt) -> None:
    """Each line costs 50 µs here; nobody else waits for more than a few of them."""
    log = attempt.log

    def slow_log(level: Any, message: str) -> None:
        end = time.perf_counter() + 50e-6
        while time.perf_counter() < end:
            pass
        log(level, message)

    attempt.log = slow_log  # type: ignore[method-assign]

    async def watched() -> tuple[int, int]:
        work = asyncio.create_task(task(SHELL, commands=["seq 1 20000"]).run(attempt))
        turns = most = 0
        while not work.done():
            before = len(attempt.logs)
            await asyncio.wait([work], timeout=0)
            turns += 1
            most = max(most, len(attempt.logs) - before)
        return turns, most

    turns, most = asyncio.run(watched())
    assert len(attempt.logs) == 20000
    assert most <= 500
    assert turns > 40


def test_a_hundred_thousand_lines_all_arrive_in_order(run_task: Run, attempt: Attempt) -> None:
    run_task(SHELL, commands=["seq 1 100000"])
    assert attempt.lines() == [str(n) for n in range(1, 100001)]


def test_a_script_longer_than_a_command_line(run_task: Run, attempt: Attempt) -> None:
    run_task("scripts.shell.Script", script="\n".join(["true"] * 60000 + ["echo end"]))
    assert attempt.lines() == ["end"]


def test_a_child_that_keeps_the_pipe_does_not_hold_the_task(
    run_task: Run, attempt: Attempt
) -> None:
    pid = attempt.directory / "pid"
    run_task(SHELL, commands=["sleep 300 &", "echo $! > pid", "echo done"])
    assert attempt.lines() == ["done"]
    os.kill(int(pid.read_text()), 9)


@pytest.mark.parametrize(
    "script",
    [
        "sleep 300 & sleep 300 & echo ready; wait",
        "trap '' TERM; echo ready; while true; do sleep 300; done",
        "setsid sleep 300 & echo ready; sleep 300",
    ],
    ids=["plain", "ignores SIGTERM", "left the group"],
)
def test_cancellation_ends_all_that_was_started(attempt: Attempt, script: str) -> None:
    async def cancelled() -> None:
        work = asyncio.create_task(
            task(
                "scripts.shell.Script",
                script=script,
                taskRunner={"type": "Process", "killGracePeriod": "PT0.3S"},
            ).run(attempt)
        )
        await attempt.until_heard("ready")
        assert members(-1, str(attempt.run_folder))
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancelled())
    assert members(-1, str(attempt.run_folder)) == set()


def test_lines_arrive_while_the_script_runs(attempt: Attempt) -> None:
    async def talked_to() -> None:
        fifo = attempt.directory / "go"
        work = asyncio.create_task(
            task(SHELL, commands=[f"mkfifo {fifo}", "echo waiting", f"cat {fifo}"]).run(attempt)
        )
        await attempt.until_heard("waiting")
        assert not work.done()
        await asyncio.to_thread(fifo.write_text, "heard you\n")
        await work

    asyncio.run(talked_to())
    assert attempt.lines() == ["waiting", "heard you"]


def test_python_hands_out_through_the_channel(run_task: Run, attempt: Attempt) -> None:
    attempt.variables["inputs"] = {"n": 20}
    outputs = run_task(
        PYTHON,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        script="""
import flowbook as fb, pyarrow as pa
fb.outputs(n=fb.inputs["n"] * 2, task=fb.execution.task, frame=pa.table({"a": [1, 2]}))
fb.progress(0.5, "half")
fb.metric("rows", 7, src="x")
""",
    )
    assert (outputs["n"], outputs["task"], outputs["exitCode"]) == (40, "it", 0)
    assert outputs["frame"]["rows"] == 2
    assert outputs["vars"]["n"] == 40
    assert attempt.shown == [(0.5, "half")]
    assert attempt.metrics["rows"] == (7.0, "counter", {"src": "x"})


def test_a_python_traceback_is_logged(run_task: Run, attempt: Attempt) -> None:
    with pytest.raises(TaskFailed, match="exit code 1"):
        run_task(PYTHON, script="raise ValueError('no luck')")
    assert attempt.lines("ERROR")[-1] == "ValueError: no luck"


def test_a_runner_that_is_not_here_says_so(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match=r"No task runner 'x\.Kubernetes' here"):
        run_task(SHELL, commands=["true"], taskRunner={"type": "x.Kubernetes"})


def test_memory_is_limited(run_task: Run, attempt: Attempt) -> None:
    with pytest.raises(TaskFailed, match="exit code 1"):
        run_task(
            PYTHON,
            script="x = bytearray(3 * 2**30)",
            taskRunner={"type": "Process", "memory": "2Gi"},
        )
    assert attempt.lines("ERROR")[-1] == "MemoryError"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ('start\n{"ok": true, "n": 3}', {"ok": True, "n": 3, "result": '{"ok": true, "n": 3}'}),
        ("[1, 2]", {"items": [1, 2], "result": "[1, 2]"}),
        ("42", {"value": 42, "result": "42"}),
        ('{"a":1}\ndone', {"a": 1, "result": '{"a":1}'}),
        ("done", {}),
        ("{'a': 1}", {}),
        ('{"result": 5}', {"result": 5}),
        ('x\n{\n "a": 1\n}\n', {"a": 1, "result": '{\n "a": 1\n}'}),
    ],
    ids=["after text", "list", "scalar", "last object", "none", "repr", "own result", "pretty"],
)
def test_printed_json_in_the_seed_dialect(text: str, variables: Any) -> None:
    assert printed_json(text) == variables


def test_seed_dialect_captures_what_was_written(tmp_path: Path) -> None:
    context = Attempt(tmp_path, dialect="seed")
    part = task(PYTHON, script="import json; json.dump({'n': 1}, open('summary.json', 'w'))")
    outputs = asyncio.run(outputs_of(part, context))
    assert list(outputs["outputFiles"]) == ["summary.json"]
    assert outputs["vars"] == {"summary": {"n": 1}}


def test_seed_dialect_finds_files_of_earlier_tasks(tmp_path: Path) -> None:
    context = Attempt(tmp_path, dialect="seed")
    uri = asyncio.run(context.put(b"rows\n", "raw.csv"))
    context.variables["outputs"] = {"get": {"outputFiles": {"raw.csv": uri}}}
    asyncio.run(outputs_of(task(SHELL, commands=["cat raw.csv", "echo *.csv"]), context))
    assert context.lines() == ["rows", "raw.csv"]


@pytest.mark.parametrize(
    ("language", "script"),
    [("node", "console.log(6 * 7)"), ("perl", "print 6 * 7"), ("r", "cat(6 * 7)")],
    ids=["node", "perl", "r"],
)
def test_other_languages_run_or_name_what_is_missing(
    run_task: Run, attempt: Attempt, language: str, script: str
) -> None:
    program = {"r": "Rscript"}.get(language, language)
    if shutil.which(program):
        run_task(f"scripts.{language}.Script", script=script)
        assert attempt.lines() == ["42"]
    else:
        with pytest.raises(TaskFailed, match=f"needs the program '{program}' on this machine"):
            run_task(f"scripts.{language}.Script", script=script)


def test_a_line_without_end_is_cut() -> None:
    lines: list[str] = []
    reader = Lines(lines.append)
    for _ in range(300):
        reader.feed(b"x" * 65536)
    reader.close()
    assert len(lines) == 2
    assert sum(map(len, lines)) == 300 * 65536
