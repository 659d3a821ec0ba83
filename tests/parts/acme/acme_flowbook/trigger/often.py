"""`acme.trigger.Often`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from flowbook.plugin.core.trigger.schedule import Schedule


class Often(Schedule):
    """Start an execution every few seconds."""

    seconds: int = Field(ge=1, le=30)
    """How many; counted from the full minute."""

    @model_validator(mode="before")
    @classmethod
    def _as_cron(cls, value: Any) -> Any:
        seconds = value.get("seconds")
        return {**value, "cron": f"*/{seconds} * * * * *", "withSeconds": True}
