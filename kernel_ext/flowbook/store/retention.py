"""What is removed when its time is over: executions with their files, then older records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowbook.storage.uri import execution_prefix

from .rows import RECORDS

if TYPE_CHECKING:
    from flowbook.storage.files import Storage

    from .client import Store

PAGE = 200
EXECUTIONS = timedelta(days=90)
LOGS = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept; None means for ever. `flows` says it for single flows, by `ns.id`."""

    executions: timedelta | None = EXECUTIONS
    logs: timedelta | None = LOGS
    flows: Mapping[str, Retention] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took, or would take: executions (id, namespace, flow_id), and rows of records."""

    executions: tuple[Mapping[str, Any], ...]
    records: int


async def sweep(
    store: Store, storage: Storage, retention: Retention, *, now: datetime, dry_run: bool = False
) -> Swept:
    """Remove what is older than it is kept. Never what isn't over, nor the newest of each flow.

    Files go before rows: a sweep that is interrupted is finished by the next one.
    """
    expired = [
        row for row in await store.query("executions_over") if _is_expired(row, retention, now)
    ]
    taken = tuple(
        {"id": row["id"], "namespace": row["namespace"], "flow_id": row["flow_id"]}
        for row in expired
    )
    records = 0
    if dry_run:
        return Swept(taken, records)
    for start in range(0, len(taken), PAGE):
        page = taken[start : start + PAGE]
        for row in page:
            prefix = execution_prefix(row["namespace"], row["flow_id"], row["id"])
            storage.delete(f"kestra:///{prefix}")
        await store.purge([row["id"] for row in page])
    records += await _records(store, retention, now)
    await store.compact(now - (retention.executions or EXECUTIONS))
    return Swept(taken, records)


async def _records(store: Store, retention: Retention, now: datetime) -> int:
    gone = 0
    for name, own in retention.flows.items():
        namespace, _, flow = name.rpartition(".")
        if own.logs is not None:
            for table in RECORDS:
                gone += await store.purge_records(
                    table, before=now - own.logs, namespace=namespace, flow_id=flow
                )
    longer = any(
        own.logs is None or own.logs > (retention.logs or LOGS) for own in retention.flows.values()
    )
    if retention.logs is not None and not longer:
        for table in RECORDS:
            gone += await store.purge_records(table, before=now - retention.logs)
    elif retention.logs is not None:  # some flow keeps its records longer than the rest
        for row in await store.query("flows_with_executions"):
            if f"{row['namespace']}.{row['flow_id']}" in retention.flows:
                continue
            for table in RECORDS:
                gone += await store.purge_records(
                    table,
                    before=now - retention.logs,
                    namespace=row["namespace"],
                    flow_id=row["flow_id"],
                )
    return gone


def _is_expired(row: Mapping[str, Any], retention: Retention, now: datetime) -> bool:
    own = retention.flows.get(f"{row['namespace']}.{row['flow_id']}", retention)
    ended: datetime | None = row["ended_at"]
    return own.executions is not None and ended is not None and ended < now - own.executions
