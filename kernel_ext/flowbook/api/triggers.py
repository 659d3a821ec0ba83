"""What a workspace says and does about triggers: schedules, backfills, switches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.kinds.dynamic import Json

from .backfills import Backfill
from .face import Face

if TYPE_CHECKING:
    from flowbook.engine.flow_triggers import Follows
    from flowbook.engine.schedules import Fires
    from flowbook.flows.model import Flow


class Triggers(Face):
    """Triggers by their flow, `namespace.id`, and their id, which may be left out where there is one."""

    def triggers(self) -> list[dict[str, Any]]:
        """Triggers with their next and last date."""
        return self.portal.call(self.engine.store.query("triggers_list"))

    def schedules(self, namespace: str | None = None) -> list[Fires]:
        """When each schedule fires next, the soonest first."""
        from flowbook.engine.schedules import next_fires

        return self.portal.call(next_fires(self.engine.store, self.engine.clock.now(), namespace))

    def flow_triggers(self, namespace: str | None = None) -> list[Follows]:
        """What each Flow trigger waits for, and when it fired last."""
        from flowbook.engine.flow_triggers import follows

        return self.portal.call(follows(self.engine, namespace))

    def schedule(
        self,
        notebook: str | Path,
        cron: str,
        *,
        timezone: str | None = None,
        inputs: Mapping[str, Json] | None = None,
        id: str | None = None,
        namespace: str | None = None,
    ) -> Flow:
        """Write a small flow into `flows/` that runs a notebook at the dates of a cron expression, and
        deploy it. A server (JupyterLab, or `flowbook server`) fires it."""
        from flowbook.engine.notebook_flow import schedule_notebook

        made = schedule_notebook(
            self.engine,
            notebook,
            cron,
            timezone=timezone,
            inputs=inputs,
            id=id,
            namespace=namespace,
        )
        return self.portal.call(made)

    def enable_trigger(self, flow: str, trigger: str | None = None) -> str:
        """Let a trigger fire again; missed dates follow its `recoverMissedSchedules`. Its id. Raises `Conflict`."""
        from flowbook.engine.trigger_control import switch

        return self.portal.call(switch(self.engine, flow, trigger, disabled=False))

    def disable_trigger(self, flow: str, trigger: str | None = None) -> str:
        """Keep a trigger from firing; a backfill of it is dropped. Its id. Raises `Conflict`."""
        from flowbook.engine.trigger_control import switch

        return self.portal.call(switch(self.engine, flow, trigger, disabled=True))

    def unlock_trigger(self, flow: str, trigger: str | None = None) -> str:
        """Let a schedule go on without waiting for its last execution. Its id. Raises `Conflict`."""
        from flowbook.engine.trigger_control import unlock

        return self.portal.call(unlock(self.engine, flow, trigger))

    def backfill(
        self,
        flow: str,
        trigger: str | None = None,
        start: str | date | None = None,
        end: str | date | None = None,
        inputs: Mapping[str, Json | Path] | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        confirm: bool = False,
    ) -> Backfill:
        """Run a schedule for its dates from `start` to `end` (now), one after another.

        Dates without a zone are meant in the schedule's; a day as the end is meant whole. `inputs` and
        `labels` are laid over the trigger's. A server (JupyterLab, or `flowbook server`) does it; the
        schedule's own dates wait meanwhile. `confirm` says yes to thousands of dates.
        Raises `InputInvalid`, `NotFound`, `Conflict` while another backfill of it goes on.
        """
        from flowbook.engine.backfill_plan import plan
        from flowbook.engine.backfills import begin

        planned = self.portal.call(
            plan(self.engine, flow, trigger, start or "", end, inputs, labels)
        )
        return Backfill(self, self.portal.call(begin(self.engine, planned, confirm=confirm)))

    def backfill_dates(
        self,
        flow: str,
        trigger: str | None = None,
        start: str | date | None = None,
        end: str | date | None = None,
        inputs: Mapping[str, Json | Path] | None = None,
    ) -> list[datetime]:
        """The dates that such a backfill would run, in the zone of the schedule; nothing is begun."""
        from flowbook.engine.backfill_plan import plan

        planned = self.portal.call(plan(self.engine, flow, trigger, start or "", end, inputs))
        return list(planned.dates)

    def backfills(self, flow: str | None = None) -> list[Backfill]:
        """Backfills, those that go on first, then the newest."""
        from flowbook.engine.backfills import listed

        rows = self.portal.call(listed(self.engine, flow))
        return [Backfill(self, row["id"], row) for row in rows]

    def pause_backfill(self, flow: str, trigger: str | None = None) -> None:
        """Let a backfill begin with no further date. Raises `NotFound`, `Conflict`."""
        from flowbook.engine.backfills import pause

        self.portal.call(pause(self.engine, flow, trigger))

    def resume_backfill(self, flow: str, trigger: str | None = None) -> None:
        """Let a paused backfill go on. Raises `NotFound`, `Conflict`."""
        from flowbook.engine.backfills import pause

        self.portal.call(pause(self.engine, flow, trigger, paused=False))

    def delete_backfill(self, flow: str, trigger: str | None = None) -> None:
        """End a backfill where it stands; what it has started stays. Raises `NotFound`."""
        from flowbook.engine.backfills import delete

        self.portal.call(delete(self.engine, flow, trigger))
