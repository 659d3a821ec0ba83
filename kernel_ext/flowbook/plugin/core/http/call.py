"""What the HTTP tasks share: their properties, and how a request is made of them."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, ConfigDict, Field

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration, iso, parse_duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Written
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.files import IS_URI

if TYPE_CHECKING:
    import ssl

    import httpx

READ_TIMEOUT = parse_duration("PT10S")
SHOWN = 1024
"""Bytes of an answer that an error message shows."""


class Auth(Written):
    """Who asks: BASIC with `username` and `password`, or BEARER with `token`."""

    type: str = "BASIC"
    """BASIC or BEARER."""
    username: str = ""
    """The user, for BASIC."""
    password: str = ""
    """The password, for BASIC."""
    token: str = ""
    """The token, for BEARER."""


class Timeouts(Written):
    """How long to wait for a connection and between two parts of an answer."""

    connect_timeout: Duration | None = None
    """The longest wait for a connection."""
    read_idle_timeout: Duration | None = None
    """The longest wait for the next part of the answer."""


class Ssl(Written):
    """How a server's certificate is looked at."""

    insecure_trust_all_certificates: bool = False
    """Take any certificate. Only for servers of your own."""


class Options(Written):
    """How the request is made: timeouts, redirects, proxy, credentials."""

    model_config = ConfigDict(extra="ignore")

    connect_timeout: Duration | None = None
    """The longest wait for a connection."""
    read_timeout: Duration = READ_TIMEOUT
    """The longest wait for the next part of the answer."""
    read_idle_timeout: Duration | None = None
    """Accepted; `timeout.readIdleTimeout` counts."""
    max_content_length: int = 10 * 1024 * 1024
    """The most bytes of an answer that is handed back."""
    follow_redirects: bool = True
    """Go where the server points to."""
    default_charset: str = "UTF-8"
    """The encoding of an answer that names none."""
    proxy_type: str | None = None
    """DIRECT, HTTP or SOCKS."""
    proxy_address: str | None = None
    """The proxy's host."""
    proxy_port: int | None = None
    """The proxy's port."""
    proxy_username: str | None = None
    """The user at the proxy."""
    proxy_password: str | None = None
    """The password at the proxy."""
    basic_auth_user: str | None = None
    """Older form of `auth.username`."""
    basic_auth_password: str | None = None
    """Older form of `auth.password`."""
    auth: Auth | None = None
    """Who asks."""
    timeout: Timeouts | None = None
    """Newer place of the timeouts."""
    allow_failed: bool = False
    """Any status is a success."""
    allowed_response_codes: tuple[int, ...] = ()
    """If given, only these statuses are a success."""
    ssl: Ssl | None = None
    """How the server's certificate is looked at."""

    @property
    def waits(self) -> tuple[float, float]:
        """Seconds for the connection and for each part of the answer."""
        given = self.timeout or Timeouts()
        connect = given.connect_timeout or self.connect_timeout or READ_TIMEOUT
        read = given.read_idle_timeout or self.read_timeout
        return connect.total_seconds(), read.total_seconds()


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, rendered."""

    method: str
    uri: str
    options: Options
    params: Mapping[str, Json]
    headers: Mapping[str, str]
    body: Any
    form: Mapping[str, Json] | None
    content_type: str | None
    insecure: bool

    def accepts(self, code: int) -> bool:
        """Whether a status is a success."""
        if self.options.allowed_response_codes:
            return code in self.options.allowed_response_codes
        return code < HTTPStatus.BAD_REQUEST


class HttpTask(RunnableTask):
    """A task that makes an HTTP request."""

    uri: Dynamic[str]
    """The address."""
    method: Dynamic[str] = "GET"
    """GET, POST, PUT, PATCH, DELETE, HEAD …"""
    params: Dynamic[Mapping[str, Json] | None] = Field(
        None, validation_alias=AliasChoices("params", "queryParams")
    )
    """Query parameters; a list repeats its key, null leaves it out."""
    body: Dynamic[Json] = None
    """The request's body; a map or list is sent as JSON."""
    form_data: Dynamic[Mapping[str, Json] | None] = None
    """Fields of a form; with `contentType: multipart/form-data` storage URIs are sent as files."""
    content_type: Dynamic[str | None] = None
    """The body's type."""
    headers: Dynamic[Mapping[str, Json] | None] = None
    """Further headers."""
    options: Dynamic[Options | None] = None
    """Timeouts, redirects, proxy, credentials."""
    ssl_options: Dynamic[Ssl | None] = None
    """Older place of `options.ssl`."""
    allow_failed: Dynamic[bool] = False
    """Any status is a success; else 400 and above fail."""

    async def call(self, context: Context) -> Call:
        """The request, with every property rendered."""
        given = await context.render(self.headers)
        params = await context.render(self.params)
        old_ssl = await context.render(self.ssl_options)
        options = await context.render(self.options) or Options()
        trust = old_ssl or options.ssl
        return Call(
            method=(await context.render(self.method)).upper(),
            uri=(await context.render(self.uri)).strip(),
            options=options,
            params=params or {},
            headers={
                name: str(value) for name, value in (given or {}).items() if value is not None
            },
            body=await context.render(self.body),
            form=await context.render(self.form_data),
            content_type=await context.render(self.content_type),
            insecure=bool(trust and trust.insecure_trust_all_certificates),
        )

    async def allows(self, context: Context, call: Call) -> bool:
        """Whether any status is a success."""
        return call.options.allow_failed or await context.render(self.allow_failed)


@asynccontextmanager
async def answered(context: Context, call: Call) -> AsyncIterator[httpx.Response]:
    """The answer, its body unread. What goes wrong on the way is a `TaskFailed` that says what."""
    import httpx

    try:
        urlsplit(call.uri)  # the client takes `http://[x` for a name
    except ValueError as error:
        raise TaskFailed(f"'{call.uri}' is not an address: {error}") from None
    with ExitStack() as files:
        try:
            sent = await _content(context, call, files)
            async with (
                _client(call) as client,
                client.stream(call.method, call.uri, params=_params(call), **sent) as response,
            ):
                yield response
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise TaskFailed(f"'{call.uri}' is not an address: {error}") from None
        except httpx.TooManyRedirects:
            raise TaskFailed(f"{call.method} {call.uri}: too many redirects") from None
        except httpx.TimeoutException as error:
            raise TaskFailed(_late(call, error), kind=type(error).__name__) from None
        except httpx.RemoteProtocolError as error:
            raise TaskFailed(f"{call.method} {call.uri}: the answer is broken: {error}") from None
        except httpx.TransportError as error:
            reason = _reason(error)
            raise TaskFailed(
                f"Cannot reach {call.uri}: {reason}", kind=type(error).__name__
            ) from None


def refused(call: Call, response: httpx.Response, body: bytes) -> str:
    """The message about a status that is no success."""
    text = body[:SHOWN].decode("utf-8", "replace").strip()
    status = f"{response.status_code} {response.reason_phrase}".strip()
    return f"{call.method} {call.uri} answered {status}" + (f": {text}" if text else "")


def header_lists(response: httpx.Response) -> dict[str, list[str]]:
    """Headers by lower-case name, each with all its values."""
    lists: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        lists.setdefault(name.lower(), []).append(value)
    return lists


def _client(call: Call) -> httpx.AsyncClient:
    import httpx

    options = call.options
    connect, read = options.waits
    auth = None
    if options.auth and options.auth.type.upper() == "BASIC":
        auth = httpx.BasicAuth(options.auth.username, options.auth.password)
    elif options.basic_auth_user is not None:
        auth = httpx.BasicAuth(options.basic_auth_user, options.basic_auth_password or "")
    headers = {}
    if options.auth and options.auth.type.upper() == "BEARER":
        headers["Authorization"] = f"Bearer {options.auth.token}"
    return httpx.AsyncClient(
        auth=auth,
        headers=headers,
        follow_redirects=options.follow_redirects,
        timeout=httpx.Timeout(read, connect=connect),
        verify=False if call.insecure else _trust(),
        proxy=_proxy(options),
        trust_env=not _is_here(call.uri),
    )


@cache
def _trust() -> ssl.SSLContext:
    import ssl

    return ssl.create_default_context()  # 20 ms: made once


def _proxy(options: Options) -> str | None:
    if not options.proxy_address or str(options.proxy_type).upper() == "DIRECT":
        return None
    from urllib.parse import quote

    scheme = "socks5" if str(options.proxy_type).upper().startswith("SOCKS") else "http"
    who = ""
    if options.proxy_username:
        who = f"{quote(options.proxy_username)}:{quote(options.proxy_password or '')}@"
    port = f":{options.proxy_port}" if options.proxy_port else ""
    return f"{scheme}://{who}{options.proxy_address}{port}"


def _is_here(uri: str) -> bool:
    """A proxy of the environment never reaches this machine's own loopback."""
    try:
        name = urlsplit(uri).hostname or ""
    except ValueError:
        return False
    return name in {"localhost", "::1"} or name.startswith("127.")


def _params(call: Call) -> Any:
    """Those of the address itself and the given ones; `None` leaves the address alone."""
    pairs: list[tuple[str, str | int | float | bool | None]] = [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in call.params.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None
    ]
    if not pairs:
        return None
    import httpx

    return httpx.QueryParams([*httpx.URL(call.uri).params.multi_items(), *pairs])


async def _content(context: Context, call: Call, files: ExitStack) -> dict[str, Any]:
    """Body and headers, as the client takes them."""
    import json

    if call.form is not None:
        return {"headers": call.headers, **await _form(context, call, files)}
    kind = call.content_type
    content = call.body
    if content is not None and not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, default=str)
        kind = kind or "application/json"
    headers = {"Content-Type": kind, **call.headers} if kind else call.headers
    return {"headers": headers, "content": None if content is None else content.encode()}


async def _form(context: Context, call: Call, files: ExitStack) -> dict[str, Any]:
    form = {name: value for name, value in (call.form or {}).items() if value is not None}
    if (call.content_type or "").lower() != "multipart/form-data":
        return {"data": {name: _field(value) for name, value in form.items()}}
    parts: list[tuple[str, Any]] = []
    for name, value in form.items():
        if isinstance(value, Mapping) and "content" in value:
            file_name = str(value.get("name") or name)
            parts.append((name, (file_name, await _part(context, value["content"], files))))
        elif isinstance(value, str) and IS_URI.fullmatch(value):
            parts.append((name, (value.rpartition("/")[2], await _part(context, value, files))))
        else:
            parts.append((name, (None, _field(value))))
    return {"files": parts}


async def _part(context: Context, value: Json, files: ExitStack) -> Any:
    text = _field(value)
    if IS_URI.fullmatch(text):
        return files.enter_context((await context.fetch(text)).open("rb"))
    return text


def _field(value: Json) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _late(call: Call, error: httpx.TimeoutException) -> str:
    import httpx

    connect, read = call.options.waits
    late = isinstance(error, httpx.ConnectTimeout)
    wait = iso(parse_duration(connect if late else read))
    what = "No connection to" if late else "No answer from"
    return f"{what} {call.uri} within {wait}"


def _reason(error: BaseException) -> str:
    """The operating system's words, which the client hides behind its own."""
    cause: BaseException | None = error
    text = str(error)
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            known = cause.errno in errno.errorcode
            text = os.strerror(cause.errno) if known else cause.strerror or text
        cause = cause.__cause__ or cause.__context__
    return text or type(error).__name__
