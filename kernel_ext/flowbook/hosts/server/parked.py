"""Parked kernels among the kernels of a Jupyter Server: in its list, its *Running* panel, its notebooks.

Theory of operation. A server lists kernels of other processes whose connection files lie in a folder
(`external_connection_dir`); the keeper's are in one. Where the server's owner has named another folder,
links to the files are put there, one for each kernel that is opened. A server doesn't end a kernel it
has not started, so shutting one of these down is passed on to the keeper.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async

from flowbook.elected import Seat
from flowbook.kernels.warm import Warm


def follow(manager: Any, folder: Path) -> None:
    """Have a kernel manager list the kernels whose connection files lie in a keeper's folder."""
    if not hasattr(manager, "kernel_id_to_connection_file"):
        return  # its kernels run elsewhere
    if manager.external_connection_dir is None:
        manager.external_connection_dir = str(folder)
    shut_down = manager.shutdown_kernel

    async def shutdown_kernel(kernel_id: str, *args: Any, **options: Any) -> None:
        file = manager.kernel_id_to_connection_file.get(kernel_id)
        if file is None or file.resolve().parent != folder.resolve():
            await ensure_async(shut_down(kernel_id, *args, **options))
            return
        await Warm(Seat(folder.parent, "kernels")).end_parked([file.resolve().stem])
        manager.list_kernel_ids()

    manager.shutdown_kernel = shutdown_kernel


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
