"""What every part of a workspace's synchronous face stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbook.engine.workspace import Workspace as Engine
    from flowbook.portal import Portal


class Face:
    """The engine, and the portal to the loop it lives on."""

    engine: Engine
    portal: Portal
