"""A kernel begun before the fork looks as a stock one does, and is begun only where it comes out alike."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from flowbook.elected import Seat
from flowbook.kernels.run import run
from flowbook.kernels.stock import Stock, find_spec
from flowbook.kernels.warm import Warm, WarmKernel
from flowbook.kernels.zygote import QUIET

from .conftest import Runner, copy_of, environment
from .looks import look

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only"),
]
LOOK = f"import json\n{inspect.getsource(look)}\nlook()"
OF_ONE_START = {
    "app": {
        *("aliases", "argv", "extra_args", "flags", "_loaded_config_files"),  # of a command line
        *("connection_file", "ip", "parent_handle", "poller", "parse_command_line"),
        *("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port"),
    },
    "kernel": {"ident", "_process_children"},
    "session": {"pid", "session", "message_count"},
}
"""What differs from kernel to kernel, or because one was given a command line."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60)
        assert asyncio.run(asyncio.wait_for(warm.warm(environment()), 60)) == 2
        yield warm
        asyncio.run(warm.end())


async def seen(runner: Runner, kernels: Warm | None) -> dict[str, Any]:
    """What a notebook sees in a forked kernel, or in a stock one."""

    class Taken:
        async def take(self, *arguments: Any, **options: Any) -> Any:
            assert kernels is not None
            kernel = await kernels.take(*arguments, **options)
            assert isinstance(kernel, WarmKernel)
            return kernel

        async def resume(self, key: str) -> None:
            return None

    task = runner.task(LOOK)
    result = await asyncio.wait_for(run(task, runner.hear, kernels=kernels and Taken()), 60)
    assert result.error is None, result.error
    printed = copy_of(result)["cells"][0]["outputs"][0]["text"]
    found: dict[str, Any] = json.loads(printed)
    return found


def general(found: dict[str, Any]) -> dict[str, Any]:
    """Without what is one kernel's own."""
    (file, _) = found.pop("its own")["connection file"]
    found["config"] = found["config"].replace(file, "FILE").replace('"False"', "false")
    found["threads"] = [name for name in found["threads"] if name != "Thread-1"]  # polls the parent
    for name in ("FLOWBOOK_RUN", "JPY_PARENT_PID"):
        found["environment"].pop(name, None)
    parts = found.pop("parts")
    for part, names in OF_ONE_START.items():
        for name in names:
            parts[part].pop(name, None)
    return found | {f"{part}.{name}": v for part in parts for name, v in parts[part].items()}


async def test_a_notebook_sees_what_it_sees_in_a_stock_kernel(tmp_path: Path, warm: Warm) -> None:
    forked = general(await seen(Runner(tmp_path), warm))
    stock = general(await seen(Runner(tmp_path, number=50), None))
    either = sorted({*forked, *stock})
    assert {n: [forked.get(n), stock.get(n)] for n in either if forked.get(n) != stock.get(n)} == {}


async def test_each_kernel_is_one_of_its_own(tmp_path: Path, warm: Warm) -> None:
    runner = Runner(tmp_path)
    every = [(await seen(runner, warm))["its own"] for _ in range(3)]
    assert all(pid == of_session for pid, of_session in (own["pid"] for own in every))
    assert all(key == written for key, written in (own["key"] for own in every))
    assert all(one == told for one, told in (own["identity"] for own in every))
    assert all(file == said for file, said in (own["connection file"] for own in every))
    assert [len({str(own[name]) for own in every}) for name in every[0]] == [3] * len(every[0])


def prepared(folder: Path, *, before: str = "", after: str = "", **env: str) -> str:
    """What a zygote that has prepared itself prints."""
    program = f"""
import socket, sys
from pathlib import Path
from flowbook.kernels import application, zygote as module
{before}
zygote = module.Zygote(socket.socketpair()[0], Path(sys.argv[1]), 2)
zygote.prepare()
print("begun" if zygote.begun else "whole")
{after}
"""
    with tempfile.TemporaryDirectory(prefix="fbz-") as short:
        asked = subprocess.run(
            [sys.executable, "-c", program, short],
            env={**environment(), **QUIET, "IPYTHONDIR": str(folder / "ipython"), **env},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return asked.stdout


def test_kernels_are_begun(tmp_path: Path) -> None:
    assert prepared(tmp_path) == "begun\n"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("application.TAKEN += ('init_moon',)", id="a step that isn't there"),
        pytest.param("application._hand_on = lambda kernel: None", id="sockets not handed on"),
    ],
)
def test_where_ipykernel_is_another_kernels_are_made_whole(tmp_path: Path, change: str) -> None:
    assert prepared(tmp_path, before=change) == "whole\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("ipython_kernel_config.py", "c.InteractiveShell.cache_size = 5"),
        ("startup/first.py", "first = 1"),
    ],
)
def test_what_a_configuration_asks_for_is_not_begun(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / "ipython" / "profile_default" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert prepared(tmp_path) == "whole\n"


def test_libraries_are_imported_where_no_shell_is(tmp_path: Path) -> None:
    learning = """
import IPython
importing, there = module._import, []
module._import = lambda name: (there.append(IPython.get_ipython()), importing(name))
first = zygote.begun
zygote._learn("PIL")
print(there, "PIL" in sys.modules, zygote.begun is not first)
print(IPython.get_ipython() is zygote.begun.app.shell, zygote.begun.app.shell.kernel is zygote.begun.kernel)
"""
    assert prepared(tmp_path, after=learning) == "begun\n[None] True True\nTrue True\n"


def told(connection: Mapping[str, Any]) -> list[Any]:
    """What a kernel answers a front end: its debugger, a subshell, completion, its end."""
    client = BlockingKernelClient()
    client.load_connection_info(dict(connection))
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def ask(channel: str, kind: str, content: dict[str, Any], **header: str) -> dict[str, Any]:
        asked = client.session.msg(kind, content)
        asked["header"] |= header
        socket = getattr(client, f"{channel}_channel")
        socket.send(asked)
        while (got := socket.get_msg(timeout=60))["parent_header"]["msg_id"] != asked["msg_id"]:
            pass
        found: dict[str, Any] = got["content"]
        return found

    def debug(number: int, command: str, **arguments: Any) -> Any:
        request = {"type": "request", "seq": number, "command": command, "arguments": arguments}
        return ask("control", "debug_request", request)["success"]

    asked = [
        ask("shell", "complete_request", {"code": "get_ip", "cursor_pos": 6})["matches"],
        ask("shell", "inspect_request", {"code": "print", "cursor_pos": 5, "detail_level": 0}),
        ask("shell", "comm_info_request", {}),
    ]
    subshell = ask("control", "create_subshell_request", {})["subshell_id"]
    silent = {"silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    ran = ask("shell", "execute_request", {"code": "1", **silent}, subshell_id=subshell)["status"]
    front_end = {"clientID": "a", "adapterID": "", "pathFormat": "path"}
    debugged = [
        debug(1, "debugInfo"),
        debug(2, "initialize", **front_end, linesStartAt1=True, columnsStartAt1=True),
        debug(3, "attach"),
        debug(4, "disconnect", restart=False, terminateDebuggee=False),
    ]
    asked.append(ask("control", "shutdown_request", {"restart": False}))
    client.stop_channels()
    return [debugged, ran, asked]


async def test_a_front_end_is_answered_as_by_a_stock_kernel(tmp_path: Path, warm: Warm) -> None:
    answers = []
    for kernels in (warm, Stock()):
        kernel = await kernels.take(
            find_spec("python3"),
            "python3",
            cwd=tmp_path,
            env=environment(),
            log=tmp_path / "kernel.log",
        )
        answers.append(await asyncio.to_thread(told, kernel.connection))
        answers[-1].append(await asyncio.wait_for(kernel.ended(), 60))
    forked, stock = answers
    assert forked == stock
    assert forked[0] == [True] * 4
