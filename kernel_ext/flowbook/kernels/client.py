"""Talks to one kernel over a shell, an iopub and a control socket, without fixed waits.

Theory of operation. The event loop watches each socket's descriptor, and whatever has arrived is read at once. That
descriptor tells of a change only, and sending may take the news from it: so reading goes on until nothing is left,
and begins again after each message that is sent. (Sockets of `zmq.asyncio` do the same with several objects a message.)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from .wire import Message, Wire

Heard = Callable[[Message], None]
AT_ONCE = 50
"""Messages that are read before others of the event loop have their turn."""


class KernelClient:
    """A connection to a kernel that is starting or has started.

    Messages of iopub go to the listener of the request they belong to, in their order; those of
    requests that have ended still find it. Use as an async context manager.
    """

    def __init__(self, connection: Mapping[str, Any]) -> None:
        import zmq as imported

        zmq: Any = imported  # it makes its constants at run time
        self._zmq = zmq
        self._wire = Wire(
            connection.get("key", b""), connection.get("signature_scheme", "hmac-sha256")
        )
        context = zmq.Context.instance()
        self._shell = self._connect(context.socket(zmq.DEALER), connection, "shell")
        self._control = self._connect(context.socket(zmq.DEALER), connection, "control")
        self._iopub = context.socket(zmq.SUB)
        self._iopub.setsockopt(zmq.RCVHWM, 0)  # a fast kernel must not be made to drop outputs
        self._iopub.setsockopt(zmq.SUBSCRIBE, b"")
        self._connect(self._iopub, connection, "iopub")
        self._listeners: dict[str, Heard] = {}
        self._replies: dict[str, asyncio.Future[Message]] = {}
        self._idle: dict[str, asyncio.Event] = {}
        self._heard = asyncio.Event()
        self.on_any: Heard | None = None
        """Hears what belongs to no known request, and comm messages of all."""

    def _connect(self, socket: Any, connection: Mapping[str, Any], channel: str) -> Any:
        zmq = self._zmq
        socket.linger = 0
        socket.setsockopt(zmq.RECONNECT_IVL, 5)  # a starting kernel's socket isn't there yet
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 50)
        port, transport = connection[f"{channel}_port"], connection.get("transport", "tcp")
        mark = "-" if transport == "ipc" else ":"
        if secret := connection.get("curve_publickey"):
            public, private = zmq.curve_keypair()
            socket.curve_publickey, socket.curve_secretkey = public, private
            socket.curve_serverkey = secret if isinstance(secret, bytes) else secret.encode()
        socket.connect(f"{transport}://{connection['ip']}{mark}{port}")
        return socket

    async def __aenter__(self) -> KernelClient:
        loop = asyncio.get_running_loop()
        for socket in (self._shell, self._control, self._iopub):
            loop.add_reader(socket.fileno(), self._read, socket)
            self._read(socket)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        for socket in (self._shell, self._control, self._iopub):
            loop.remove_reader(socket.fileno())
            socket.close(0)

    def _read(self, socket: Any) -> None:
        """Hear all that has arrived; the rest in a moment, if it is a lot."""
        hear = self._on_iopub if socket is self._iopub else self._on_reply
        for _ in range(AT_ONCE):
            if socket.closed:
                return
            try:
                parts = socket.recv_multipart(self._zmq.NOBLOCK)
            except self._zmq.Again:
                return
            try:
                message = self._wire.unpack(parts)
            except (ValueError, TypeError, KeyError):
                continue  # not of this kernel, or not a message
            try:
                hear(message)
            except Exception as error:
                self._give_up(error)
        asyncio.get_running_loop().call_soon(self._read, socket)

    def _give_up(self, error: Exception) -> None:
        """What a kernel said can't be kept: whoever waits for it is told."""
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(error)

    def _on_reply(self, message: Message) -> None:
        waiting = self._replies.get(message["parent"])
        if waiting is not None and not waiting.done() and message["msg_type"].endswith("_reply"):
            waiting.set_result(message)

    def _on_iopub(self, message: Message) -> None:
        self._heard.set()
        request = message["parent"]
        kind = message["msg_type"]
        if kind == "status":
            if message["content"]["execution_state"] == "idle" and request in self._idle:
                self._idle[request].set()
            return
        listener = self._listeners.get(request)
        if kind.startswith("comm_") or listener is None:
            listener = self.on_any
        if listener is not None:
            listener(message)

    def _send(self, socket: Any, kind: str, content: Mapping[str, Any]) -> str:
        request, frames = self._wire.pack(kind, content)
        self._replies[request] = asyncio.get_running_loop().create_future()
        self._idle[request] = asyncio.Event()
        self._put(socket, frames)
        return request

    async def _answer(self, request: str) -> Message:
        try:
            return await self._replies[request]
        finally:
            self._replies.pop(request, None)

    async def ready(self) -> Mapping[str, Any]:
        """Wait until the kernel answers and its outputs reach us; its `kernel_info` reply."""
        # Kernels with a welcome say when they have our subscription. Others are asked again until
        # something is heard: what they publish before they know of us is lost.
        answered: Message | None = None
        while answered is None or not self._heard.is_set():
            request = self._send(self._shell, "kernel_info_request", {})
            if answered is None:
                answered = await self._answer(request)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), 0.1)
            self._forget(request)
        content: Mapping[str, Any] = answered["content"]
        return content

    async def execute(
        self, code: str, heard: Heard | None = None, *, store_history: bool = True
    ) -> Mapping[str, Any]:
        """Run code to its end; the reply's content. `heard` gets what it publishes."""
        content = {
            "code": code,
            "silent": False,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        request = self._send(self._shell, "execute_request", content)
        if heard is not None:
            self._listeners[request] = heard
        reply = await self._answer(request)
        # The reply and the outputs travel apart: what was published ends with "idle". A kernel that
        # never says so (some do not after a fatal error) is not waited for longer than this.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle[request].wait(), 10)
        self._idle.pop(request, None)
        found: Mapping[str, Any] = reply["content"]
        return found

    def _forget(self, request: str) -> None:
        self._replies.pop(request, None)
        self._idle.pop(request, None)

    async def drain(self) -> None:
        """Let in what had been sent before the kernel ended."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), 0.05)
            except TimeoutError:
                return

    def interrupt(self) -> None:
        """Ask for an interrupt by message, for kernels that take no signal."""
        self._send(self._control, "interrupt_request", {})

    def ask_to_end(self, *, by_shell: bool = False) -> None:
        """Ask the kernel to end by itself.

        ipykernel is asked on its shell channel: on the control channel its control thread may flush
        its streams when their thread has already ended, and hangs.
        """
        self._send(
            self._shell if by_shell else self._control, "shutdown_request", {"restart": False}
        )

    def _put(self, socket: Any, frames: list[bytes]) -> None:
        socket.send_multipart(frames)
        asyncio.get_running_loop().call_soon(self._read, socket)
