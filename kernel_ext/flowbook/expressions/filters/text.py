"""Filters on text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from flowbook.errors import ExpressionError

from ..bounds import MAX_TEXT, room_for
from ..registry import filter_
from ..text import joined_text, text_of
from ..values import Value, is_list, kind_of


@filter_("lower", "toLowerCase")
def lower(value: Value) -> str:
    """The text in lower case.

    >>> show("{{ 'Ab' | lower }}")
    'ab'
    """
    return joined_text(value).lower()


@filter_("upper", "toUpperCase")
def upper(value: Value) -> str:
    """The text in upper case.

    >>> show("{{ 'Ab' | upper }}")
    'AB'
    """
    return joined_text(value).upper()


@filter_("trim", "strip")
def trim(value: Value) -> str:
    """The text without blanks at its ends.

    >>> show("{{ ' a ' | trim }}")
    'a'
    """
    return joined_text(value).strip()


@filter_("capitalize")
def capitalize(value: Value) -> str:
    """The text with its first letter in upper case.

    >>> show("{{ 'ada lovelace' | capitalize }}")
    'Ada lovelace'
    """
    text = joined_text(value)
    blanks = len(text) - len(text.lstrip())
    return text[:blanks] + text[blanks : blanks + 1].upper() + text[blanks + 1 :]


@filter_("title")
def title(value: Value) -> str:
    """The text with each word's first letter in upper case.

    >>> show("{{ 'ada lovelace' | title }}")
    'Ada Lovelace'
    """
    return re.sub(r"(^|\s)(\S)", lambda found: found[1] + found[2].upper(), joined_text(value))


@filter_("abbreviate")
def abbreviate(value: Value, length: int) -> str:
    """The text cut to a length, its end replaced by three dots.

    >>> show("{{ 'a long story' | abbreviate(8) }}")
    'a lon...'
    """
    text = joined_text(value)
    if len(text) <= length:
        return text
    return text[: max(length, 0)] if length < 4 else text[: length - 3] + "..."


@filter_("truncate")
def truncate(
    value: Value, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5
) -> str:
    """The text cut to a length, at a blank unless `killwords`.

    >>> show("{{ 'a very long story' | truncate(10) }}")
    'a very...'
    """
    text = joined_text(value)
    if len(text) <= length + leeway or length < len(end):
        return text
    cut = text[: length - len(end)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


@filter_("center")
def center(value: Value, width: int = 80) -> str:
    """The text amid blanks, so that it is as wide as asked.

    >>> show("[{{ 'a' | center(5) }}]")
    '[  a  ]'
    """
    room_for(width)
    return joined_text(value).center(width)


@filter_("wordcount")
def wordcount(value: Value) -> int:
    """How many words the text has.

    >>> show("{{ 'one two' | wordcount }}")
    '2'
    """
    return len(re.findall(r"\w+", joined_text(value)))


@filter_("format")
def format_(value: Value, *args: Value, **kwargs: Value) -> str:
    """The text with its `%s` and `%d` filled in.

    >>> show("{{ '%s has %d rows' | format('orders', 3) }}")
    'orders has 3 rows'
    >>> show("{{ '%05.1f' | format(2.25) }}")
    '002.2'
    """
    text = joined_text(value)
    widths = [int(digits) for digits in re.findall(r"%[^a-zA-Z%]*?(\d+)", text)]
    if "*" in text and re.search(r"%[^a-zA-Z%]*\*", text):
        raise ExpressionError("`*` is not supported in a format")
    parts = kwargs if kwargs else tuple(args)
    texts = [text_of(part) for part in (kwargs.values() if kwargs else args)]
    room_for(len(text) + sum(widths) + sum(map(len, texts)) * max(1, text.count("%")))
    shown = (
        {key: _printable(item) for key, item in kwargs.items()}
        if kwargs
        else tuple(map(_printable, parts))
    )
    return text % shown


def _printable(value: Value) -> Value:
    return (
        value if isinstance(value, int | float) and not isinstance(value, bool) else text_of(value)
    )


@filter_("startsWith", "startswith")
def starts_with(value: Value, value_: str) -> bool:
    """Whether the text begins with another.

    >>> show("{{ 'kestra:///a' | startsWith('kestra') }}")
    'true'
    """
    return joined_text(value).startswith(value_)


@filter_("endsWith", "endswith")
def ends_with(value: Value, value_: str) -> bool:
    """Whether the text ends with another.

    >>> show("{{ 'a.csv' | endsWith('.csv') }}")
    'true'
    """
    return joined_text(value).endswith(value_)


def _around(
    find: Callable[[str, str], int], *, before: bool, whole: bool
) -> Callable[[Value, str], str]:
    """Cut at a separator that `find` finds; without one, all of the text or nothing."""

    def cut(value: Value, separator: str) -> str:
        text = joined_text(value)
        at = find(text, separator)
        if at < 0:
            return text if whole else ""
        return text[:at] if before else text[at + len(separator) :]

    return cut


@filter_("substringBefore")
def substring_before(value: Value, separator: str) -> str:
    """What stands before the first separator; all of it where there is none.

    >>> show("{{ 'a.b.c' | substringBefore('.') }} {{ 'abc' | substringBefore('.') }}")
    'a abc'
    """
    return _around(str.find, before=True, whole=True)(value, separator)


@filter_("substringAfter")
def substring_after(value: Value, separator: str) -> str:
    """What stands after the first separator; nothing where there is none.

    >>> show("{{ 'a.b.c' | substringAfter('.') }}")
    'b.c'
    """
    return _around(str.find, before=False, whole=False)(value, separator)


@filter_("substringBeforeLast")
def substring_before_last(value: Value, separator: str) -> str:
    """What stands before the last separator.

    >>> show("{{ 'a.b.c' | substringBeforeLast('.') }}")
    'a.b'
    """
    return _around(str.rfind, before=True, whole=True)(value, separator)


@filter_("substringAfterLast")
def substring_after_last(value: Value, separator: str) -> str:
    """What stands after the last separator.

    >>> show("{{ 'a.b.c' | substringAfterLast('.') }}")
    'c'
    """
    return _around(str.rfind, before=False, whole=False)(value, separator)


@filter_("slugify")
def slugify(value: Value) -> str:
    """The text as a part of a path or an address.

    >>> show("{{ 'Été à_Paris!' | slugify }}")
    'ete-a-paris'
    """
    plain = unicodedata.normalize("NFD", joined_text(value)).encode("ascii", "ignore").decode()
    return re.sub(r"[\s_-]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-").lower()


@filter_("nl2br")
def nl2br(value: Value) -> str:
    """The text with an HTML break at each line's end.

    >>> show("{{ lines | nl2br }}", lines="a" + chr(10) + "b")
    'a<br />\\nb'
    """
    return joined_text(value).replace("\n", "<br />\n")


@filter_("escape", "e")
def escape(value: Value, strategy: str = "html") -> str:
    """The text with the characters escaped that mean something in HTML.

    >>> show("{{ '<b>' | escape }}")
    '&lt;b&gt;'
    """
    if strategy != "html":
        raise ExpressionError(f"Unknown escaping strategy: {strategy!r}")
    text = joined_text(value)
    room_for(len(text) + 4 * sum(text.count(mark) for mark in "&<>\"'"))
    for mark, name in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("'", "&#39;"),
    ):
        text = text.replace(mark, name)
    return text


@filter_("raw")
def raw(value: Value) -> Value:
    """The value as it is: nothing is escaped by itself.

    >>> show("{{ '<b>' | raw }}")
    '<b>'
    """
    return value


def deep(function: Callable[[str], str], value: Value) -> Value:
    """Do something with each text of a map or list, however deep."""
    if isinstance(value, Mapping):
        return {key: deep(function, item) for key, item in value.items()}
    if is_list(value):
        return [deep(function, item) for item in value]
    return function(text_of(value))


@filter_("escapeChar")
def escape_char(value: Value, type: str) -> Value:
    """The text, or every text in a map or list, with a kind of quote escaped: `single`, `double` or `shell`.

    >>> show("{{ text | escapeChar('shell') }}", text="it's")
    "it'\\\\''s"
    """
    marks = {"single": ("'", "\\'"), "double": ('"', '\\"'), "shell": ("'", "'\\''")}
    if type not in marks:
        raise ExpressionError(f"Invalid escape type: {type!r}; there are single, double and shell")
    old, new = marks[type]
    return deep(lambda text: _replaced(text, old, new), value)


def _replaced(text: str, old: str, new: str) -> str:
    room_for(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


@filter_("replace")
def replace(value: Value, pairs: Value, regexp: Value = False, count: int = -1) -> Value:
    """The text, or every text in a map or list, with parts exchanged: `{'old': 'new'}`, or old and new.

    >>> show("{{ 'a-b' | replace({'-': '+', 'a': 'x'}) }}")
    'x+b'
    >>> show("{{ 'k1=v1' | replace({'(k)([0-9])': '$2$1'}, regexp=true) }}")
    '1k=v1'
    >>> show("{{ 'a b' | replace(' ', '_') }}")
    'a_b'
    """
    if isinstance(pairs, str):  # Jinja2's replace(old, new)
        old, new = pairs, text_of(regexp)
        return deep(
            lambda text: text.replace(old, new, count) if count >= 0 else _replaced(text, old, new),
            value,
        )
    if not isinstance(pairs, Mapping):
        raise ExpressionError(f"The 'replace' filter expects a map of pairs, not {kind_of(pairs)}")

    def replaced(text: str) -> str:
        from ..patterns import substitute

        for old, new in pairs.items():
            if regexp:
                text = substitute(text_of(old), text_of(new), text)
            else:
                text = _replaced(text, text_of(old), text_of(new))
        return text

    return deep(replaced, value)


@filter_("split")
def split(value: Value, separator: str = " ", limit: int = 0) -> list[str]:
    r"""The parts of a text between separators, which are Java patterns.

    >>> show("{{ 'a,b,,' | split(',') }} {{ 'a1b22c' | split('[0-9]+', 2) }}")
    '["a","b"] ["a","b22c"]'
    """
    from ..patterns import split as parts_of

    text = text_of(value)
    if separator == "":
        parts = list(text) if limit <= 0 else [*text[: limit - 1], text[limit - 1 :]]
    else:
        parts = [text] if limit == 1 else parts_of(separator, text, max(0, limit - 1))
    while limit == 0 and len(parts) > 1 and parts[-1] == "":
        parts.pop()
    return parts


@filter_("indent")
def indent(value: Value, amount: int = 4, prefix: str = " ") -> str:
    """The text with each line but the first moved to the right.

    >>> show("{{ lines | indent(2) }}", lines="a" + chr(10) + "b")
    'a\\n  b'
    """
    if not isinstance(amount, int) or amount < 0:
        raise ExpressionError("The 'indent' filter expects an amount that is not negative")
    text = text_of(value)
    lines = len(re.findall(r"\r\n|\n|\r", text))
    room_for(len(text) + lines * amount * len(prefix) if lines else 0)
    if not lines:
        return text
    return re.sub(r"\r\n|\n|\r", lambda found: found[0] + prefix * amount, text)


@filter_("nindent")
def nindent(value: Value, amount: int = 4, prefix: str = " ") -> str:
    """The text on a new line, all of its lines moved to the right.

    >>> show("{{ 'a' | nindent(2) }}")
    '\\n  a'
    """
    text = text_of(value)
    if text == "":
        return ""
    if not isinstance(amount, int) or amount < 0 or amount * len(prefix) > MAX_TEXT:
        raise ExpressionError("The 'nindent' filter expects an amount that is not negative")
    newline = re.search(r"\r\n|\n|\r", text)
    return (newline[0] if newline else "\n") + prefix * amount + indent(text, amount, prefix)


@filter_("string", "toString")
def string(value: Value) -> str:
    """The value as text.

    >>> show("{{ ('task_' + 1) ~ (2 | string) }}")
    'task_12'
    """
    return text_of(value)
