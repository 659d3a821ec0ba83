"""A first flow on real data: Seattle's daily weather from 2012 to 2015, its flow and its notebook."""

from __future__ import annotations

from pathlib import Path

FILES = Path(__file__).parent / "files"
DATA = FILES / "seattle-weather.csv"
FLOW = "seattle-weather.yaml"
NOTEBOOK = "weather-report.ipynb"
ID = "demo.seattle-weather"
NEEDS = ("pandas", "matplotlib")


def missing() -> tuple[str, ...]:
    """The packages of the extra `flowbook[demo]` that are not installed."""
    from importlib.util import find_spec

    return tuple(name for name in NEEDS if find_spec(name) is None)


def lay_out(folder: Path) -> tuple[Path, ...]:
    """Put the flow, its notebook, the data and its licence into a folder; files that are there stay."""
    written = []
    for name in (FLOW, NOTEBOOK, DATA.name, "SOURCES.md"):
        target = folder / ("flows" if name in (FLOW, NOTEBOOK) else "data") / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((FILES / name).read_bytes())
            written.append(target)
    return tuple(written)
