"""Windows of Flow triggers in an engine that holds the lease, on the real clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

LATE = """
id: late
namespace: demo
tasks: [{id: one, type: core.debug.Return, format: hi}]
triggers:
  - id: both
    type: core.trigger.Flow
    dependsOn: [{namespace: demo, flowId: early}, {namespace: demo, flowId: never}]
    window: {every: PT2S}
    onMiss: {behavior: FAIL, labels: {late: "yes"}}
"""


def test_each_window_that_is_missed_is_told_once(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(LATE)
            rows = await at.fired(2, "late")

            assert {row["state"] for row in rows} == {"FAILED"}
            ends = [row["trigger"]["variables"]["date"] for row in rows]
            assert len(set(ends)) == len(ends)
            labels = {label["key"]: label["value"] for label in rows[0]["labels"]}
            assert labels["late"] == "yes"

    asyncio.run(body())
