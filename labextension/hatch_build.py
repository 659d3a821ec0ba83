"""Build the prebuilt JupyterLab panel; degrade gracefully when Node.js is missing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent.parent
NPM_DIR = ROOT / "labextension"
OUT = ROOT / "kernel_ext" / "flowbook" / "labextension"
MIN_NODE = 20


def _node_major() -> int | None:
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        return None
    try:
        out = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout
        m = re.match(r"v(\d+)", out.strip())
        return int(m.group(1)) if m else None
    except (OSError, subprocess.SubprocessError):
        return None


def _source_hash() -> str:
    """Identity of the panel's sources: a stale build left by an earlier install is rebuilt."""
    h = hashlib.sha256()
    names = ["package.json", "yarn.lock", "tsconfig.json"]
    files = [NPM_DIR / n for n in names]
    for d in ("src", "style"):
        files += sorted(p for p in (NPM_DIR / d).rglob("*") if p.is_file())
    for f in files:
        h.update(f.relative_to(NPM_DIR).as_posix().encode() + b"\0" + f.read_bytes() + b"\0")
    return h.hexdigest()


def _is_built() -> bool:
    stamp = OUT / "source-hash.txt"
    if not ((OUT / "package.json").is_file() and stamp.is_file()):
        return False
    return not (NPM_DIR / "src").is_dir() or stamp.read_text().strip() == _source_hash()


class CustomBuildHook(BuildHookInterface):
    def _run(self, *args: str) -> None:
        # jlpm == the yarn bundled with jupyter-builder (a build requirement)
        env = {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }
        cmd = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()", *args]
        subprocess.run(cmd, cwd=NPM_DIR, env=env, check=True)

    def _missing(self, why: str) -> None:
        required = os.environ.get("FLOWBOOK_REQUIRE_LABEXTENSION") == "1"
        msg = (
            f"flowbook: the JupyterLab panel was NOT built ({why}). Everything else is installed. "
            f"Install Node.js >= {MIN_NODE} and reinstall to get the panel."
        )
        if required:
            raise RuntimeError(msg)
        # app.display_warning goes to pip -v output only; the file is read at run time
        self.app.display_warning(msg)

    def initialize(self, version: str, build_data: dict) -> None:
        if not _is_built():
            major = _node_major()
            if os.environ.get("FLOWBOOK_SKIP_LABEXTENSION") == "1":
                self._missing("FLOWBOOK_SKIP_LABEXTENSION=1")
            elif major is None:
                self._missing("Node.js not found")
            elif major < MIN_NODE:
                self._missing(f"Node.js {major} is too old")
            else:
                shutil.rmtree(OUT, ignore_errors=True)
                try:
                    self._run("install", "--immutable")
                    self._run("build:prod")
                    (OUT / "source-hash.txt").write_text(_source_hash() + "\n")
                except subprocess.CalledProcessError as e:
                    self._missing(f"the npm build failed: {e}")
        if self.target_name == "wheel" and _is_built():
            build_data["shared_data"][str(OUT)] = "share/jupyter/labextensions/flowbook-lab"
            build_data["shared_data"][str(NPM_DIR / "install.json")] = (
                "share/jupyter/labextensions/flowbook-lab/install.json"
            )
