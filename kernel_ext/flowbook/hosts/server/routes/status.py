"""`/ping` and `/health`: open, and they say nothing but that somebody is there."""

from __future__ import annotations

from typing import Any

import tornado.web as web
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler

from ..base import json_text


class _Open(JupyterHandler):  # type: ignore[misc]
    """Answers without a token; so it has no cookies, no XSRF and one method."""

    def options(self, *args: Any, **kwargs: Any) -> None:
        raise web.HTTPError(405)


class PingHandler(_Open):
    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        self.set_header("Content-Type", "text/plain")
        self.finish("pong")


class HealthHandler(_Open):
    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json_text({"status": "UP"}))


OPEN = (PingHandler, HealthHandler)
"""The handlers that answer without a token."""
ROUTES = [("/ping", PingHandler), ("/health", HealthHandler)]
