"""The named transactions: claims, leases, unique fires, kv … each one DuckDB transaction, answered.

A transaction reads by named query and writes whole rows by `put` and `delete`; its writes become
the changes of one event, so that the tables can be rebuilt from events alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from flowbook.errors import Conflict, FlowbookError, NotFound

from . import frames
from .duckdb import Database
from .named import statements
from .project import Row
from .rows import RECORDS, HostInfo, is_alive

Rows: TypeAlias = list[dict[str, Any]]
DEAD_AFTER = 10.0
"""Seconds a host's connection must have been closed before its executions may be adopted."""


@dataclass(slots=True)
class Transaction:
    """What a named transaction reads and writes with."""

    database: Database
    cursor: Any
    now: datetime
    absent: Callable[[str], float | None]
    """Seconds since a host's connection closed; None while it is connected."""
    changes: list[Row] = field(default_factory=list)
    reads: Set[str] = frozenset()
    _written: dict[tuple[str, tuple[Any, ...]], dict[str, Any] | None] = field(default_factory=dict)

    def query(self, name: str, **parameters: Any) -> Rows:
        """The rows of a named query, as of the start of the transaction."""
        statement = statements()[name]
        self._allow(self.database.tables_in(statement.sql) or set())
        return self.database.rows(self.cursor, statement.sql, statement.bind(parameters))

    def row(self, table: str, *key: Any) -> dict[str, Any] | None:
        """One row by its primary key, with what this transaction has written."""
        if (table, key) in self._written:
            return self._written[table, key]
        self._allow({table})
        columns = self.database.tables[table].key
        where = " and ".join(f'"{column}" = ${index + 1}' for index, column in enumerate(columns))
        found = self.database.rows(
            self.cursor,
            f'select * from "{table}" where {where}',
            {str(index + 1): value for index, value in enumerate(key)},
        )
        return found[0] if found else None

    def _allow(self, tables: Set[str]) -> None:
        if unsaid := tables - self.reads:
            raise RuntimeError(f"A transaction reads {', '.join(sorted(unsaid))} without saying so")

    def put(self, table: str, **values: Any) -> dict[str, Any]:
        """Write one whole row."""
        shape = self.database.tables[table]
        if unknown := values.keys() - shape.columns.keys():
            raise TypeError(f"{table} has no column {', '.join(sorted(unknown))}")
        key = tuple(values[column] for column in shape.key)
        row = {column: values.get(column) for column in shape.columns}
        self._written[table, key] = row
        self.changes.append((table, frames.text(key), frames.text(row)))
        return row

    def delete(self, table: str, *key: Any) -> None:
        """Remove one row."""
        self._written[table, key] = None
        self.changes.append((table, frames.text(key), None))


Action: TypeAlias = Callable[..., Rows]
ACTIONS: dict[str, Action] = {}
READS: dict[str, frozenset[str]] = {}
"""Which tables a transaction reads: they are brought up to date before it."""
READING: set[str] = set()


def action(*tables: str) -> Callable[[Action], Action]:
    """Make a function a named transaction that reads these tables."""

    def known(function: Action) -> Action:
        ACTIONS[function.__name__] = function
        READS[function.__name__] = frozenset(tables)
        return function

    return known


def reading(*tables: str) -> Callable[[Action], Action]:
    """Make it a transaction that only reads: it doesn't wait for writers."""

    def known(function: Action) -> Action:
        READING.add(function.__name__)
        return action(*tables)(function)

    return known


def perform(transaction: Transaction, name: str, parameters: Mapping[str, Any]) -> Rows:
    """Carry out a transaction by name. Raises: FlowbookError."""
    known = ACTIONS.get(name)
    if known is None:
        raise NotFound(
            f"The store has no transaction {name!r}; there are: {', '.join(sorted(ACTIONS))}"
        )
    transaction.reads = READS[name]
    try:
        return known(transaction, **parameters)
    except TypeError as error:
        raise FlowbookError(f"{name}: {error}") from error


# -- flows ---------------------------------------------------------------------------------------


@action("flows", "revisions")
def save_flow(
    tx: Transaction,
    *,
    namespace: str,
    id: str,
    source: str,
    digest: str | None = None,
    folder: str | None = None,
    origin: str | None = None,
    labels: Any = None,
    description: str | None = None,
    disabled: bool = False,
    draft: bool = False,
    expected: int | None = None,
) -> Rows:
    """A new revision if the text changed, a draft became published, or a deleted flow comes back.

    `expected` is the revision that was edited: if it isn't the latest any more the answer is Conflict.
    """
    flow = tx.row("flows", namespace, id)
    latest = tx.query("latest_revision", namespace=namespace, flow_id=id)
    last = latest[0] if latest else None
    if expected is not None and last is not None and last["revision"] != expected:
        raise Conflict(
            f"Flow {namespace}.{id} was changed since revision {expected}: the latest is {last['revision']}."
        )
    same = last is not None and last["source"] == source and (bool(last["draft"]) or not draft)
    if same and last is not None and last["draft"] and not draft:  # the draft is published as it is
        tx.put("revisions", **{**last, "draft": False})
    is_new = not same or (flow is not None and bool(flow["deleted"]))
    revision = (last["revision"] if last else 0) + (1 if is_new else 0)
    if is_new:
        tx.put(
            "revisions",
            namespace=namespace,
            flow_id=id,
            revision=revision,
            source=source,
            digest=digest,
            folder=folder,
            draft=draft,
            deleted=False,
            created_at=tx.now,
        )
    row = {
        "namespace": namespace,
        "id": id,
        "revision": revision,
        "disabled": disabled,
        "deleted": False,
        "origin": origin,
        "labels": labels,
        "description": description,
        "draft": draft,
    }
    if draft and flow is not None and not flow["draft"] and not flow["deleted"]:
        # a draft beside a published flow: what is scheduled and shown stays the published revision
        return [{"revision": revision, "new": is_new, "published": flow["revision"]}]
    if flow is None or any(flow[name] != value for name, value in row.items()):
        tx.put("flows", **row, updated_at=tx.now)
    return [{"revision": revision, "new": is_new, "published": None if draft else revision}]


@action("flows", "triggers")
def delete_flow(tx: Transaction, *, namespace: str, id: str) -> Rows:
    """Mark a flow deleted; its revisions and history stay, its triggers go."""
    flow = tx.row("flows", namespace, id)
    if flow is None or flow["deleted"]:
        return [{"deleted": False}]
    tx.put("flows", **{**flow, "deleted": True, "updated_at": tx.now})
    for trigger in tx.query("triggers_of", namespace=namespace, flow_id=id):
        tx.delete("triggers", namespace, id, trigger["trigger_id"])
    return [{"deleted": True, "revision": flow["revision"]}]


@action("flows")
def disable_flow(tx: Transaction, *, namespace: str, id: str, disabled: bool = True) -> Rows:
    """Switch a flow off or on without a new revision."""
    flow = tx.row("flows", namespace, id)
    if flow is None or flow["deleted"]:
        raise NotFound(f"Flow {namespace}.{id} isn't there.")
    if bool(flow["disabled"]) != disabled:
        tx.put("flows", **{**flow, "disabled": disabled, "updated_at": tx.now})
    return [{"disabled": disabled}]


# -- hosts and who owns what ---------------------------------------------------------------------


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
    if owner is not None and owner["host"] not in (None, host) and not _is_dead(tx, owner["host"]):
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
            dead[owner] = _is_dead(tx, owner)
        if dead[owner]:
            found.append({**row, "reason": "host lost"})
    return found


@reading("hosts")
def hosts_list(tx: Transaction) -> Rows:
    """The hosts that haven't ended, with what the storekeeper knows of their connection."""
    return [
        {**host, "connected": tx.absent(host["id"]) is None, "dead": _is_dead(tx, host["id"])}
        for host in tx.query("hosts_open")
    ]


def _is_dead(tx: Transaction, host: str) -> bool:
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
        if not lost and not _is_dead(tx, holder) and row["until"] > tx.now:
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


# -- triggers ------------------------------------------------------------------------------------


@action("fires")
def fire(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    date: datetime | str,
    execution_id: str,
    note: str | None = None,
) -> Rows:
    """True for the first who fires a trigger's date; others get the execution that was first."""
    key = date.astimezone(UTC).isoformat() if isinstance(date, datetime) else date
    row = tx.row("fires", namespace, flow_id, trigger_id, key)
    if row is not None:
        return [{"fired": False, "execution_id": row["execution_id"]}]
    tx.put(
        "fires",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        date=key,
        execution_id=execution_id,
        created_at=tx.now,
        note=note,
    )
    return [{"fired": True, "execution_id": execution_id}]


@action("triggers")
def save_trigger(
    tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str, **values: Any
) -> Rows:
    """Write what is given of a trigger's row; the rest stays."""
    row = tx.row("triggers", namespace, flow_id, trigger_id) or {}
    wanted = {**row, **values, "namespace": namespace, "flow_id": flow_id, "trigger_id": trigger_id}
    if wanted == row:
        return [row]
    return [tx.put("triggers", **{**wanted, "updated_at": tx.now})]


@action("triggers")
def delete_trigger(tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str) -> Rows:
    """Forget a trigger's state."""
    found = tx.row("triggers", namespace, flow_id, trigger_id) is not None
    if found:
        tx.delete("triggers", namespace, flow_id, trigger_id)
    return [{"deleted": found}]


# -- key-value pairs and cache -------------------------------------------------------------------


@action("kv")
def kv_set(
    tx: Transaction,
    *,
    namespace: str,
    key: str,
    value: Any,
    kind: str | None = None,
    description: str | None = None,
    ttl: float | None = None,
    expires_at: datetime | None = None,
    overwrite: bool = True,
) -> Rows:
    """Set a pair; `ttl` is in seconds. Raises: Conflict if it is there and may not be overwritten."""
    row = tx.row("kv", namespace, key)
    if row is not None and not overwrite and not _is_expired(tx, row):
        raise Conflict(
            f"Cannot set value for key '{key}'. Key already exists and `overwrite` is set to `false`."
        )
    expires = tx.now + timedelta(seconds=ttl) if ttl is not None else expires_at
    return [
        tx.put(
            "kv",
            namespace=namespace,
            key=key,
            kind=kind,
            value=value,
            description=description,
            created_at=row["created_at"] if row else tx.now,
            updated_at=tx.now,
            expires_at=expires,
        )
    ]


@reading("kv")
def kv_get(tx: Transaction, *, namespace: str, key: str) -> Rows:
    """The pair, or no row; what has expired isn't there."""
    row = tx.row("kv", namespace, key)
    return [] if row is None or _is_expired(tx, row) else [row]


@reading("kv")
def kv_keys(tx: Transaction, *, namespace: str, prefix: str = "") -> Rows:
    """The pairs of a namespace whose key begins with `prefix`, without values."""
    return tx.query("kv_listed", namespace=namespace, prefix=prefix, now=tx.now)


@action("kv")
def kv_delete(tx: Transaction, *, namespace: str, key: str) -> Rows:
    """Remove a pair; says whether it was there."""
    row = tx.row("kv", namespace, key)
    if row is not None:
        tx.delete("kv", namespace, key)
    return [{"deleted": row is not None and not _is_expired(tx, row)}]


@action()
def cache_set(
    tx: Transaction,
    *,
    key: str,
    value: Any = None,
    uri: str | None = None,
    ttl: float | None = None,
) -> Rows:
    """Remember a value or a file under a key."""
    expires = tx.now + timedelta(seconds=ttl) if ttl is not None else None
    return [tx.put("cache", key=key, value=value, uri=uri, created_at=tx.now, expires_at=expires)]


@reading("cache")
def cache_get(tx: Transaction, *, key: str) -> Rows:
    """What the cache holds under a key, or no row."""
    row = tx.row("cache", key)
    return [] if row is None or _is_expired(tx, row) else [row]


@action("cache")
def cache_add(
    tx: Transaction,
    *,
    key: str,
    by: float = 1,
    ttl: float | None = None,
    start: float = 0,
    least: float | None = None,
    refresh: bool = False,
) -> Rows:
    """Count up or down atomically, not below `least`; `ttl` counts from the first time, or with
    `refresh` from the last."""
    row = tx.row("cache", key)
    if row is not None and _is_expired(tx, row):
        row = None
    before = row["value"] if row else start
    if isinstance(before, bool) or not isinstance(before, int | float):
        raise Conflict(f"The value of '{key}' is no number")
    value = before + by
    if least is not None:
        value = max(value, least)
    expires = tx.now + timedelta(seconds=ttl) if ttl is not None else None
    if row and not refresh:
        expires = row["expires_at"]
    return [tx.put("cache", key=key, value=value, uri=None, created_at=tx.now, expires_at=expires)]


@action("cache")
def cache_delete(tx: Transaction, *, key: str) -> Rows:
    """Forget a key."""
    found = tx.row("cache", key) is not None
    if found:
        tx.delete("cache", key)
    return [{"deleted": found}]


def _is_expired(tx: Transaction, row: Mapping[str, Any]) -> bool:
    expires = row["expires_at"]
    return expires is not None and expires <= tx.now


# -- rows of any latest-state table --------------------------------------------------------------


@action()
def put_rows(tx: Transaction, *, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Write whole rows, each with its "table": namespaces, windows, backfills, batches, files, audit."""
    for row in rows:
        values = dict(row)
        table = values.pop("table")
        if table in ("events", "meta", "seen", "leases", "owners", *RECORDS):
            raise FlowbookError(f"{table} isn't written by rows")
        tx.put(table, **values)
    return [{"rows": len(rows)}]


@action()
def delete_rows(tx: Transaction, *, table: str, keys: Sequence[Sequence[Any]]) -> Rows:
    """Delete rows by primary key."""
    if table in ("events", "meta", "seen", "leases", "owners", *RECORDS):
        raise FlowbookError(f"{table} isn't written by rows")
    for key in keys:
        tx.delete(table, *key)
    return [{"rows": len(keys)}]
