"""The shipped data over HTTP, on this machine only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import DATA


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != f"/{DATA.name}":
            self.send_error(404, f"Only /{DATA.name} is here")
            return
        body = DATA.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/csv; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the flow's own log tells what was downloaded."""


def serve() -> str:
    """The address of the data, until this process ends: for notebooks."""
    return _address(_started())


@contextmanager
def served() -> Iterator[str]:
    """The address of the data, as long as the block lasts."""
    server = _started()
    try:
        yield _address(server)
    finally:
        server.shutdown()
        server.server_close()


def _started() -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)  # any free port
    threading.Thread(target=server.serve_forever, name="flowbook-demo-data", daemon=True).start()
    return server


def _address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{DATA.name}"
