"""Fix the failed cell and go on, with a real Jupyter Server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from weekly import FIXED, FLOW, fill, fix, source_of

from .conftest import until

Fetch = Callable[..., Any]


async def failed_in(workspace: Any, root: Path) -> str:
    """The id of an execution whose notebook failed."""
    fill(root)
    await workspace.deploy(FLOW)
    run_id: str = await workspace.run("demo.weekly")
    await workspace.end(run_id)
    return run_id


async def post(fetch: Fetch, path: str, **body: Any) -> Any:
    return await fetch(path, method="POST", body=json.dumps(body))


async def test_the_failed_notebook_opens_on_its_kernel(
    fetch: Fetch, jp_fetch: Any, workspace: Any, root: Path
) -> None:
    failed = await failed_in(workspace, root)
    opened = await post(fetch, f"api/x/executions/{failed}/open")

    kernels = json.loads((await jp_fetch("api", "kernels")).body)
    assert [(one["id"], one["name"]) for one in kernels] == [(opened["kernelId"], "python3")]
    assert (opened["task"], opened["cell"]) == ("report", 9)
    assert (root / opened["path"]).is_file()
    [parked] = (await fetch("api/x/kernels"))["parked"]
    assert parked["execution"] == failed
    again = await post(fetch, f"api/x/executions/{failed}/open", task="report")
    assert (again["path"], again["kernelId"]) == (opened["path"], opened["kernelId"])

    await fetch(f"api/x/kernels/{parked['id']}", method="DELETE")

    assert (await fetch("api/x/kernels"))["parked"] == []
    assert json.loads((await jp_fetch("api", "kernels")).body) == []


async def test_shutting_it_down_in_the_running_panel_ends_it(
    fetch: Fetch, jp_fetch: Any, workspace: Any, root: Path
) -> None:
    failed = await failed_in(workspace, root)
    opened = await post(fetch, f"api/x/executions/{failed}/open")
    pid = opened["kernel"]["pid"]

    await jp_fetch("api", "kernels", opened["kernelId"], method="DELETE")

    async def is_gone() -> bool:
        return not (await fetch("api/x/kernels"))["parked"]

    assert await until(is_gone)
    assert not Path(f"/proc/{pid}").exists()


async def test_what_runs_in_it_can_be_interrupted(
    fetch: Fetch, jp_fetch: Any, workspace: Any, root: Path
) -> None:
    failed = await failed_in(workspace, root)
    opened = await post(fetch, f"api/x/executions/{failed}/open")
    host = await workspace.host.open()
    kernel = await workspace.host.wait(host.continuing.kernel(failed))
    endless = "open('on', 'w')\nwhile True: pass"
    running = workspace.host.begin(kernel.execute(endless))

    async def is_on() -> bool:
        return (root / "on").exists()

    assert await until(is_on)

    await jp_fetch("api", "kernels", opened["kernelId"], "interrupt", method="POST", body="{}")

    async def is_done() -> bool:
        return bool(running.done())

    assert await until(is_done)
    assert running.result().error["name"] == "KeyboardInterrupt"


async def test_it_goes_on_and_the_fix_is_written_back(
    fetch: Fetch, workspace: Any, root: Path
) -> None:
    failed = await failed_in(workspace, root)
    opened = await post(fetch, f"api/x/executions/{failed}/open")
    fix(root / opened["path"])
    with pytest.raises(HTTPClientError) as asked:
        await post(fetch, f"api/x/executions/{failed}/continue", cell=9)
    assert asked.value.code == 409
    said = json.loads(asked.value.response.body)  # type: ignore[union-attr]
    assert said["_embedded"]["errors"] == [{"message": "notify", "path": "confirm"}]

    told = await post(fetch, f"api/x/executions/{failed}/continue", cell=9, confirm=True)
    await workspace.end(failed)

    assert f"+{FIXED}" in told["diff"]
    state = await fetch(f"api/v1/executions/{failed}")
    assert state["state"]["current"] == "SUCCESS"
    assert (root / "runs.txt").read_text() == "report\n"
    applied = await post(fetch, f"api/x/executions/{failed}/apply")
    assert applied["path"] == str(root / "report.ipynb")
    assert source_of(root, 9) == FIXED
    with pytest.raises(HTTPClientError) as refused:
        await post(fetch, f"api/x/executions/{failed}/continue", cell=9, confirm=True)
    told = json.loads(refused.value.response.body)  # type: ignore[union-attr]
    assert told["message"] == "Task 'report' can't be continued: it is SUCCESS"


async def test_what_a_terminal_ran_opens_here(
    fetch: Fetch, workspace: Any, root: Path, jp_fetch: Any
) -> None:
    """The kernel was started by another process, which has ended."""
    flow = fill(root)
    await workspace.host.open()
    package = Path(__file__).parents[2] / "kernel_ext"
    environment = {**os.environ, "FLOWBOOK_HOME": str(root), "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "flowbook", "run", str(flow), "--json"]
    ran = subprocess.run(  # noqa: ASYNC221 - the server waits with it
        command, env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    run_id = json.loads(ran.stdout)["id"]
    opened = await post(fetch, f"api/x/executions/{run_id}/open")
    kernels = json.loads((await jp_fetch("api", "kernels")).body)
    assert [one["id"] for one in kernels] == [opened["kernelId"]]
