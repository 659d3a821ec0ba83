"""Who may ask what: every route but two wants a token."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from flowbook.hosts.server.app import routes
from flowbook.hosts.server.routes.status import OPEN

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def ours(web_app: Any) -> list[tuple[str, type[Any]]]:
    """Every route of the running server that leads into flowbook's code."""
    found = []
    for rule in _rules(web_app.default_router):
        handler = rule.target
        if isinstance(handler, type) and handler.__module__.startswith("flowbook."):
            found.append((rule.matcher.regex.pattern, handler))
    return found


def _rules(router: Any) -> Any:
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from _rules(rule.target)
        else:
            yield rule


def path_of(pattern: str) -> str:
    """A path that a route's pattern matches."""
    path = pattern.rstrip("$")
    for part, text in (("(?:/main)?", ""), ("(?:actions/)?", ""), ("([^/]+)", "x")):
        path = path.replace(part, text)
    return path


async def test_no_handler_answers_without_a_token(
    jp_serverapp: Any, http_server_client: Any
) -> None:
    answered = []
    asked = 0
    for pattern, handler in ours(jp_serverapp.web_app):
        for method in METHODS:
            if handler in OPEN and method == "GET":
                continue
            asked += 1
            body = b"{}" if method in ("POST", "PUT", "PATCH") else None
            response = await http_server_client.fetch(
                path_of(pattern),
                method=method,
                body=body,
                follow_redirects=False,
                raise_error=False,
            )
            if response.code not in (403, 405):
                answered.append((method, pattern, response.code))

    assert asked > 40
    assert answered == []


def test_every_route_is_known_to_the_walk() -> None:
    patterns = [pattern for pattern, _ in routes(at_root=True)]

    assert len(patterns) == len(set(patterns))
    assert {path_of(pattern) for pattern in patterns} >= {
        "/flowbook/stream",
        "/stream",
        "/api/v1/flows/search",
        "/flowbook/api/v1/executions/x/kill",
    }


@pytest.mark.parametrize("path", ["ping", "health"])
async def test_ping_and_health_are_open(
    http_server_client: Any, jp_serverapp: Any, path: str
) -> None:
    response = await http_server_client.fetch(f"{jp_serverapp.base_url}flowbook/{path}")

    assert response.body in (b"pong", b'{"status":"UP"}')


async def test_basic_authentication_counts_as_the_token(
    http_server_client: Any, jp_serverapp: Any
) -> None:
    token = jp_serverapp.identity_provider.token
    coded = base64.b64encode(f"ada:{token}".encode()).decode()
    wrong = base64.b64encode(b"ada:wrong").decode()
    url = f"{jp_serverapp.base_url}flowbook/api/v1/flows/search"

    response = await http_server_client.fetch(url, headers={"Authorization": f"Basic {coded}"})
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(url, headers={"Authorization": f"Basic {wrong}"})

    assert response.code == 200
    assert refused.value.code == 403


async def test_a_foreign_origin_is_refused(jp_fetch: Any) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(
            "flowbook", "api", "v1", "flows", "search", headers={"Origin": "http://elsewhere.test"}
        )

    assert refused.value.code in (403, 404)


async def test_another_tenant_isnt_there(jp_fetch: Any) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("flowbook", "api", "v1", "other", "flows", "search")

    assert refused.value.code == 404
