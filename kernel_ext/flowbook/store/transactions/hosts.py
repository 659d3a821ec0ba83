"""Hosts, which of them owns an execution, and leases."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowbook.errors import Conflict
from flowbook.store.rows import HostInfo, is_alive

from .transaction import Rows, Transaction, action, reading

DEAD_AFTER = 10.0
"""Seconds a host's connection must have been closed before its executions may be adopted."""


@action()
def register_host(
    tx: Transaction,
    *,
    id: str,
    kind: str,
    pid: int,
    pid_started: str,
    machine: str,
    busy: bool = False,
) -> Rows:
    """A host says that it is there."""
    return [
        tx.put(
            "hosts",
            id=id,
            kind=kind,
            pid=pid,
            pid_started=pid_started,
            machine=machine,
            started_at=tx.now,
            seen_at=tx.now,
            ended_at=None,
            busy=busy,
        )
    ]


@action("hosts", "owners", "executions", "leases")
def end_host(tx: Transaction, *, id: str) -> Rows:
    """A host says goodbye: its leases are free, and what it still owns may be claimed at once."""
    host = tx.row("hosts", id)
    if host is not None:
        tx.put("hosts", **{**host, "ended_at": tx.now, "seen_at": tx.now})
    left = tx.query("owned_by", host=id)
    for owner in left:
        tx.put("owners", execution_id=owner["execution_id"], host=None, epoch=owner["epoch"])
    for lease in tx.query("leases_of", host=id):
        _hold(tx, lease["name"], None, lease["epoch"], tx.now)
    return [{"execution_id": owner["execution_id"]} for owner in left]


@action("owners", "hosts")
def claim_execution(tx: Transaction, *, execution_id: str, host: str) -> Rows:
    """Make a host the owner, with a new epoch. Raises: Conflict while a living host owns it."""
    owner = tx.row("owners", execution_id)
    if owner is not None and owner["host"] not in (None, host) and not is_dead(tx, owner["host"]):
        raise Conflict(f"Execution {execution_id} is driven by {owner['host']}.")
    epoch = (owner["epoch"] if owner else 0) + 1
    tx.put("owners", execution_id=execution_id, host=host, epoch=epoch)
    return [{"epoch": epoch}]


@action("owners")
def release_execution(
    tx: Transaction, *, execution_id: str, host: str, epoch: int | None = None
) -> Rows:
    """Give an execution up; its epoch is remembered, so that nobody comes back with it."""
    owner = tx.row("owners", execution_id)
    if owner is None or owner["host"] != host or (epoch is not None and owner["epoch"] != epoch):
        return [{"released": False}]
    tx.put("owners", execution_id=execution_id, host=None, epoch=owner["epoch"])
    return [{"released": True}]


@reading("executions", "owners", "hosts")
def adoptable(tx: Transaction, *, host: str) -> Rows:
    """Executions that aren't over and whose owner is dead or has given them up; `reason` says which."""
    found = []
    dead: dict[str, bool] = {}
    for row in tx.query("not_over"):
        owner = row["host"]
        if owner == host:
            continue
        if owner is None:
            if row["epoch"] is not None:
                found.append({**row, "reason": "released"})
            continue
        if owner not in dead:
            dead[owner] = is_dead(tx, owner)
        if dead[owner]:
            found.append({**row, "reason": "host lost"})
    return found


@reading("hosts")
def hosts_list(tx: Transaction) -> Rows:
    """The hosts that haven't ended, with what the storekeeper knows of their connection."""
    return [
        {**host, "connected": tx.absent(host["id"]) is None, "dead": is_dead(tx, host["id"])}
        for host in tx.query("hosts_open")
    ]


def is_dead(tx: Transaction, host: str) -> bool:
    """Closed for ten seconds and its process gone; a connected host never is."""
    row = tx.row("hosts", host)
    if row is not None and row["ended_at"] is not None:
        return True
    absent = tx.absent(host)
    if absent is None or absent < DEAD_AFTER:
        return False
    if row is None:
        return True
    names = ("id", "kind", "pid", "pid_started", "machine")
    return is_alive(HostInfo(**{name: row[name] for name in names})) is not True


@action("leases", "hosts")
def lease(tx: Transaction, *, name: str, host: str, seconds: float) -> Rows:
    """Take or keep a lease; the answer says who holds it. The epoch grows when the holder changes."""
    row = tx.row("leases", name)
    until = tx.now + timedelta(seconds=seconds)
    if row is not None and row["host"] not in (None, host):
        holder = row["host"]
        lost = tx.absent(holder) is not None and row["until"] <= tx.now
        if not lost and not is_dead(tx, holder) and row["until"] > tx.now:
            return [{"holder": holder, "epoch": row["epoch"], "held": False, "until": row["until"]}]
    keeps = row is not None and row["host"] == host
    epoch = row["epoch"] if row is not None and keeps else (row["epoch"] if row else 0) + 1
    _hold(tx, name, host, epoch, until)
    return [{"holder": host, "epoch": epoch, "held": True, "until": until}]


@action("leases")
def release_lease(tx: Transaction, *, name: str, host: str) -> Rows:
    """Let a lease go."""
    row = tx.row("leases", name)
    if row is None or row["host"] != host:
        return [{"released": False}]
    _hold(tx, name, None, row["epoch"], tx.now)
    return [{"released": True}]


def _hold(tx: Transaction, name: str, host: str | None, epoch: int, until: datetime) -> None:
    """Leases are no history: written in place, without an event."""
    tx.cursor.execute(
        "insert or replace into leases values (?, ?, ?, ?)", [name, host, epoch, until]
    )
