"""Parameters as source text of languages other than Python: by papermill's translators.

papermill's texts are ASCII with Python's escapes, in double quotes. In Julia and PowerShell these
would evaluate what a text holds, and elsewhere spoil what isn't ASCII: texts are written here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import FlowbookError

NAMED = ("Python", "R", "Scala", "Julia", "MATLAB", "C#", "F#", "PowerShell", "bash")
_KNOWN = {
    "r": "R",
    "c#": ".net-csharp",
    "csharp": ".net-csharp",
    "f#": ".net-fsharp",
    "fsharp": ".net-fsharp",
    "powershell": ".net-powershell",
    "pwsh": ".net-powershell",
}
"""What papermill calls languages that kernels name otherwise."""


class NoTranslator(FlowbookError):
    """Parameters can't be handed to a notebook of this language."""


def assignments(values: Mapping[str, Any], language: str, kernel: str) -> str:
    """Assignments of plain values, under a comment. Raises `NoTranslator`."""
    translator = _translator(language, kernel)
    for name, value in values.items():
        try:
            translator.translate(value)
        except NotImplementedError:
            raise NoTranslator(
                f"Parameter '{name}' can't be handed to a notebook of language '{language}': "
                f"it is or holds {_kind(value)}"
            ) from None
    return str(translator.codify(dict(values), "Parameters"))


def _translator(language: str, kernel: str) -> Any:
    # 1.35 s once: papermill's package imports all of its engines and readers
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    name = _KNOWN.get(language.lower(), language.lower())
    try:
        found = papermill_translators.find_translator(kernel, name)
    except PapermillException:
        raise NoTranslator(
            f"A notebook of language '{language}' takes no parameters: they can be handed to "
            f"{', '.join(NAMED)}"
        ) from None
    return type(found.__name__, (found,), _own(found))


def _own(translator: Any) -> dict[str, Any]:
    """What is said otherwise than papermill says it."""
    own: dict[str, Any] = {}
    language = translator.__name__.removesuffix("Translator")
    if (text := _TEXTS.get(language)) is not None:
        own["translate_escaped_str"] = classmethod(lambda _, value: text(str(value)))
    if (numbers := _NO_NUMBERS.get(language)) is not None:
        own["translate_float"] = classmethod(lambda _, value: _float(value, *numbers))
    if language == "Bash":
        own["translate_list"] = classmethod(_bash_array)
    return own


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _matlab(value: str) -> str:
    lines = ('"' + line.replace('"', '""') + '"' for line in value.split("\n"))
    return " + newline + ".join(lines)


_TEXTS: Mapping[str, Callable[[str], str]] = {
    "R": _quoted,
    "Scala": _quoted,
    "CSharp": _quoted,
    "FSharp": _quoted,
    "Julia": lambda value: _quoted(value).replace("$", r"\$"),
    "Matlab": _matlab,
    "Powershell": lambda value: "'" + value.replace("'", "''") + "'",
}
_NO_NUMBERS = {
    "R": ("NaN", "Inf"),
    "Julia": ("NaN", "Inf"),
    "Scala": ("Double.NaN", "Double.PositiveInfinity"),
    "CSharp": ("double.NaN", "double.PositiveInfinity"),
    "FSharp": ("nan", "infinity"),
}
"""What isn't a number, and infinity, where papermill writes Python's words."""


def _float(value: float, nan: str, infinity: str) -> str:
    if math.isnan(value):
        return nan
    return repr(value) if math.isfinite(value) else infinity if value > 0 else f"-{infinity}"


def _bash_array(translator: Any, value: list[Any]) -> str:
    if any(isinstance(item, list) for item in value):
        raise NotImplementedError
    return f"({' '.join(translator.translate(item) for item in value)})"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return "a map"
        case list():
            return "a list of lists, maps or nulls"
    return f"a {type(value).__name__}"
