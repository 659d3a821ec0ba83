"""Who owns an execution is known whether the history is short or long."""

from __future__ import annotations

import pytest

from flowbook.store import owners
from flowbook.store.client import Store
from flowbook.store.rows import HostInfo, Owner, StaleOwner
from flowbook.workspace.place import Place

from .conftest import event

pytestmark = pytest.mark.anyio
MINE, OTHERS = Owner("host-1", 1), Owner("host-2", 1)


@pytest.mark.parametrize(("read", "kept"), [(20_000, 100_000), (3, 100_000), (20_000, 4), (3, 4)])
async def test_an_execution_belongs_to_whoever_came_first(
    place: Place, monkeypatch: pytest.MonkeyPatch, read: int, kept: int
) -> None:
    """Also when there are more than are read at once, or kept in memory."""
    monkeypatch.setattr(owners, "READ", read)
    monkeypatch.setattr(owners, "KEPT", kept)
    host = HostInfo.here("host-1", "script")
    for opened in range(2):
        async with await Store.open(place, host=host, embedded=True) as store:
            for number in range(10):
                id = f"e{opened}-{number}"
                await store.append([event(id)], [], MINE)
                for known in (id, "e0-0", f"e{opened}-{number // 2}"):
                    await store.append([event(known)], [], MINE)
                    with pytest.raises(StaleOwner, match="belongs to host-1"):
                        await store.append([event(known)], [], OTHERS)
            await store.transact("claim_execution", execution_id="e0-3", host="host-1")
            with pytest.raises(StaleOwner, match=f"epoch {opened + 2}"):
                await store.append([event("e0-3")], [], MINE)
            await store.purge(["e0-7"])
            await store.append([event("e0-7")], [], OTHERS)
            with pytest.raises(StaleOwner, match="belongs to host-2"):
                await store.append([event("e0-7")], [], MINE)
            await store.purge(["e0-7"])
