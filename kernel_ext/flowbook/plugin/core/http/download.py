"""`core.http.Download`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, Field

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example

from .call import SHOWN, Call, HttpTask, answered, header_lists, refused

if TYPE_CHECKING:
    import httpx

NAMED = re.compile(r"""filename\*?=(?:UTF-8'[^']*')?"?([^";]+)"?""", re.IGNORECASE)


class Download(HttpTask):
    """Store the answer of an HTTP request as a file."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.plugin.fs.http.Download",)

    fail_on_empty_response: Dynamic[bool] = True
    """An empty answer is a failure; else it is an empty file."""
    save_as: Dynamic[str | None] = Field(
        None, validation_alias=AliasChoices("saveAs", "outputFile", "save_as")
    )
    """The file's name; the server's or the address's own if left out."""

    async def run(self, context: Context) -> dict[str, Json]:
        call = await self.call(context)
        allows = await self.allows(context, call)
        name = await context.render(self.save_as)
        async with answered(context, call) as response:
            code = response.status_code
            if not allows and not call.accepts(code):
                raise TaskFailed(refused(call, response, await _beginning(response)))
            path = context.directory / "download"
            length = await _save(context, response, path)
            _check(call, response)
        if length == 0 and await context.render(self.fail_on_empty_response):
            raise TaskFailed("No response from server")
        context.metric("response.length", length)
        stored = await context.put(path, name.replace("/", "-") if name else _name(call, response))
        path.unlink()
        return {
            "uri": stored,
            "code": code,
            "length": length,
            "headers": header_lists(response),
            "statusCode": code,
            "size": length,
        }


async def _save(context: Context, response: httpx.Response, path: Path) -> int:
    expected = int(response.headers.get("Content-Length") or 0)
    length = 0
    shown = 0
    with path.open("wb") as file:
        async for chunk in response.aiter_bytes():
            file.write(chunk)
            length += len(chunk)
            if expected and (percent := length * 100 // expected) != shown:
                shown = percent
                context.progress(min(1.0, length / expected), f"{length} of {expected} bytes")
    return length


async def _beginning(response: httpx.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) >= SHOWN:
            break
    return content


def _check(call: Call, response: httpx.Response) -> None:
    expected = response.headers.get("Content-Length")
    got = response.num_bytes_downloaded
    if expected and call.method != "HEAD" and int(expected) != got:
        raise TaskFailed(f"{call.uri}: {got} bytes came, {expected} were announced")


def _name(call: Call, response: httpx.Response) -> str:
    if found := NAMED.search(response.headers.get("Content-Disposition", "")):
        name = unquote(found[1])
    else:
        name = unquote(urlsplit(str(response.url)).path)
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].strip(". ") or "download"


FILE = Example(
    title="Download a file and say how long it is",
    needs="a connection to the internet",
    flow="""
id: download-a-file
namespace: demo
tasks:
  - id: get
    type: io.kestra.plugin.core.http.Download
    uri: https://raw.githubusercontent.com/vega/vega-datasets/main/data/seattle-weather.csv
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.get.length }} bytes"}
""",
)
