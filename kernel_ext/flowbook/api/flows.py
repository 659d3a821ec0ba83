"""What a workspace says and does about flows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.kinds.dynamic import Json

from .face import Face

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.problems import Problem


class Flows(Face):
    """Flows by `namespace.id`, their texts and revisions."""

    def deploy(self, source: str | Path | Mapping[str, Json] | Flow) -> Flow:
        """Save a flow (YAML text, a path, a mapping or a `Flow`) as the revision that counts.

        Raises `fb.FlowInvalid` with all problems.
        """
        return self.portal.call(self.engine.deploy(source))

    def validate(
        self, source: str | Path | Mapping[str, Json], *, namespace: str | None = None
    ) -> list[Problem]:
        """All problems of a flow: severity, message, line, column, hint; `namespace` if it names none."""
        return self.engine.validate(source, namespace=namespace)

    def flow(self, id: str, revision: int | None = None) -> Flow:
        """A flow by `namespace.id`. Raises `NotFound`."""
        return self.portal.call(self.engine.flow(id, revision))

    def flows(self, namespace: str | None = None, q: str | None = None) -> list[dict[str, Any]]:
        """The flows that are there: namespace, id, revision, draft, disabled, description, source …"""
        return self.portal.call(self.engine.store.query("flows_latest", namespace=namespace, q=q))

    def revisions(self, id: str) -> list[dict[str, Any]]:
        """All revisions of a flow, newest first: revision, source, draft, created_at … Raises `NotFound`."""
        from flowbook.engine.revisions import listed

        return self.portal.call(listed(self.engine, id))

    def compare(self, id: str, old: int | None = None, new: int | None = None) -> str:
        """How two revisions of a flow differ, as a unified diff; by default the newest two."""
        from flowbook.engine.revisions import compared

        return self.portal.call(compared(self.engine, id, old, new))

    def restore(self, id: str, revision: int) -> Flow:
        """Make an older revision's text the newest revision; a flow with a file is saved there."""
        from flowbook.engine.revisions import restored

        return self.portal.call(restored(self.engine, id, revision))

    def publish(self, id: str) -> Flow:
        """Make the newest text of a flow, a draft mostly, the revision that counts."""
        from flowbook.engine.revisions import published

        return self.portal.call(published(self.engine, id))

    def delete(self, id: str) -> bool:
        """Mark a flow deleted; its revisions and its history stay. Deploying it again brings it back."""
        return self.portal.call(self.engine.delete(id))
