"""What a render sees: variables, the host's functions, the dialect and the time zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


def _nothing() -> Mapping[str, Callable[..., object]]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Scope:
    """The names of one render."""

    variables: Mapping[str, object]
    """May be lazy: a value is asked for only when a template reads it."""
    services: Mapping[str, Callable[..., object]] = field(default_factory=_nothing)
    """Functions of the host: `kv`, `secret`, `read`, `now` …, called with the arguments the template gives."""
    dialect: str = "kestra"
    zone: str = "UTC"
    """The server's time zone."""
    recursive: bool = False
    """Render what was rendered again until nothing changes (`kestra.variables.recursive-rendering`)."""
