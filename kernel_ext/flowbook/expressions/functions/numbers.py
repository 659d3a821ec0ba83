"""Functions that make numbers and ids."""

from __future__ import annotations

import random as chance
import secrets
import string
import time
import uuid as ids
from collections.abc import Mapping

from flowbook.errors import ExpressionError

from ..bounds import MAX_TURNS, ranged, rendering, room_for
from ..filters.collections import is_seed, items_of
from ..filters.pick import extreme
from ..operators import greater, inclusive, less
from ..registry import function_
from ..values import Value, is_list, opened

ALPHANUMERIC = string.ascii_letters + string.digits


@function_("range")
def range_(start: Value, stop: Value = None, step: Value = 1) -> list[Value]:
    """Numbers from one to another, the last included (in the seed dialect left out); dates with a period.

    >>> show("{{ range(1, 3) }} {{ range(1, 9, 4) }}")
    '[1,2,3] [1,5,9]'
    >>> show("{{ range(1, 3) }} {{ range(2) }}", dialect="seed")
    '[1,2] [0,1]'
    >>> show("{{ range('2024-01-01', '2024-01-03', 'P1D') }}")
    '["2024-01-01","2024-01-02","2024-01-03"]'
    """
    if isinstance(step, str):
        return _dates(start, stop, step)
    if not is_seed():
        if stop is None:
            raise ExpressionError("The 'range' function expects a start and an end")
        return inclusive(start, stop, step)
    first, last = (0, start) if stop is None else (start, stop)
    if (
        not all(
            isinstance(number, int) and not isinstance(number, bool)
            for number in (first, last, step)
        )
        or not step
    ):
        raise ExpressionError("A range needs whole numbers, and a step that is not 0")
    return ranged(range(first, last, step))


def _dates(start: Value, stop: Value, period: str) -> list[str]:
    """The days from one date to another, both included."""
    from ..dates.add import added
    from ..dates.read import moment
    from .dates_ import period_of

    amount, unit = period_of(period)
    at, last, found, turn = moment(start), moment(stop), [], rendering().turn
    if amount == 0:
        raise ExpressionError("The period of a range is not zero")
    while (at <= last) if amount > 0 else (at >= last):
        turn()
        found.append(at.date().isoformat())
        at = added(moment(start), amount * len(found), unit)
    return found


def _given(args: tuple[Value, ...]) -> list[Value]:
    if len(args) == 1 and (is_list(opened(args[0])) or isinstance(args[0], Mapping)):
        return items_of(args[0], "max")
    return list(args)


@function_("max")
def max_(*args: Value) -> Value:
    """The largest of the arguments, or of a list.

    >>> show("{{ max(1, 3, 2) }} {{ max([4, 5]) }}")
    '3 5'
    """
    return extreme(_given(args), None, greater)


@function_("min")
def min_(*args: Value) -> Value:
    """The smallest of the arguments, or of a list.

    >>> show("{{ min(1, 3, 2) }}")
    '1'
    """
    return extreme(_given(args), None, less)


@function_("random")
def random() -> float:
    """A number from 0 up to, but not including, 1.

    >>> show("{{ random() < 1 }}")
    'true'
    """
    return chance.random()


@function_("randomInt")
def random_int(lower: Value, upper: Value) -> int:
    """A whole number from `lower` up to, but not including, `upper`.

    >>> show("{{ randomInt(3, 4) }}")
    '3'
    """
    if type(lower) is not int or type(upper) is not int:
        raise ExpressionError("The 'randomInt' function expects whole numbers")
    if upper < lower:
        raise ExpressionError("In 'randomInt' 'upper' is less than 'lower'")
    return lower if lower == upper else chance.randrange(lower, upper)


@function_("randomPort")
def random_port() -> int:
    """A port of this machine that nothing listens on.

    >>> show("{{ randomPort() > 1023 }}")
    'true'
    """
    scope = rendering().scope
    if scope is not None and (offered := scope.services.get("randomPort")):
        return int(str(offered()))
    from importlib import import_module

    network = import_module("socket")  # the one look at the machine, where the host offers none
    with network.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@function_("uuid")
def uuid() -> str:
    """A random UUID.

    >>> len(show("{{ uuid() }}"))
    36
    """
    return str(ids.uuid4())


@function_("id")
def id_() -> str:
    """A random id as executions have: 22 letters and digits.

    >>> len(show("{{ id() }}"))
    22
    """
    return "".join(secrets.choice(ALPHANUMERIC) for _ in range(22))


@function_("ksuid")
def ksuid() -> str:
    """A random id of 27 letters and digits that sorts by time.

    >>> len(show("{{ ksuid() }}"))
    27
    """
    number = int.from_bytes(
        (int(time.time()) - 1_400_000_000).to_bytes(4, "big") + secrets.token_bytes(16), "big"
    )
    letters = string.digits + string.ascii_uppercase + string.ascii_lowercase
    made = ""
    while len(made) < 27:
        number, rest = divmod(number, 62)
        made = letters[rest] + made
    return made


@function_("nanoId")
def nano_id(length: int = 21, alphabet: str = ALPHANUMERIC + "_-") -> str:
    """A random id of a length, made of an alphabet's characters.

    >>> len(show("{{ nanoId() }}")), show("{{ nanoId(3, 'a') }}")
    (21, 'aaa')
    """
    if type(length) is not int or not 0 < length <= MAX_TURNS or not alphabet:
        raise ExpressionError("The 'nanoId' function expects a length above 0 and an alphabet")
    room_for(length)
    rendering().turn()
    return "".join(secrets.choice(alphabet) for _ in range(length))
