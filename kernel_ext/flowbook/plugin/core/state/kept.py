"""What the state tasks share: a map kept between executions, in the key-value pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.task import RunnableTask


class StateTask(RunnableTask):
    """A task about a state. The `kv` tasks do more."""

    name: Dynamic[str] = "default"
    """The state's name."""
    namespace: Dynamic[bool] = False
    """Share it among all flows of the namespace."""
    taskrun_value: Dynamic[bool] = True
    """Inside an iteration keep one for each value."""

    async def place(self, context: Context) -> str:
        """The key of the pair."""
        parts = ["states", await context.render(self.name)]
        if not await context.render(self.namespace):
            parts.insert(1, context.flow_id)
        run = context.variables.get("taskrun")
        value = run.get("value") if isinstance(run, Mapping) else None
        if value is not None and await context.render(self.taskrun_value):
            parts.append(hashlib.sha256(str(value).encode()).hexdigest()[:16])
        return ".".join(parts)

    async def kept(self, context: Context) -> Mapping[str, Json] | None:
        """The state as it is."""
        found = await (await context.kv()).get(await self.place(context))
        return None if found is None else found["value"]
