"""Key-value pairs and the cache."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flowbook.errors import Conflict

from .transaction import Rows, Transaction, action, reading


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
