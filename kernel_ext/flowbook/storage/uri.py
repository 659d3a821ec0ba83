"""URIs into internal storage, and how they are made of namespace, flow, execution and task."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote

from flowbook.errors import FlowbookError

SCHEMES = ("kestra", "flowbook")
_SCHEME = re.compile(rf"(?:{'|'.join(SCHEMES)}):/{{1,3}}(?=[^/]|$)")


class UriInvalid(FlowbookError):
    """A URI that doesn't name a file of internal storage."""


def slug(name: str) -> str:
    """An id as a storage path shows it (spec/00 §3).

    >>> slug("My_Flow.v2")
    'my-flowv2'
    """
    text = unicodedata.normalize("NFD", re.sub(r"\s", "-", name))
    text = re.sub(r"[^A-Za-z0-9_-]", "", text).replace("_", "-")
    text = re.sub(r"-{2,}", "-", text)
    return text.removeprefix("-").removesuffix("-").lower()


def is_uri(text: object) -> bool:
    """Whether a value is a URI into internal storage."""
    return isinstance(text, str) and bool(_SCHEME.match(text))


def parts(uri: str) -> tuple[str, ...]:
    """The path's segments. Raises: UriInvalid for another scheme or a way out.

    >>> parts("kestra:///demo/etl/executions/1/a%20b.csv")
    ('demo', 'etl', 'executions', '1', 'a b.csv')
    """
    match = _SCHEME.match(uri)
    if match is None:
        raise UriInvalid(f"Invalid URI {uri!r}: internal storage is addressed by kestra:///…")
    return checked(tuple(unquote(part) for part in uri[match.end() :].split("/") if part), uri)


def checked(segments: tuple[str, ...], shown: str) -> tuple[str, ...]:
    """The segments, if none of them leads out. Raises: UriInvalid."""
    for segment in segments:
        if segment in ("", ".", "..") or any(sign in segment for sign in "/\\\0"):
            raise UriInvalid(f"Invalid URI {shown!r}: {segment!r} isn't a name inside the storage")
        if len(segment.encode("utf-8", "surrogatepass")) > 255:
            raise UriInvalid(f"Invalid URI {shown!r}: a name of more than 255 bytes")
    return segments


def uri_of(*segments: str) -> str:
    """The URI of a path given by its segments; a segment may hold `/` to name several.

    >>> uri_of("demo/etl", "a b.csv")
    'kestra:///demo/etl/a%20b.csv'
    """
    split = tuple(part for segment in segments for part in segment.split("/") if part)
    return "kestra:///" + "/".join(
        quote(part, safe="!$&'()*+,;=:@-._~") for part in checked(split, "/".join(segments))
    )


def namespace_prefix(namespace: str) -> str:
    """`acme.sales` → `acme/sales`."""
    return namespace.replace(".", "/")


def flow_prefix(namespace: str, flow: str) -> str:
    """Where everything of a flow lies."""
    return f"{namespace_prefix(namespace)}/{slug(flow)}"


def execution_prefix(namespace: str, flow: str, execution: str) -> str:
    """Where the files of an execution lie."""
    return f"{flow_prefix(namespace, flow)}/executions/{execution}"


def task_prefix(namespace: str, flow: str, execution: str, task: str, task_run: str) -> str:
    """Where a task run puts its files.

    >>> task_prefix("acme.sales", "etl", "E1", "load_all", "T1")
    'acme/sales/etl/executions/E1/tasks/load-all/T1'
    """
    return f"{execution_prefix(namespace, flow, execution)}/tasks/{slug(task)}/{task_run}"


def input_prefix(namespace: str, flow: str, execution: str, input: str) -> str:
    """Where a file given as an input lies."""
    return f"{execution_prefix(namespace, flow, execution)}/inputs/{input}"


def trigger_prefix(namespace: str, flow: str, execution: str, trigger: str) -> str:
    """Where a trigger's files lie."""
    return f"{execution_prefix(namespace, flow, execution)}/trigger/{slug(trigger)}"


def cache_prefix(namespace: str, flow: str, task: str, value: str | None = None) -> str:
    """Where a working directory's cache lies, per `value` of the task run."""
    below = f"/{_digest(value)}" if value is not None else ""
    return f"{flow_prefix(namespace, flow)}/{slug(task)}/cache{below}"


def state_prefix(namespace: str, flow: str | None, name: str, value: str | None = None) -> str:
    """Where a state's files lie: of a flow, or of the namespace."""
    above = flow_prefix(namespace, flow) if flow is not None else namespace_prefix(namespace)
    below = f"/{_digest(value)}" if value is not None else ""
    return f"{above}/states/{name}{below}"


def execution_of(uri: str) -> str | None:
    """The execution a file belongs to; None for what belongs to a flow or namespace."""
    segments = parts(uri)
    for index, segment in enumerate(segments[:-1]):
        if segment == "executions":
            return segments[index + 1]
    return None


def _digest(value: str) -> str:
    import hashlib

    return hashlib.sha256(value.encode()).hexdigest()[:32]
