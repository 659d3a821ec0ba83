"""Reads declared variables out of a kernel after the last cell, for notebooks that don't know flowbook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import FlowbookError
from .handed_out import HandedOut
from .notebook import Json

_MODULE = Path(__file__).parent.parent / "running.py"
LANGUAGES = ("Python", "R", "Julia", "bash")
Declared = Sequence[tuple[str, str]]
"""Pairs of an output's id and the kernel's variable."""


def snippet(language: str, declared: Declared, folder: Path) -> str:
    """Code that leaves the variables in the run's folder. Raises `FlowbookError` for other languages."""
    match language.lower():
        case "python":
            return _python(declared)
        case "bash":
            return "\n".join(
                f'if [ -n "${{{variable}+x}}" ]; then printf %s "${{{variable}}}" > {_quoted(_file(folder, i))}; fi'
                for i, (_, variable) in enumerate(declared)
            )
        case "r":
            return "\n".join(
                f'if (exists("{variable}")) writeLines(jsonlite::toJSON({variable}, auto_unbox=TRUE, '
                f'digits=NA, null="null"), {json.dumps(str(_file(folder, i)))})'
                for i, (_, variable) in enumerate(declared)
            )
        case "julia":
            return "import JSON\n" + "\n".join(
                f"if @isdefined({variable}); open({json.dumps(str(_file(folder, i)))}, "
                f'"w") do f; JSON.print(f, {variable}); end; end'
                for i, (_, variable) in enumerate(declared)
            )
    raise FlowbookError(
        f"`outputs` can be read from kernels of {', '.join(LANGUAGES)}, not of {language}: write files instead"
    )


def channel(language: str, folder: Path) -> str:
    """Code that makes a folder the run's channel; empty for languages that have no `fb.*`."""
    if language.lower() != "python":
        return ""
    return f'__import__("os").environ["FLOWBOOK_RUN"] = {str(folder)!r}'


def _python(declared: Declared) -> str:
    # a kernel of another environment may not have flowbook: the module stands alone
    return f"""
try:
    from flowbook.running import hand_out_variables as __flowbook
except ImportError:
    import importlib.util as __flowbook
    __flowbook = __flowbook.spec_from_file_location("flowbook_running", {str(_MODULE)!r})
    __flowbook = __flowbook.loader.load_module().hand_out_variables
__flowbook(globals(), {dict(declared)!r})
del __flowbook
"""


def _file(folder: Path, number: int) -> Path:
    return folder / "outputs" / f"declared-{number}"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def read(
    language: str, declared: Declared, folder: Path
) -> tuple[Mapping[str, HandedOut], Sequence[str]]:
    """The values the snippet left, and the variables that were not there."""
    found: dict[str, HandedOut] = {}
    missing: list[str] = []
    if language.lower() == "python":
        return found, missing  # in the index, as by `fb.outputs`
    for i, (name, variable) in enumerate(declared):
        try:
            text = _file(folder, i).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            missing.append(variable)
            continue
        value: Json = text if language.lower() == "bash" else json.loads(text)
        found[name] = HandedOut(kind="json", value=value)
    return found, missing
