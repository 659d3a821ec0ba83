"""What all SQL tasks share: their properties, and how the result is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.task import RunnableTask

from .rows import FetchType

SKIPPED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$"
NAMED = re.compile(rf"({SKIPPED})|(?<![:\w]):([A-Za-z_]\w*)", re.DOTALL)


class QueryTask(RunnableTask):
    """A task that runs SQL."""

    url: Dynamic[str | None] = None
    """Which database: `jdbc:…`."""
    username: Dynamic[str | None] = None
    """Who connects."""
    password: Dynamic[str | None] = None
    """The password of that user."""
    sql: Dynamic[str]
    """The statements; the last one's result counts."""
    parameters: Dynamic[Mapping[str, Json] | None] = None
    """Values for `:name` in the SQL."""
    fetch_type: Dynamic[FetchType] = FetchType.NONE
    """FETCH: output `rows`; FETCH_ONE: output `row`; STORE: a file of JSON lines, output `uri`; NONE."""
    fetch: Dynamic[bool] = False
    """Older form of `fetchType: FETCH`."""
    fetch_one: Dynamic[bool] = False
    """Older form of `fetchType: FETCH_ONE`."""
    store: Dynamic[bool] = False
    """Older form of `fetchType: STORE`."""
    fetch_size: Dynamic[int] = 10000
    """Rows taken from the database at a time."""
    time_zone_id: Dynamic[str | None] = None
    """The zone that dates without one are in."""
    ignore_missing: Dynamic[bool] = False
    """A missing table gives no rows instead of a failure."""
    chunk_size: Json = None
    """Accepted and left alone."""
    connection_properties: Json = None
    """Further settings of the connection."""
    connection_timeout: Json = None
    """Accepted and left alone."""
    read_timeout: Json = None
    """Accepted and left alone."""

    async def wanted(self, context: Context) -> frozenset[FetchType]:
        """What is to become of the rows."""
        chosen = {await context.render(self.fetch_type)}
        older = (
            (self.fetch, FetchType.FETCH),
            (self.fetch_one, FetchType.FETCH_ONE),
            (self.store, FetchType.STORE),
        )
        for given, kind in older:
            if await context.render(given):
                chosen.add(kind)
        return frozenset(chosen - {FetchType.NONE})


def placeholders(sql: str, names: Mapping[str, Json], mark: str) -> str:
    """The SQL with `:name` written as the database wants it; only names that have a value."""

    def replaced(found: re.Match[str]) -> str:
        return mark + found[2] if found[2] in names else found[0]

    return NAMED.sub(replaced, sql) if names else sql
