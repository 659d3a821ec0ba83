"""The pages of a service, asked for one after another and put together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from pydantic import AliasChoices, Field, ValidationError

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Written

from .call import Call

if TYPE_CHECKING:
    from .request import Request

NEXT = re.compile(r"""<([^>]+)>[^,]*;\s*rel="?next"?""", re.IGNORECASE)
STEP = re.compile(r"\[(-?\d+)\]|([^.\[\]]+)")


class Pagination(Written):
    """How the next page is found: by a token in the answer, a `Link` header, or a number."""

    type: Literal["next_page", "header_link", "page", "offset"]
    """next_page, header_link, page or offset."""
    results: str | None = None
    """Where the list of results is: `body.data`."""
    next_page_token: str | None = Field(
        None,
        validation_alias=AliasChoices("nextPageToken", "nextPageTokenPath", "next_page_token"),
    )
    """Where the answer tells that there is a next page, or its token."""
    next_page_cursor_path: str | None = None
    """Where the value is that leads to the next page."""
    next_page_query_params: Mapping[str, Json] = {}
    """Parameters of the next request; `nextPageToken`, `page` and `offset` are in scope."""
    max_page: int = Field(
        1000, ge=1, validation_alias=AliasChoices("maxPage", "maxPages", "max_page")
    )
    """The most pages."""


async def all_pages(task: Request, context: Context, call: Call, allows: bool) -> dict[str, Json]:
    """The outputs of the first page, with the results of all pages in its body."""
    from .request import one_answer

    pages = _read(task.pagination)
    pause = await _pause(task, context)
    outputs = await one_answer(context, call, allows)
    body = _parsed(outputs["body"])
    results = _results(pages, body)
    given = dict(pages.next_page_query_params)
    asked, page, token, size = call, outputs, None, outputs["size"]
    for number in range(2, pages.max_page + 1):
        found = _next(pages, page, _parsed(page["body"]), len(results), number)
        if found is None or found == token:
            break
        token = found
        asked = await _following(context, pages, call, asked, given, token, number)
        await context.sleep(pause)
        page = await one_answer(context, asked, allows)
        size += page["size"]
        more = _results(pages, _parsed(page["body"]))
        if not more:
            break
        results = [*results, *more]
    whole = _put(pages, body, results)
    outputs["body"] = whole if context.dialect == "seed" else json.dumps(whole, ensure_ascii=False)
    return {**outputs, "size": size}


def _read(given: Json) -> Pagination:
    try:
        return Pagination.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TaskFailed(f"'pagination.{place}': {first['msg']}") from None


async def _pause(task: Request, context: Context) -> float:
    limit = await context.render_json(task.rate_limit)
    rate = float(limit.get("requestsPerSecond", 0)) if isinstance(limit, Mapping) else 0.0
    return 1 / rate if rate > 0 else 0.0


async def _following(
    context: Context,
    pages: Pagination,
    first: Call,
    last: Call,
    given: Mapping[str, Json],
    token: Any,
    number: int,
) -> Call:
    if pages.type == "header_link":
        return replace(last, uri=urljoin(last.uri, str(token)), params={})
    extra = {"nextPageToken": token, "page": number, "offset": token}
    params = {
        await context.render_text(name, extra): await context.render_text(str(value), extra)
        for name, value in given.items()
    }
    if not params:
        params = {"page" if pages.type == "page" else "offset": str(token)}
    return replace(first, params={**first.params, **params})


def _next(pages: Pagination, page: Mapping[str, Any], body: Json, so_far: int, number: int) -> Json:
    """What tells the next page, or `None` after the last."""
    answer = {"body": body, "headers": page["headers"]}
    match pages.type:
        case "header_link":
            links = ", ".join(page["headers"].get("link", ()))
            found = NEXT.search(links)
            return found[1] if found else None
        case "page":
            return number if _results(pages, body) else None
        case "offset":
            return so_far if _results(pages, body) else None
        case "next_page":
            told = look(answer, pages.next_page_token) if pages.next_page_token else True
            if not told:
                return None
            return (
                look(answer, pages.next_page_cursor_path) if pages.next_page_cursor_path else told
            )


def _results(pages: Pagination, body: Json) -> list[Json]:
    found = look({"body": body}, pages.results) if pages.results else body
    return found if isinstance(found, list) else []


def _put(pages: Pagination, body: Json, results: list[Json]) -> Json:
    if pages.results is None or isinstance(body, list):
        return results if isinstance(body, list) else body
    whole = deepcopy(body)
    *path, last = [name for _, name in STEP.findall(pages.results)][1:] or [""]
    place = whole
    for name in path:
        place = place[name]
    if last and isinstance(place, dict):
        place[last] = results
    return whole


def look(value: Json, path: str) -> Json:
    """What a path like `body.data[-1].id` leads to; `None` where it leads nowhere."""
    for index, name in STEP.findall(path.strip().removeprefix("{{").removesuffix("}}").strip()):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _parsed(body: Json) -> Json:
    if isinstance(body, str):
        try:
            return json.loads(body)
        except ValueError:
            return None
    return body
