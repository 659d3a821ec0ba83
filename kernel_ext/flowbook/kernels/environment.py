"""The environment of a process that runs users' code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

from .zygote import INLINE

_FIXED = (
    "PYTHON",
    "LD_",
    "LANG",
    "LC_",
    "IPYTHON",
    "MALLOC_",
    "MPL",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "NUMEXPR_",
)
_FIXED_NAMES = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_PATH", "CUDA_VISIBLE_DEVICES", "VIRTUAL_ENV")
_IGNORED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


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


def fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that only a new process takes notice of."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if (name.startswith(_FIXED) or name in _FIXED_NAMES)
        and name not in _IGNORED
        and (name, value) != ("MPLBACKEND", INLINE)
    }


def packages() -> tuple[tuple[str, int], ...]:
    """When the folders that packages are installed into last changed."""
    found = []
    for path in sys.path:
        with contextlib.suppress(OSError):
            if path and os.path.isdir(path):
                found.append((path, os.stat(path).st_mtime_ns))
    return tuple(found)
