"""The named transactions: claims, leases, unique fires, kv … each one DuckDB transaction, answered."""

from . import admission, any_rows, backfills, flow_triggers, flows, hosts, pairs, triggers
from .transaction import READING, READS, Transaction, about, perform

__all__ = [
    "READING",
    "READS",
    "Transaction",
    "about",
    "admission",
    "any_rows",
    "backfills",
    "flow_triggers",
    "flows",
    "hosts",
    "pairs",
    "perform",
    "triggers",
]
