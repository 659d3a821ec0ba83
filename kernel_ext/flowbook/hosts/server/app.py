"""The extension of a Jupyter Server; `flowbook server` is a server with this one extension."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback

from . import parked
from .host import ServerHost
from .routes import (
    continuing,
    control,
    debugging,
    executions,
    files,
    flows,
    inputs,
    own,
    status,
    triggers,
)
from .stream import StreamHandler

PORT = 8080
BASE = "/flowbook"


OWN = (*own.ROUTES, *inputs.OWN, *continuing.ROUTES, *debugging.OWN, *files.ROUTES)


def routes(*, at_root: bool) -> list[tuple[str, type[Any]]]:
    """Every route; `flowbook server` answers at the root too."""
    api = [
        (rf"/api/v1(?:/main)?{pattern}", handler)
        for pattern, handler in (
            *flows.ROUTES,
            *inputs.ROUTES,
            *control.ROUTES,
            *debugging.ROUTES,
            *executions.ROUTES,
            *triggers.ROUTES,
        )
    ]
    api += [(rf"/api/x{pattern}", handler) for pattern, handler in OWN]
    api += [*status.ROUTES, ("/stream", StreamHandler)]
    found = [(BASE + pattern, handler) for pattern, handler in api]
    return found + api if at_root else found


class FlowbookApp(ExtensionApp):  # type: ignore[misc]
    """Workflow orchestration that lives where notebooks live: schedules, REST, the live stream."""

    name = "flowbook"
    app_name = "flowbook server"
    description = "Fire schedules, answer REST and the stream, without JupyterLab."
    extension_url = "/flowbook/ping"
    open_browser = False
    load_other_extensions = False
    serverapp_config = {"open_browser": False}

    @classmethod
    def get_extension_package(cls) -> str:
        return "flowbook"

    @classmethod
    def get_extension_point(cls) -> str:
        return cls.__module__

    def initialize_settings(self) -> None:
        self.host = ServerHost(Path(self.serverapp.root_dir))
        self.host.tell_kernels()
        parked.follow(self.serverapp.kernel_manager, self.host.place.runtime / "parked")
        self.settings["flowbook_host"] = self.host

    def initialize_handlers(self) -> None:
        alone = self.serverapp.starter_app is self
        self.handlers.extend(routes(at_root=alone))
        if not _panel_is_built():
            self.log.info(
                "flowbook: its JupyterLab extension isn't built; 'flowbook doctor' says how to mend it"
            )

    async def _start_jupyter_server_extension(self, _: Any) -> None:
        self.host.start()
        self._activity = PeriodicCallback(self._stay_awake, 60_000)
        self._activity.start()

    def _stay_awake(self) -> None:
        """While schedules exist the server isn't idle."""
        if self.host.has_schedules:
            from jupyter_server._tz import utcnow

            self.serverapp.web_app.settings["last_activity_times"]["flowbook"] = utcnow()

    async def stop_extension(self) -> None:
        if hasattr(self, "_activity"):
            self._activity.stop()
        await self.host.close()


def _panel_is_built() -> bool:
    from jupyter_core.paths import jupyter_path

    built = Path(__file__).parents[2] / "labextension" / "package.json"
    return built.is_file() or any(
        (Path(folder) / "flowbook-lab" / "package.json").is_file()
        for folder in jupyter_path("labextensions")
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve until stopped: `flowbook server`."""
    given = sys.argv[1:] if arguments is None else arguments
    if not any(one.startswith(("--port", "--ServerApp.port")) for one in given):
        given = [f"--port={PORT}", *given]
    FlowbookApp.launch_instance(given)
