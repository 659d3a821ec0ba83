"""`python -m flowbook.kernels FOLDER [IDLE]`: the kernelkeeper's process."""

from __future__ import annotations

import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    from flowbook.elected import Seat

    folder, *rest = arguments
    seat = Seat(Path(folder), "kernels")
    if seat.take() is None:
        return 0
    import asyncio
    import signal

    from .keeper import IDLE, Keeper

    async def serve() -> None:
        keeper = Keeper(Path(folder), idle=float(rest[0]) if rest else IDLE)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, keeper.end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            await keeper.serve(seat.listen())
        finally:
            seat.leave()

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
