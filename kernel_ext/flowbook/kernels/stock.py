"""A kernel started the usual way: by its kernel spec, through jupyter_client's provisioning."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import FlowbookError
from .strays import end_marked

_LONGEST_SOCKET = 107  # bytes in a Unix socket's path


class NoKernel(FlowbookError):
    """No kernel of that name is installed, or it can't be started."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a kernel's process ended: an exit code, or minus a signal's number; `None` if unknown."""

    code: int | None

    def __str__(self) -> str:
        if self.code is None:
            return "its end was not seen"
        if self.code >= 0:
            return f"exit code {self.code}"
        number = -self.code
        said = {
            9: "perhaps out of memory",
            11: "segmentation fault",
            6: "aborted",
            7: "bus error",
        }.get(number)
        if said is None:
            with contextlib.suppress(ValueError):
                said = signal.Signals(number).name
        return f"signal {number}: {said}" if said else f"signal {number}"


class Kernel(Protocol):
    """A kernel nobody has used."""

    @property
    def connection(self) -> Mapping[str, Any]: ...
    @property
    def interrupts_by_message(self) -> bool: ...

    async def ended(self) -> Ended:
        """Wait for the end of its process."""
        ...

    def interrupt(self) -> None: ...

    async def park(self, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Leave it to the keeper; what the keeper answers, or `None` if it can't be parked."""
        ...

    def release(self) -> None:
        """Of a parked one: its folders aren't needed here any more."""
        ...

    async def kill(self) -> None:
        """End its process and those it started, and wait for that."""
        ...


def find_spec(name: str) -> Any:
    """The kernel spec of that name. Raises `NoKernel` that names those installed."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    specs = KernelSpecManager()
    try:
        return specs.get_kernel_spec(name)
    except NoSuchKernel:
        installed = ", ".join(sorted(specs.find_kernel_specs(), key=lambda n: (n != "python3", n)))
        raise NoKernel(f"No kernel '{name}': installed are {installed or 'none'}") from None


def is_ipykernel(spec: Any) -> bool:
    return any("ipykernel" in part for part in spec.argv)


def ends_by_shell(spec: Any) -> bool:
    """Whether its end is asked for on the shell channel: those written in Python are built on ipykernel."""
    return is_ipykernel(spec) or Path(spec.argv[0]).name.startswith("python")


def socket_folder() -> Path:
    """A new 0700 folder for a kernel's sockets: in Jupyter's runtime directory, or short of room in /tmp."""
    from jupyter_core.paths import jupyter_runtime_dir

    runtime = Path(jupyter_runtime_dir())
    if len(os.fsencode(runtime)) + len("/fb-12345678/k-12345") > _LONGEST_SOCKET:
        return Path(tempfile.mkdtemp(prefix="fb-"))
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix="fb-", dir=runtime))


class StockKernel:
    """A kernel process of our own, spoken to over Unix sockets."""

    def __init__(
        self, manager: Any, folder: Path, connection: Mapping[str, Any], mark: str | None
    ) -> None:
        self._manager = manager
        self._mark = mark
        self._folder = folder
        self._provisioner = manager.provisioner
        self._end: asyncio.Task[Ended] = asyncio.create_task(self._watch())
        self.connection = connection
        self.interrupts_by_message = manager.kernel_spec.interrupt_mode == "message"

    @classmethod
    async def start(
        cls, spec: Any, name: str, *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> StockKernel:
        """Start a kernel whose own output goes to `log`. Raises `NoKernel`."""
        with _manager(spec, name) as (manager, folder), log.open("ab") as file:
            await manager.start_kernel(
                cwd=str(cwd),
                env=dict(env),
                stdout=file,
                stderr=file,
                extra_arguments=_options(spec),
            )
        return cls(manager, folder, manager.get_connection_info(), env.get("FLOWBOOK_RUN"))

    @property
    def pid(self) -> int | None:
        found = getattr(self._provisioner, "pid", None)
        return found if isinstance(found, int) else None

    async def _watch(self) -> Ended:
        process = getattr(self._provisioner, "process", None)
        if process is None or not hasattr(os, "pidfd_open"):
            return Ended(await self._provisioner.wait())
        await readable_end(process.pid)
        self._signal(
            signal.SIGKILL
        )  # what it left behind; as long as it isn't reaped its pid is its own
        code = process.wait()
        await asyncio.to_thread(end_marked, self._mark)
        return Ended(code)

    async def ended(self) -> Ended:
        return await asyncio.shield(self._end)

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def _signal(self, number: int) -> None:
        pgid = getattr(self._provisioner, "pgid", None)
        if pgid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pgid, number)

    async def park(self, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """It can't outlive this process."""
        return None

    def release(self) -> None:
        """There is nothing to release."""

    async def kill(self) -> None:
        if not self._end.done() and getattr(self._provisioner, "pgid", None) is None:
            await self._provisioner.kill()
        if not self._end.done():
            self._signal(signal.SIGKILL)
        await asyncio.shield(self._end)
        await self._provisioner.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


class Kernels(Protocol):
    """Where kernels come from."""

    async def take(
        self,
        spec: Any,
        name: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        parks: bool = False,
    ) -> Kernel:
        """A kernel nobody has used; `parks` says that it may be parked in the end."""
        ...

    async def resume(self, key: str) -> tuple[Kernel, Mapping[str, Any]] | None:
        """The kernel parked for a task run and what the keeper says of it; `None` if it is gone."""
        ...


class Stock:
    """Kernels started when they are needed."""

    async def take(
        self,
        spec: Any,
        name: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        parks: bool = False,
    ) -> Kernel:
        return await StockKernel.start(spec, name, cwd=cwd, env=env, log=log)

    async def resume(self, key: str) -> None:
        return None


@contextlib.contextmanager
def _manager(spec: Any, name: str) -> Iterator[tuple[Any, Path]]:
    """A kernel manager and the folder of its sockets, which goes if the kernel doesn't come.

    Raises `NoKernel`.
    """
    from jupyter_client.manager import AsyncKernelManager

    folder = socket_folder()
    manager = AsyncKernelManager(kernel_name=name, transport="ipc", ip=str(folder / "k"))
    manager.connection_file = str(folder / "k.json")
    manager._kernel_spec = spec
    try:
        yield manager, folder
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, Exception):
            raise
        raise NoKernel(f"The kernel '{name}' can't be started: {error}") from error


def _options(spec: Any) -> list[str]:
    return ["--HistoryManager.enabled=False"] if is_ipykernel(spec) else []


async def command(
    spec: Any, name: str, *, cwd: Path, env: Mapping[str, str], log: Path
) -> dict[str, Any]:
    """What another process needs to start a kernel. Raises `NoKernel`."""
    with _manager(spec, name) as (manager, folder):
        argv, told = await manager.pre_start_kernel(
            cwd=str(cwd), env=dict(env), extra_arguments=_options(spec)
        )
        file = folder / "k.json"
        text = file.read_text()
        manager.cleanup_connection_file()  # now, so that it doesn't when it is collected
        file.touch(mode=0o600)
        file.write_text(text)
    return {
        "argv": argv,
        "env": dict(told["env"]),
        "cwd": str(cwd),
        "log": str(log),
        "connection": json.loads(text),
        "folder": str(folder),
    }


async def readable_end(pid: int) -> None:
    """Wait for a process of ours to end, without polling."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(watch, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(watch)
        os.close(watch)
