"""Filters that encode text: for addresses, in Base64, as digests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import quote_plus, unquote_plus

from flowbook.errors import ExpressionError

from ..registry import FILTERS, filter_, guarded
from ..text import joined_text
from ..values import Value


@filter_("urlencode")
def urlencode(value: Value) -> str:
    """The text as a part of a query string.

    >>> show("{{ 'a b&c' | urlencode }}")
    'a+b%26c'
    """
    return quote_plus(joined_text(value))


@filter_("urldecode")
def urldecode(value: Value) -> str:
    """The text of a part of a query string.

    >>> show("{{ 'a+b%26c' | urldecode }}")
    'a b&c'
    """
    return unquote_plus(joined_text(value))


@filter_("base64encode", "b64encode")
def base64encode(value: Value) -> str:
    """The text's bytes in Base64.

    >>> show("{{ 'flow' | base64encode }}")
    'Zmxvdw=='
    """
    return base64.b64encode(joined_text(value).encode()).decode()


@filter_("base64decode", "b64decode")
def base64decode(value: Value) -> str:
    """The text that Base64 stands for.

    >>> show("{{ 'Zmxvdw==' | base64decode }}")
    'flow'
    """
    text = joined_text(value)
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError as error:
        raise ExpressionError(f"Not Base64 of a text: {text[:50]!r}") from error


def _hash(algorithm: str) -> Callable[[Value], str]:
    def digest(value: Value) -> str:
        if not isinstance(value, str):
            raise ExpressionError("Need a string to hash")
        return hashlib.new(algorithm, value.encode(), usedforsecurity=False).hexdigest()

    digest.__doc__ = f"""The {algorithm.upper()} digest of the text, in hexadecimal.

    >>> len(show("{{{{ 'flow' | {algorithm} }}}}"))
    {hashlib.new(algorithm, usedforsecurity=False).digest_size * 2}
    """
    return digest


md5, sha1, sha256, sha512 = map(_hash, ("md5", "sha1", "sha256", "sha512"))
FILTERS.update(
    {
        name: guarded(_hash(name), "filter", name, null=False)
        for name in ("md5", "sha1", "sha256", "sha512")
    }
)
