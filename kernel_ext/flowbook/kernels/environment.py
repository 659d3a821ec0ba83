"""The environment of a process that runs users' code."""

from __future__ import annotations

from collections.abc import Mapping

_PREFIXES = ("SECRET_", "FLOWBOOK_", "JPY_")
_NAMES = ("KESTRA_CONFIGURATION", "JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_KEY")


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a script or kernel may see of a host's environment: no secrets, no tokens."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_PREFIXES)
        and name not in _NAMES
        and not name.endswith("_JUPYTER_TOKEN")
    }
