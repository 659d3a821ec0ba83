"""`core.http.Request`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example

from .call import Call, HttpTask, answered, header_lists, refused

if TYPE_CHECKING:
    import httpx

KEPT = 2**20
"""A stored body up to this size is an output as well."""


class Request(HttpTask):
    """Make an HTTP request and hand back its answer."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.plugin.fs.http.Request",)

    encrypt_body: Dynamic[bool] = False
    """Keep the body from being shown: it is the output `encryptedBody` then, and `body` is null."""
    store: Dynamic[bool] = False
    """Keep the body as a file; the output `uri` is the file's."""
    output_file: Dynamic[str | None] = None
    """The name of that file."""
    pagination: Json = None
    """How further pages are found; their results are put together."""
    rate_limit: Json = None
    """`{requestsPerSecond}` over all pages."""

    async def run(self, context: Context) -> dict[str, Json]:
        call = await self.call(context)
        allows = await self.allows(context, call)
        if self.pagination is not None:
            from .pagination import all_pages

            outputs = await all_pages(self, context, call, allows)
        else:
            outputs = await one_answer(context, call, allows)
        body = outputs["body"]
        if await context.render(self.encrypt_body) and body is not None:
            context.conceal(body if isinstance(body, str) else json.dumps(body))
            outputs = {**outputs, "body": None, "encryptedBody": body}
        context.metric("response.length", outputs["size"])
        if await context.render(self.store):
            name = await context.render(self.output_file) or "body"
            content = _bytes(body, outputs.get("encoding"))
            outputs["uri"] = await context.put(content, name.replace("/", "-"))
            if len(content) > KEPT:
                outputs["body"] = None
        return outputs


async def one_answer(context: Context, call: Call, allows: bool) -> dict[str, Json]:
    """The outputs of one request. Raises `TaskFailed`."""
    async with answered(context, call) as response:
        content = await _read(call, response)
    outputs = {
        "uri": str(response.url),
        "code": response.status_code,
        "statusCode": response.status_code,
        "headers": header_lists(response),
        "size": len(content),
        **_body(call, response, content, parse=context.dialect == "seed"),
    }
    if not allows and not call.accepts(response.status_code):
        raise TaskFailed(refused(call, response, content), outputs=outputs)
    return outputs


async def _read(call: Call, response: httpx.Response) -> bytes:
    most = call.options.max_content_length
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > most:
            raise TaskFailed(
                f"The answer of {call.uri} is larger than {most} bytes: "
                "raise `options.maxContentLength` or use io.kestra.plugin.core.http.Download"
            )
    return bytes(content)


def _body(
    call: Call, response: httpx.Response, content: bytes, *, parse: bool
) -> Mapping[str, Json]:
    if not content:
        return {"body": None}
    try:
        text = content.decode(response.charset_encoding or call.options.default_charset)
    except (UnicodeDecodeError, LookupError):
        return {"body": base64.b64encode(content).decode(), "encoding": "base64"}
    if parse:
        try:
            return {"body": json.loads(text)}
        except ValueError:
            pass
    return {"body": text}


def _bytes(body: Json, encoding: Json) -> bytes:
    if body is None:
        return b""
    if encoding == "base64":
        return base64.b64decode(body)
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()


ASK = Example(
    title="Ask a service and use its answer",
    needs="a connection to httpbin.org",
    flow="""
id: ask-a-service
namespace: demo
tasks:
  - id: ask
    type: io.kestra.plugin.core.http.Request
    uri: https://httpbin.org/get
    params: {city: Oslo}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.ask.body | jq('.args.city') | first }}"}
""",
)
