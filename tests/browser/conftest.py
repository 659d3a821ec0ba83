"""A real JupyterLab with the built extension, and a real Chromium that looks at it."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
BUILT = REPOSITORY / "kernel_ext" / "flowbook" / "labextension"
TOKEN = "browser-test"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """The browser to drive: `CHROMIUM_PATH`, else what the machine has."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    url: str
    root: Path
    """The folder it serves, which is also the workspace."""
    env: dict[str, str]
    log: Path

    def notebook(self, name: str, cells: list[dict[str, Any]], *, trusted: bool = False) -> str:
        """Write a notebook, signed if trusted; its path for `docmanager:open`."""
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
            },
            "cells": cells,
        }
        path = self.root / name
        path.write_text(json.dumps(content), encoding="utf-8")
        if trusted:
            import nbformat
            from nbformat.sign import NotebookNotary

            notary = NotebookNotary(data_dir=self.env["JUPYTER_DATA_DIR"])
            notary.sign(nbformat.read(path, as_version=4))
            notary.store.close()
        return name

    @staticmethod
    def code(source: str, *outputs: dict[str, Any], id: str = "one") -> dict[str, Any]:
        """A code cell with what it displayed."""
        return {
            "cell_type": "code",
            "id": id,
            "metadata": {},
            "execution_count": 1 if outputs else None,
            "source": source,
            "outputs": [
                {"output_type": "display_data", "metadata": {}, "data": data} for data in outputs
            ],
        }


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if chromium_path() is None:
        pytest.skip("no Chromium here: install chromium or set CHROMIUM_PATH")
    if not (BUILT / "package.json").is_file():
        pytest.skip("the JupyterLab extension isn't built: cd labextension && jlpm && jlpm build")
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # else the news popup covers a corner
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    extensions = home / "labextensions"
    extensions.mkdir()
    (extensions / "flowbook-lab").symlink_to(BUILT)
    config = home / "config" / "jupyter_server_config.d"
    config.mkdir(parents=True)
    shutil.copy(REPOSITORY / "kernel_ext" / "jupyter-config" / "flowbook.json", config)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "kernel_ext"),
        "FLOWBOOK_HOME": str(root),
        "JUPYTER_CONFIG_DIR": str(home / "person"),
        "JUPYTER_CONFIG_PATH": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "rt"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    log = home / "lab.log"
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={root}",
        f"--LabServerApp.extra_labextensions_path={extensions}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=env, stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_server(url, server, log)
        yield Lab(url=url, root=root, env=env, log=log)
    finally:
        server.terminate()
        server.wait(20)


def _await_server(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/api?token={TOKEN}").close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


@pytest.fixture(scope="session")
def browser(lab: Lab) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield chromium
        chromium.close()


class Tab:
    """A browser tab with JupyterLab in it, and the errors it had."""

    def __init__(self, context: Any, lab: Lab) -> None:
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        self.page.goto(f"{lab.url}/lab?token={TOKEN}&reset")
        self.page.wait_for_function("window.jupyterapp?.commands?.hasCommand('flowbook:reveal')")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def check(self) -> None:
        """Fail for an error of ours."""
        ours = [error for error in self.errors if "flowbook" in error]
        self.errors.clear()
        assert not ours, ours


@pytest.fixture(scope="session")
def shared_tab(browser: Any, lab: Lab) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(30_000)
    yield Tab(context, lab)
    context.close()


CLEAR = """async () => {
    const app = window.jupyterapp;
    for (const widget of [...app.shell.widgets('main')]) {
        // a kernel that is still starting would outlive the notebook
        if (widget.sessionContext?.kernelPreference.canStart !== false)
            await widget.sessionContext?.ready;
        await widget.sessionContext?.shutdown();
        widget.dispose();
    }
}"""


@pytest.fixture
def page(shared_tab: Tab, request: pytest.FixtureRequest) -> Iterator[Any]:
    """JupyterLab with nothing open; its errors fail the test. Loading it anew takes long: see `fresh_page`."""
    yield shared_tab.page
    if os.environ.get("FLOWBOOK_SHOTS"):
        shots = Path(os.environ["FLOWBOOK_SHOTS"])
        shared_tab.page.screenshot(path=shots / f"end-{request.node.name}.png")
    shared_tab.page.unroute_all()
    shared_tab.page.evaluate(CLEAR)
    shared_tab.check()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    """A fresh browser profile, to route requests in before `fresh_page` loads."""
    profile = browser.new_context(viewport={"width": 1400, "height": 1000})
    profile.set_default_timeout(30_000)
    yield profile
    profile.close()


@pytest.fixture
def fresh_page(context: Any, lab: Lab) -> Iterator[Any]:
    """JupyterLab just loaded, for what happens only then."""
    tab = Tab(context, lab)
    yield tab.page
    tab.check()


@pytest.fixture
def open_notebook(page: Any) -> Callable[..., Any]:
    """Open a notebook in the page, with a kernel unless told otherwise, and wait for its first cell."""

    def opened(path: str, *, kernel: bool = True) -> Any:
        how = {} if kernel else {"kernelPreference": {"shouldStart": False, "canStart": False}}
        page.evaluate(
            "async how => { await window.jupyterapp.commands.execute('docmanager:open', how) }",
            {"path": path, **how},
        )
        panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        panel.locator(".jp-Cell").first.wait_for()
        return panel

    return opened


RUN_ALL = """async () => {
    const { shell, commands } = window.jupyterapp;
    const { sessionContext } = shell.currentWidget;
    await sessionContext.ready;
    // without a kernel JupyterLab would ask for one
    await sessionContext.session.kernel.info;
    void commands.execute('notebook:run-all-cells');
}"""


@pytest.fixture(scope="session")
def run_all() -> Callable[[Any], None]:
    """Run the cells of the notebook that a page shows, without waiting for their end."""
    return lambda page: page.evaluate(RUN_ALL)


@pytest.fixture(scope="session")
def theme() -> Callable[[Any, str], None]:
    """Switch a page to `light` or `dark`, and wait for it."""

    def switched(page: Any, name: str) -> None:
        full = f"JupyterLab {name.capitalize()}"
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", full
        )
        page.locator(f"body[data-jp-theme-name='{full}']").wait_for(state="attached")
        page.locator("#jupyterlab-splash").wait_for(state="detached")

    return switched


@pytest.fixture(scope="session")
def shots(request: pytest.FixtureRequest) -> Path:
    """Where screenshots go, to be looked at."""
    folder = Path(os.environ.get("FLOWBOOK_SHOTS") or request.config.rootpath / "test-results")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def bundle() -> Callable[..., dict[str, Any]]:
    """The MIME bundle of the sample run: `running`, `failed` or `success`."""
    from flowbook.views.run import run_view

    rows = runpy.run_path(str(Path(__file__).parents[1] / "views" / "weather.py"))

    def made(name: str, **more: Any) -> dict[str, Any]:
        return run_view(**rows[name](), **more).bundle()

    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
