"""`python -m flowbook.store DATABASE STORAGE RUNTIME`: the storekeeper's process."""

from __future__ import annotations

import sys
from pathlib import Path


class _Without:
    """The keeper runs no user code: what DuckDB would import on its first parameter stays out (290 ms)."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in ("pandas", "numpy"):
            raise ModuleNotFoundError(name)


def main(arguments: list[str]) -> int:
    from flowbook.elected import Seat

    database, storage, runtime, *rest = arguments
    seat = Seat(Path(runtime), "store")
    if seat.take() is None:
        return 0
    import asyncio
    import logging
    import signal

    sys.setswitchinterval(0.0005)  # loop, writer and projector hand over quickly
    sys.meta_path.insert(0, _Without())
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    from .keeper import IDLE, Keeper

    async def serve() -> None:
        keeper = Keeper(Path(database), Path(storage), idle=float(rest[0]) if rest else IDLE)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, keeper.end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            await keeper.serve(seat.listen())
        finally:
            seat.leave()

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
