"""What the function `http` sends, and how it reads the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from flowbook.expressions.data import from_yaml

if TYPE_CHECKING:
    import httpx

JSON = "application/json"


def content_of(body: Any, kind: str | None) -> str | None:
    """The text of a body: maps and lists as YAML if the content type says so, else as JSON."""
    if body is None:
        return None
    if not isinstance(body, Mapping | list):
        return body if isinstance(body, str) else json.dumps(body)
    if kind is not None and "yaml" in kind:
        return str(yaml.safe_dump(json.loads(json.dumps(body)), sort_keys=False))
    return json.dumps(body)


def headers_of(
    given: Mapping[str, Any] | None,
    auth: Any,
    kind: str | None,
    accept: str | None,
    body: Any,
) -> tuple[tuple[str, str] | None, list[tuple[str, str]]]:
    """Who asks, and the headers; one with a list of values is sent once for each."""
    headers = [
        (name, str(one))
        for name, value in (given or {}).items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]
    if kind or isinstance(body, Mapping | list):
        headers.append(("Content-Type", kind or JSON))
    if accept:
        headers.append(("Accept", accept))
    if not isinstance(auth, Mapping):
        return None, headers
    if str(auth.get("type", "BASIC")).upper() == "BEARER":
        return None, [*headers, ("Authorization", f"Bearer {auth.get('token', '')}")]
    return (str(auth.get("username", "")), str(auth.get("password", ""))), headers


def read_answer(answer: httpx.Response) -> object:
    """The answer's value if it is JSON or YAML by its own account, else its text."""
    if "yaml" in answer.headers.get("content-type", ""):
        return from_yaml(answer.text)
    try:
        return answer.json()
    except ValueError:
        return answer.text
