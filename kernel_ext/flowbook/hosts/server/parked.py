"""Parked kernels among the kernels of a Jupyter Server: in its list, its *Running* panel, its notebooks.

Theory of operation. A server lists kernels of other processes whose connection files lie in a folder
(`external_connection_dir`); the keeper's are in one. Where the server's owner has named another folder,
links to the files are put there, one for each kernel that is opened. A server doesn't end a kernel it
has not started, nor interrupts it, so both are done here for these.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async

from flowbook.elected import Seat
from flowbook.kernels.parked import find_by_id
from flowbook.kernels.warm import Warm


def follow(manager: Any, folder: Path) -> None:
    """Have a kernel manager list the kernels whose connection files lie in a keeper's folder."""
    if not hasattr(manager, "kernel_id_to_connection_file"):
        return  # its kernels run elsewhere
    if manager.external_connection_dir is None:
        manager.external_connection_dir = str(folder)
    warm = Warm(Seat(folder.parent, "kernels"))
    shut_down, interrupt = manager.shutdown_kernel, manager.interrupt_kernel

    def ours(kernel_id: str) -> str | None:
        file = manager.kernel_id_to_connection_file.get(kernel_id)
        is_ours = file is not None and file.resolve().parent == folder.resolve()
        return file.resolve().stem if is_ours else None

    async def shutdown_kernel(kernel_id: str, *args: Any, **options: Any) -> None:
        if (own := ours(kernel_id)) is None:
            await ensure_async(shut_down(kernel_id, *args, **options))
        else:
            await warm.end_parked([own])
            manager.list_kernel_ids()

    async def interrupt_kernel(kernel_id: str) -> None:
        if (own := ours(kernel_id)) is None:
            await ensure_async(interrupt(kernel_id))
        elif (kernel := await find_by_id(warm, own)) is not None:
            await kernel.interrupt()

    manager.shutdown_kernel, manager.interrupt_kernel = shutdown_kernel, interrupt_kernel


def listed(manager: Any, file: Path) -> str | None:
    """The id under which a kernel manager lists the kernel of a connection file; `None` if it can't."""
    folder = getattr(manager, "external_connection_dir", None)
    if folder is None:
        return None
    if Path(folder) != file.parent:
        file = _linked(file, Path(folder))
    manager.list_kernel_ids()
    for kernel_id, known in manager.kernel_id_to_connection_file.items():
        if Path(known) == file:
            return str(kernel_id)
    return None


def _linked(file: Path, folder: Path) -> Path:
    link = folder / f"flowbook-{file.name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(file)
    return link
