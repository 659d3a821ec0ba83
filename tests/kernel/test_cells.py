"""`%%flow` in a real kernel."""

from __future__ import annotations

import subprocess
import sys
import time

from .conftest import MIME, PATIENCE, Kernel

HELLO = """\
%%flow -o hello -i name=Ada
id: hello
inputs:
  - {id: name, type: STRING}
tasks:
  - {id: greet, type: core.log.Log, message: "Hello {{ inputs.name }}"}
  - {id: give, type: core.debug.Return, format: "{{ inputs.name | upper }}"}
"""
STEPS = """\
%%flow -o steps
id: steps
tasks:
  - {id: first, type: core.flow.Sleep, duration: PT0.4S}
  - {id: second, type: core.flow.Sleep, duration: PT0.4S}
"""
LONG = """\
%%flow -o long
id: long
tasks:
  - {id: wait, type: core.flow.Sleep, duration: PT120S}
"""


def states(run: dict[str, object]) -> list[str | None]:
    return [node.get("state") for node in run["graph"]["children"]]  # type: ignore[index]


def test_a_cell_runs_and_its_run_is_assigned(kernel: Kernel) -> None:
    cell = kernel.run(HELLO)

    assert cell.status == "ok", cell
    assert cell.runs[-1]["state"] == "success"
    assert cell.runs[-1]["variable"] == "hello"
    assert "notebook.hello" in cell.printed
    assert kernel.value("hello['give'].outputs.value") == "ADA"
    assert kernel.value("hello.state") == "SUCCESS"


def test_one_display_is_updated_while_the_flow_runs(kernel: Kernel) -> None:
    cell = kernel.run(STEPS)

    seen = [states(run) for run in cell.runs]
    assert ["running", None] in seen
    assert ["success", "running"] in seen
    assert seen[-1] == ["success", "success"]
    assert {"text/html", "text/plain", MIME} <= cell.displays[-1].keys()
    assert "application/vnd.jupyter.widget-view+json" not in cell.displays[-1]


def test_the_first_update_comes_long_before_the_end(kernel: Kernel) -> None:
    kernel.run("%flow ls")
    began = time.monotonic()
    request = kernel.start(LONG)

    cell = kernel.finish(request, until=lambda cell: bool(cell.runs))

    assert time.monotonic() - began < 20
    assert cell.runs[0]["state"] in ("created", "running")
    kernel.manager.interrupt_kernel()
    kernel.finish(request)


def test_an_interrupt_kills_the_run_and_keeps_the_namespace(kernel: Kernel) -> None:
    kernel.run("kept = [1, 2, 3]")
    request = kernel.start(LONG)
    kernel.finish(
        request,
        until=lambda cell: "running" in [state for run in cell.runs for state in states(run)],
    )

    kernel.manager.interrupt_kernel()
    cell = kernel.finish(request)

    assert cell.runs[-1]["state"] == "killed"
    assert cell.error is not None
    assert "notebook.long killed" in "".join(cell.error["traceback"])
    assert kernel.value("kept") == "[1, 2, 3]"
    assert kernel.value("long.state") == "KILLED"
    assert kernel.run(HELLO).status == "ok"


def test_a_kill_from_another_process_ends_the_cell(
    kernel: Kernel, environment: dict[str, str]
) -> None:
    request = kernel.start(LONG)
    running = kernel.finish(
        request, until=lambda cell: bool(cell.runs) and "running" in states(cell.runs[-1])
    )
    run_id = running.runs[-1]["id"]

    killed = subprocess.run(
        [sys.executable, "-m", "flowbook", "executions", "kill", run_id],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert killed.returncode == 0, killed.stderr
    assert kernel.finish(request).runs[-1]["state"] == "killed"


def test_a_failed_run_is_assigned_and_said_in_one_line(kernel: Kernel) -> None:
    cell = kernel.run(
        "%%flow -o broken\nid: broken\ntasks:\n"
        "  - {id: stop, type: core.execution.Fail, errorMessage: no luck today}\n"
    )

    assert cell.runs[-1]["state"] == "failed"
    assert cell.error is not None
    assert len(cell.error["traceback"]) == 1
    assert "notebook.broken failed" in cell.error["traceback"][0]
    assert kernel.value("broken.state") == "FAILED"


def test_problems_are_shown_with_the_lines_of_the_cell(kernel: Kernel) -> None:
    cell = kernel.run(
        "%%flow\nid: wrong\ntasks:\n  - id: a\n    type: core.log.Log\n    mesage: hi\n"
    )

    assert cell.status == "error"
    assert "UsageError: <cell>:4:5:" in cell.errors
    assert "(and 1 more)" in cell.errors
    assert "&lt;cell&gt;:6:5" in cell.displays[-1]["text/html"]
    assert "mesage: hi" in cell.displays[-1]["text/html"]


def test_running_a_cell_again_makes_no_new_revision_unless_it_changed(kernel: Kernel) -> None:
    kernel.run(STEPS)
    kernel.run(STEPS)
    same = kernel.value("steps.revision")
    kernel.run(STEPS.replace("PT0.4S", "PT0.1S"))

    assert same == "1"
    assert kernel.value("steps.revision") == "2"


def test_a_cell_for_a_flow_with_a_file_runs_a_draft(kernel: Kernel) -> None:
    file = kernel.root / "flows" / "hello.yaml"
    file.parent.mkdir(exist_ok=True)
    text = HELLO.partition("\n")[2].replace("id: hello", "id: hello\nnamespace: notebook", 1)
    file.write_text(text)
    kernel.run("%flow deploy")
    cell = kernel.run(HELLO.replace("Hello {{", "Good day {{"))

    assert cell.status == "ok", cell
    assert kernel.value("hello.revision") == "2"
    listed = kernel.run("%flow ls")
    assert listed.result is not None
    assert "deployed" in listed.result["text/plain"]
    assert file.read_text() == text


def test_a_run_in_the_background_lets_the_next_cell_go_on(kernel: Kernel) -> None:
    started = kernel.run(LONG.replace("%%flow", "%%flow --bg"))

    assert started.status == "ok"
    assert kernel.value("str(long.state) in ('CREATED', 'RUNNING')") == "True"
    kernel.run("%flow kill")
    assert kernel.value("long.wait(30).state") == "KILLED"


def test_no_run_and_dry_run_run_nothing(kernel: Kernel) -> None:
    dry = kernel.run(HELLO.replace("%%flow", "%%flow --dry-run", 1))
    kept = kernel.run(HELLO.replace("%%flow", "%%flow --no-run", 1))

    assert dry.result is not None
    assert "data:image/svg+xml" in dry.result["text/html"]
    assert "Kept notebook.hello as revision 1" in kept.printed
    assert "No execution yet" in kernel.run("%flow runs").result["text/plain"]  # type: ignore[index]


def test_inputs_come_from_the_notebook(kernel: Kernel) -> None:
    kernel.run("given = {'name': 'Grace'}")

    assert kernel.run(HELLO.replace("-i name=Ada", "--inputs given")).status == "ok"
    assert kernel.value("hello.inputs['name']") == "Grace"
    refused = kernel.run(HELLO.replace("-i name=Ada", "--inputs 5"))
    assert "--inputs takes a mapping" in refused.errors


def test_inputs_come_from_files(kernel: Kernel) -> None:
    kernel.run("from pathlib import Path; _ = Path('who.txt').write_text('Grace\\n')")
    kernel.run("_ = Path('in.yaml').write_text('n: 7\\n')")
    flow = "id: filed\ninputs: [{id: who, type: STRING}, {id: n, type: INT}]\ntasks:\n"
    flow += '  - {id: say, type: Return, format: "{{ inputs.who }} {{ inputs.n }}"}\n'
    kernel.run(f"%%flow -q -o run -i who=@who.txt --inputs-file in.yaml\n{flow}")
    assert kernel.value("run['say'].outputs['value']") == "Grace 7"
    refused = kernel.run(f"%%flow -q -i who\n{flow}")
    assert "'who' isn't an input" in refused.errors


def test_a_missing_input_is_one_clear_line(kernel: Kernel) -> None:
    cell = kernel.run(HELLO.replace(" -i name=Ada", ""))

    assert cell.status == "error"
    assert "UsageError" in cell.errors
    assert "name" in cell.errors


def test_a_second_interrupt_stops_the_waiting(kernel: Kernel) -> None:
    request = kernel.start(
        "%%flow -o stubborn\nid: stubborn\ntasks:\n  - id: deaf\n    type: scripts.shell.Script\n"
        "    script: |\n      trap '' TERM INT\n      echo up\n      while true; do sleep 1; done\n"
    )
    kernel.finish(
        request, until=lambda cell: bool(cell.runs) and "running" in states(cell.runs[-1])
    )

    kernel.manager.interrupt_kernel()
    kernel.finish(
        request, until=lambda cell: bool(cell.runs) and "killing" in states(cell.runs[-1])
    )
    kernel.manager.interrupt_kernel()
    cell = kernel.finish(request)

    assert "Not waiting any longer" in cell.printed
    assert cell.error is not None
    assert cell.error["ename"] == "KeyboardInterrupt"
    assert kernel.value("stubborn.wait(60).state") == "KILLED"
