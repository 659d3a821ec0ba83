"""`Cell` and `Call` in the notebook that runs the flow: on its main thread, in its namespace."""

from __future__ import annotations

import ast
import time
from typing import Any

import pytest

from .conftest import MIME, Kernel

FIVE = """\
%%flow -o run
id: five
tasks:
  - {id: load, type: flowbook.jupyter.Cell, outputs: [frame], code: "frame = [1, 2]; print('loaded')"}
  - {id: plot, type: flowbook.jupyter.Cell, code: "plt.plot(frame); None"}
  - {id: wait, type: flowbook.jupyter.Cell, code: "import asyncio\\nawait asyncio.sleep(0.1)\\nsum(frame)"}
  - {id: magic, type: flowbook.jupyter.Cell, outputs: [here], code: "here = %pwd"}
  - {id: score, type: flowbook.jupyter.Call, function: score, args: [2]}
"""
FAILING = """\
%%flow -o run
id: failing
tasks:
  - {id: name, type: flowbook.jupyter.Cell, allowFailure: true, code: "x = 1\\ndef f():\\n  return fram\\nf()"}
  - {id: syntax, type: flowbook.jupyter.Cell, allowFailure: true, code: "x = 1\\nx x"}
  - {id: slow, type: flowbook.jupyter.Cell, allowFailure: true, timeout: PT1S, code: "import time; time.sleep(600)"}
  - {id: patient, type: flowbook.jupyter.Cell, allowFailure: true, timeout: PT1S, code: "import asyncio; await asyncio.sleep(600)"}
  - {id: missing, type: flowbook.jupyter.Call, allowFailure: true, function: scor}
  - {id: last, type: flowbook.jupyter.Cell, code: "x"}
"""
LONG = """\
%%flow -o run
id: long
tasks:
  - {id: load, type: flowbook.jupyter.Cell, code: "kept = 5; print('up')\\nSLEEP(600)"}
  - {id: next, type: flowbook.jupyter.Cell, code: "kept = 6"}
"""
STUBBORN = """\
%%flow -o run
id: stubborn
tasks:
  - id: load
    type: flowbook.jupyter.Cell
    code: |
      import time
      try:
          print("up")
          time.sleep(600)
      except KeyboardInterrupt:
          kept = 7
  - {id: next, type: flowbook.jupyter.Cell, code: "kept = 8"}
"""
KILLER = """\
import threading, time

def kill():
    while kept != 5:
        time.sleep(0.05)
    get_ipython().run_line_magic("flow", "kill")

threading.Thread(target=kill, daemon=True).start()
"""


def values(kernel: Kernel, expression: str) -> Any:
    return ast.literal_eval(kernel.value(expression))


def test_cells_run_in_the_notebook_and_show_under_the_cell_that_waits(kernel: Kernel) -> None:
    kernel.run("import matplotlib.pyplot as plt\n%matplotlib inline")
    kernel.run(
        "async def score(n):\n    import asyncio\n    await asyncio.sleep(0)\n    return n * 21"
    )
    cell = kernel.run(FIVE)

    assert cell.error is None, cell.error
    assert "loaded" in cell.printed
    assert [bundle for bundle in cell.displays if "image/png" in bundle]
    assert cell.runs[-1]["state"] == "success"
    outputs = values(kernel, "{one.task_id: dict(one.outputs) for one in run.task_runs}")
    assert outputs["load"] == {"frame": [1, 2]}
    assert outputs["wait"] == {"result": 3}
    assert outputs["magic"] == {"here": str(kernel.root)}
    assert outputs["score"] == {"value": 42}
    assert kernel.value("frame") == "[1, 2]"
    assert kernel.run("await asyncio.sleep(0)\nprint(frame)").printed == "[1, 2]\n"


def test_a_failing_cell_names_its_line_and_a_timeout_leaves_the_kernel(kernel: Kernel) -> None:
    kernel.run("def score(n): return n")
    cell = kernel.run(FAILING)

    assert cell.runs[-1]["state"] == "warning"
    errors = values(
        kernel, "{one.task_id: (one.error or {}).get('message') for one in run.task_runs}"
    )
    assert errors["name"] == "NameError: name 'fram' is not defined, line 3 of name"
    assert errors["syntax"] == "SyntaxError: invalid syntax, line 2 of syntax"
    assert errors["slow"] == errors["patient"] == "Timeout after PT1S"
    assert "did you mean 'score'?" in errors["missing"]
    assert values(kernel, "dict(run['last'].outputs)") == {"result": 1}


@pytest.mark.parametrize("sleep", ["time.sleep", "await asyncio.sleep"])
def test_an_interrupt_reaches_the_code_and_kills_the_execution(kernel: Kernel, sleep: str) -> None:
    kernel.run("import asyncio, time\nmine = [1, 2, 3]")
    request = kernel.start(LONG.replace("SLEEP", sleep))
    kernel.finish(request, until=lambda cell: "up" in cell.printed)
    kernel.manager.interrupt_kernel()
    cell = kernel.finish(request)

    assert cell.runs[-1]["state"] == "killed"
    assert cell.error is not None
    assert kernel.value("mine, kept, run.state") == "[1, 2, 3] 5 KILLED"
    assert values(kernel, "[one.task_id for one in run.task_runs]") == ["load"]


def test_code_that_swallows_the_interrupt_is_killed_all_the_same(kernel: Kernel) -> None:
    request = kernel.start(STUBBORN)
    kernel.finish(request, until=lambda cell: "up" in cell.printed)
    kernel.manager.interrupt_kernel()
    cell = kernel.finish(request)

    assert cell.runs[-1]["state"] == "killed"
    assert kernel.value("kept") == "7"


def test_a_kill_from_elsewhere_interrupts_the_code(kernel: Kernel) -> None:
    kernel.run("kept = 0\n" + KILLER)
    began = time.monotonic()
    cell = kernel.run(LONG.replace("SLEEP", "time.sleep"))

    assert cell.runs[-1]["state"] == "killed"
    assert time.monotonic() - began < 60
    assert kernel.value("kept") == "5"


def test_in_the_background_cells_have_a_kernel_of_their_own(kernel: Kernel) -> None:
    kernel.run("frame = 'mine'")
    kernel.run(FIVE.replace("%%flow", "%%flow --bg").partition("  - {id: plot")[0])

    assert values(kernel, "dict(run.wait(60)['load'].outputs)") == {"frame": [1, 2]}
    assert kernel.value("frame") == "mine"
    assert MIME in kernel.run("run").result  # type: ignore[operator]


def test_a_restart_goes_on_in_the_notebook(kernel: Kernel) -> None:
    flow = (
        "%%flow -o run\nid: again\ntasks:\n"
        '  - {id: load, type: flowbook.jupyter.Cell, code: "rows = [1]"}\n'
        '  - {id: total, type: flowbook.jupyter.Cell, code: "sum(rows) / n"}\n'
    )
    assert kernel.run(flow).runs[-1]["state"] == "failed"
    kernel.run("n = 2")

    assert kernel.run("%flow restart").runs[-1]["state"] == "success"
    assert values(kernel, "dict(run['total'].outputs)") == {"result": 0.5}
