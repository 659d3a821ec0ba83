"""The sidebar lists flows and executions, and follows the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

FLOWS = [
    {"id": "seattle-weather", "namespace": "demo", "revision": 3},
    {"id": "train-regions", "namespace": "ml", "revision": 12},
    {"id": "backtest", "namespace": "ml", "revision": 1},
    {"id": "weekly-report-for-regional-managers", "namespace": "sales.europe", "disabled": True},
]


def execution(id: str, flow: str, namespace: str, state: str, minutes: int) -> dict[str, Any]:
    start = datetime.now(UTC) - timedelta(minutes=minutes)
    dates = {"startDate": start.isoformat()}
    if state != "RUNNING":
        dates["endDate"] = (start + timedelta(seconds=48)).isoformat()
    return {"id": id, "flowId": flow, "namespace": namespace, "state": {"current": state, **dates}}


def executions() -> list[dict[str, Any]]:
    return [
        execution("run1", "train-regions", "ml", "RUNNING", 6),
        execution("run2", "seattle-weather", "demo", "SUCCESS", 30),
        execution("run3", "backtest", "ml", "FAILED", 60 * 24 + 1),  # yesterday, whatever the time
    ]


class Server:
    """The routes the sidebar asks, answered in the page; the real ones have tests of their own."""

    def __init__(self, context: Any) -> None:
        self.asked: list[str] = []
        self.sockets: list[Any] = []
        self.said: list[Any] = []
        self.news: list[tuple[int, dict[str, Any]]] = []
        """Sent to whoever subscribes."""
        self.standing: list[dict[str, Any]] = []
        """How far what runs is; sent behind the news."""
        context.route("**/flowbook/**", self._answer)
        context.route_web_socket("**/flowbook/stream*", self._stream)

    def _answer(self, route: Any) -> None:
        path = route.request.url.partition("/flowbook/")[2]
        self.asked.append(f"{route.request.method} {path.partition('?')[0]}")
        if "flows/search" in path:
            route.fulfill(json={"results": FLOWS, "total": len(FLOWS)})
        elif "executions/search" in path:
            route.fulfill(json={"results": executions(), "total": 3})
        else:
            route.fulfill(status=202, body="")

    def _stream(self, socket: Any) -> None:
        self.sockets.append(socket)
        socket.on_message(self._subscribe)

    def _subscribe(self, message: str) -> None:
        self.said.append(json.loads(message))
        for seq, row in self.news:
            self.sockets[-1].send(json.dumps({"seq": seq, "rows": {"executions": [row]}}))
        if self.standing:
            self.sockets[-1].send(json.dumps({"seq": 0, "rows": {"progress": self.standing}}))


@pytest.fixture
def server(context: Any) -> Server:
    return Server(context)


def reveal(page: Any, id: str | None = None) -> Any:
    page.evaluate("id => window.jupyterapp.commands.execute('flowbook:reveal', {id})", id)
    return page.locator("#flowbook-sidebar")


def test_lists_flows_and_executions(
    server: Server, fresh_page: Any, theme: Callable[[Any, str], None], shots: Path
) -> None:
    side = reveal(fresh_page, "run1")
    side.get_by_role("region", name="Running").get_by_text("train-regions").wait_for()
    assert side.get_by_role("region", name="Flows").locator("summary").all_inner_texts() == [
        "demo\n1",
        "ml\n2",
        "sales.europe\n1",
    ]
    assert side.get_by_role("region", name="Executions").locator(
        ".fb-mod-meta"
    ).all_inner_texts() == [
        "29 min ago",
        "yesterday",
    ]
    for mode in ("dark", "light"):
        theme(fresh_page, mode)
        side.screenshot(path=shots / f"sidebar-{mode}.png")


def test_follows_the_stream(server: Server, fresh_page: Any) -> None:
    row = {"id": "run1", "namespace": "ml", "flow_id": "train-regions", "state": "KILLED"}
    dates = {"started_at": "2026-11-20T10:00:00Z", "ended_at": "2026-11-20T10:06:00Z"}
    server.news = [(7, {**row, **dates})]
    side = reveal(fresh_page)
    side.get_by_role("region", name="Executions").get_by_role("img", name="killed").wait_for()
    assert side.get_by_role("region", name="Running").count() == 0
    assert server.said == [{"subscribe": "executions", "since": None}]


def test_says_how_far_a_running_one_is(server: Server, fresh_page: Any, shots: Path) -> None:
    standing = {"execution_id": "run1", "ended": 34, "expected": 53}
    server.standing = [{**standing, "at": "fit, cell 7 of 12", "estimate": 460.0}]
    side = reveal(fresh_page)
    running = side.get_by_role("region", name="Running").get_by_role("listitem")
    running.get_by_text("34 of 53 · fit, cell 7 of 12").wait_for()
    running.get_by_text(re.compile(r"^1:[0-5]0 left$")).wait_for()
    side.screenshot(path=shots / "sidebar-standing.png")


def test_reconnects_from_the_last_number(server: Server, fresh_page: Any) -> None:
    row = {"id": "new", "namespace": "ml", "flow_id": "backtest", "state": "RUNNING"}
    server.news = [(41, row)]
    side = reveal(fresh_page)
    side.get_by_role("region", name="Running").get_by_text("backtest").wait_for()
    server.sockets[-1].close()
    side.get_by_text("Not connected since").wait_for()
    side.get_by_role("button", name="Try now").click()
    side.get_by_text("Not connected since").wait_for(state="detached")
    side.get_by_role("region", name="Running").get_by_text("train-regions").wait_for()
    assert server.said[-1] == {"subscribe": "executions", "since": 41}


def test_kills_from_the_list(server: Server, fresh_page: Any) -> None:
    side = reveal(fresh_page, "run1")
    side.get_by_role("button", name="Kill").click()
    side.get_by_role("button", name="Kill").click()
    side.get_by_text("Killing…").wait_for()
    assert "DELETE api/v1/main/executions/run1/kill" in server.asked


def test_chosen_flow_narrows_the_executions(server: Server, fresh_page: Any) -> None:
    side = reveal(fresh_page)
    side.get_by_role("region", name="Flows").get_by_role("button", name="backtest").click()
    rows = side.get_by_role("region", name="Executions of ml.backtest").locator("li")
    rows.first.wait_for()
    assert rows.count() == 1


def test_says_when_the_server_part_is_missing(context: Any, fresh_page: Any, shots: Path) -> None:
    context.route("**/flowbook/**", lambda route: route.fulfill(status=404, body="<html>"))
    side = reveal(fresh_page)
    side.get_by_text("flowbook's server part isn't running.").wait_for()
    side.screenshot(path=shots / "sidebar-missing.png")
    assert side.locator("code").inner_text() == "jupyter server extension enable flowbook"


def test_newcomer_is_told_what_a_flow_is(context: Any, fresh_page: Any, shots: Path) -> None:
    context.route("**/flowbook/**", lambda route: route.fulfill(json={"results": [], "total": 0}))
    context.route_web_socket("**/flowbook/stream*", lambda _: None)
    side = reveal(fresh_page)
    side.get_by_role("heading", name="No flows here yet").wait_for()
    side.screenshot(path=shots / "sidebar-empty.png")
