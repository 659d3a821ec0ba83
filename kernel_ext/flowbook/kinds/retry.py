"""When a failed attempt is made again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from .durations import Duration
from .part import Written


class Behavior(StrEnum):
    """What a retry makes again: the task run, or the whole execution as a new one."""

    RETRY_FAILED_TASK = "RETRY_FAILED_TASK"
    CREATE_NEW_EXECUTION = "CREATE_NEW_EXECUTION"


def _short_type(value: Any) -> Any:
    return value.rpartition(".")[2].lower() if isinstance(value, str) else value


class Retry(Written):
    """How often, how long and at what distance a failed attempt is made again."""

    type: Annotated[Literal["constant", "exponential", "random"], BeforeValidator(_short_type)]
    max_attempts: int | None = Field(
        None, ge=1, validation_alias=AliasChoices("maxAttempts", "maxAttempt", "max_attempts")
    )
    """All attempts, the first included; none = no limit."""
    max_duration: Duration | None = None
    """No attempt starts later than this after the first one's start."""
    warning_on_retry: bool = False
    """End WARNING instead of SUCCESS if it took more than one attempt."""
    behavior: Behavior = Behavior.RETRY_FAILED_TASK
    interval: Duration | None = Field(None, validation_alias=AliasChoices("interval", "delay"))
    max_interval: Duration | None = Field(
        None, validation_alias=AliasChoices("maxInterval", "maxDelay", "max_interval")
    )
    min_interval: Duration | None = None
    delay_factor: float = 2.0

    def delay(self, made: int, *, key: str = "", seed_dialect: bool = False) -> timedelta:
        """How long to wait after `made` attempts; `key` makes a random delay the same on replay."""
        base = self.interval or timedelta(0)
        match self.type:
            case "constant":
                return base
            case "random":
                low = (self.min_interval or timedelta(0)).total_seconds()
                high = (self.max_interval or timedelta(seconds=low)).total_seconds()
                return timedelta(seconds=random.Random(f"{key}/{made}").uniform(low, high))
            case _:
                if seed_dialect:  # as documented; the reference's engine grows linearly
                    grown = base * (self.delay_factor ** (made - 1))
                else:
                    grown = base * (int(self.delay_factor) * (made - 1))
                return min(grown, self.max_interval) if self.max_interval else grown

    def next_date(
        self,
        *,
        made: int,
        first_start: datetime,
        now: datetime,
        key: str = "",
        seed_dialect: bool = False,
    ) -> datetime | None:
        """When the next attempt starts, or `None` if there is none left."""
        if self.max_attempts is not None and made >= self.max_attempts:
            return None
        due = now + self.delay(made, key=key, seed_dialect=seed_dialect)
        if self.max_duration is not None and due >= first_start + self.max_duration:
            return None
        return due
