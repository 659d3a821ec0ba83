"""jq: in this process where its program only walks its input, else in a helper process that can be stopped.

jq runs in C and holds every thread up until it is done, and it can read the environment. A program that is more than
paths and selections, or a large input, therefore runs in a process of its own, which has the time that is left of the
render, bounded memory and an empty environment.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import tempfile
from functools import lru_cache
from typing import Any

from flowbook.errors import ExpressionError

from .bounds import MAX_TEXT, rendering, too_large
from .values import Value

LARGE_INPUT = 2**20
MAX_PROGRAM = 20_000
MEMORY = 2**30
_PLAIN_WORDS = frozenset(
    [
        "length",
        "keys",
        "values",
        "map",
        "select",
        "first",
        "last",
        "add",
        "sort",
        "sort_by",
        "group_by",
        "unique",
        "unique_by",
        "min",
        "max",
        "min_by",
        "max_by",
        "to_entries",
        "from_entries",
        "with_entries",
        "has",
        "in",
        "tostring",
        "tonumber",
        "type",
        "join",
        "ascii_downcase",
        "ascii_upcase",
        "startswith",
        "endswith",
        "flatten",
        "reverse",
        "any",
        "all",
        "empty",
        "if",
        "then",
        "elif",
        "else",
        "end",
        "and",
        "or",
        "not",
        "null",
        "true",
        "false",
        "floor",
        "round",
        "ceil",
        "fromjson",
        "tojson",
        "arrays",
        "objects",
        "strings",
        "numbers",
        "booleans",
        "nulls",
        "scalars",
        "iterables",
    ]
)
_token = re.compile(
    r"""(?P<path>\.[A-Za-z_][A-Za-z0-9_]*) | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | "(?:[^"\\]|\\["\\/bfnrtu])*" | -?\d+(?:\.\d+)? | (?P<comma>,) | [][(){}|:;?.] | == | != | <=? | >=? | // | \s+""",
    re.X,
)
_refused = re.compile(
    r"\b(?:import|include|modulemeta|input_filename|get_search_list|input_line_number|halt|halt_error)\b"
)
MAX_PLAIN = 500
MAX_COMMAS = 6
_CHILD = """
import json, resource, sys
sys.path[:] = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[3]), int(sys.argv[3])))
if sys.platform == "linux":
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[4]), int(sys.argv[4])))
try:
    import jq
    out = "+" + json.dumps(jq.compile(sys.argv[2]).input_text(sys.stdin.read()).all())
except BaseException as error:
    out = "-" + str(error)
sys.stdout.write(out)
"""


def may_loop(program: str) -> bool:
    """Whether a program might not end soon, or look around: all but plain paths, tests and selections.

    >>> may_loop('.a[] | select(.n > 1) | .name'), may_loop('[range(3)]'), may_loop('$ENV'), may_loop('.a | test("x")')
    (False, True, True, True)
    """
    if len(program) > MAX_PLAIN:
        return True
    at = commas = 0
    while at < len(program):
        token = _token.match(program, at)
        if token is None or (token["word"] and token["word"] not in _PLAIN_WORDS):
            return True
        if program.startswith("..", at):
            return True
        commas += token["comma"] is not None
        at = token.end()
    return commas > MAX_COMMAS


def jq(program: str, source: str) -> list[Value]:
    """All results of a program on a JSON text."""
    if len(program) > MAX_PROGRAM:
        raise ExpressionError(f"A jq program has more than {MAX_PROGRAM} characters")
    if found := _refused.search(program):
        raise ExpressionError(f"`{found[0]}` is not supported in jq programs")
    try:
        if may_loop(program) or len(source) > LARGE_INPUT:
            return _elsewhere(program, source)
        results: list[Value] = compiled(program).input_text(source).all()
        return results
    except ValueError as error:
        raise ExpressionError(f"Unable to parse jq value '{source[:100]}': {error}") from error


@lru_cache(maxsize=500)
def compiled(program: str) -> Any:
    import jq as library

    return library.compile(program)


def _elsewhere(program: str, source: str) -> list[Value]:
    """Run it in a fresh process: spawned, not forked, since this process has threads."""
    left = max(rendering().seconds_left, 0.05)
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as given:
        given.write(source.encode("utf-8", "replace"))
        given.flush()
        given.seek(0)
        try:
            pid = os.posix_spawn(
                sys.executable,
                [
                    sys.executable,
                    "-I",
                    "-S",
                    "-c",
                    _CHILD,
                    json.dumps(sys.path),
                    program,
                    str(int(left) + 2),
                    str(MEMORY),
                ],
                {"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, given.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, writing, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
    try:
        answer = _read(reading, left)
    finally:
        os.close(reading)
        _end(pid)
    return _results(answer, source)


def _read(reading: int, seconds: float) -> bytes:
    """All that comes out of a pipe, within the time."""
    import time

    deadline, size = time.monotonic() + seconds, 0
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise ExpressionError("jq took too long")
        part = os.read(reading, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > 4 * MAX_TEXT:
            raise too_large()


def _end(pid: int) -> None:
    """Make sure that the helper is gone, and take note of it."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def _results(answer: bytes, source: str) -> list[Value]:
    text = answer.decode("utf-8", "replace")
    if text.startswith("+"):
        if len(text) > MAX_TEXT:
            raise too_large()
        found: list[Value] = json.loads(text[1:])
        return found
    if text.startswith("-"):
        raise ValueError(text[1:] or "out of memory")
    raise ExpressionError(
        "jq took too long" if not text else f"Unable to parse jq value '{source[:100]}'"
    )
