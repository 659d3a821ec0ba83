"""What every REST handler shares: who may ask, what an error looks like, JSON in and out."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import tornado.web as web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

from flowbook import errors

if TYPE_CHECKING:
    from .host import ServerHost

STATUS: Mapping[type[Exception], int] = {
    errors.FlowInvalid: 422,
    errors.InputInvalid: 422,
    errors.ExpressionError: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.WorkspaceError: 503,
    errors.FlowbookError: 400,
}
"""The HTTP status of what can go wrong; the first that fits counts."""


def guarded(method: Any) -> Any:
    """A method of a handler for people who have logged in and may do this."""
    return web.authenticated(authorized(method))


class FlowbookHandler(APIHandler):  # type: ignore[misc]
    """Answers JSON to whoever brings a token; every method of a subclass is `guarded`."""

    auth_resource = "flowbook"

    @property
    def host(self) -> ServerHost:
        host: ServerHost = self.settings["flowbook_host"]
        return host

    async def prepare(self) -> None:
        self._basic_to_token()
        await super().prepare()

    def skip_check_origin(self) -> bool:
        """A foreign `Origin` is refused even with a token."""
        return False

    def _basic_to_token(self) -> None:
        """`Basic user:token` counts as the token, so that clients of the reference work."""
        scheme, _, coded = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return
        try:
            _, _, token = b64decode(coded, validate=True).decode().partition(":")
        except ValueError:
            return
        self.request.headers["Authorization"] = f"token {token}"

    def options(self, *args: Any, **kwargs: Any) -> None:
        """Foreign origins are refused, so there is nothing to allow."""
        raise web.HTTPError(405)

    def answer(self, value: Any, status: int = 200) -> None:
        """Finish with a value as JSON."""
        self.set_status(status)
        self.finish(json_text(value))

    def page(self) -> tuple[int, int]:
        """`page` and `size` of a list, from 1. Raises: HTTPError."""
        try:
            page, size = int(self.get_argument("page", "1")), int(self.get_argument("size", "10"))
        except ValueError:
            raise web.HTTPError(422, "page and size are whole numbers") from None
        if page < 1 or not 1 <= size <= 10_000:
            raise web.HTTPError(422, "page starts at 1, size is between 1 and 10000")
        return page, size

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, errors.FlowbookError):
            status_code = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        super().send_error(status_code, **kwargs)

    def log_exception(self, *told: Any) -> None:
        if not isinstance(told[1], errors.FlowbookError):
            super().log_exception(*told)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        details = []
        if isinstance(error, errors.FlowInvalid):
            details = [
                {"message": one.message, "path": one.path} for one in error.problems if one.is_error
            ]
        elif isinstance(error, errors.InputInvalid):
            details = [
                {"message": message, "path": path}
                for message, path in zip(error.messages, error.paths, strict=True)
            ]
        elif isinstance(error, errors.Unconfirmed):
            details = [{"message": task, "path": "confirm"} for task in error.tasks]
        if isinstance(error, errors.FlowbookError):
            message = str(error)
        elif isinstance(error, web.HTTPError):
            message = error.log_message or error.reason or self._reason
        else:
            message = "flowbook failed; the server's log says why"
        self.finish(json_text({"message": message, "_links": {}, "_embedded": {"errors": details}}))


def json_text(value: Any) -> str:
    """JSON as the routes and the stream write it."""
    return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
