"""Names in scope that come from configuration, environment and namespace."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowbook.flows.model import Flow

from . import namespaces

if TYPE_CHECKING:
    from .workspace import Workspace


def surroundings(workspace: Workspace, flow: Flow) -> Mapping[str, Callable[[], Any]]:
    """Each is made when an expression reads it."""
    return {
        "envs": lambda: environment_names(
            str(workspace.config.get("variables.env-vars-prefix", "ENV_"))
        ),
        "globals": lambda: workspace.config.get("variables.globals", {}) or {},
        "kestra": lambda: {
            "environment": workspace.config.get("environment.name"),
            "url": workspace.config.get("url"),
        },
        "namespace": lambda: namespaces.seen(workspace, flow.namespace),
        "serverUrl": lambda: workspace.config.get("url") or "http://localhost:8080",
    }


def environment_names(prefix: str) -> dict[str, str]:
    """Environment variables for `envs`, without their prefix, in lower case."""
    found = {}
    for given in ("KESTRA_", "ENV_", prefix):
        for name, value in os.environ.items():
            if given and name.startswith(given) and name != "KESTRA_CONFIGURATION":
                found[name.removeprefix(given).lower()] = value
    return found
