"""The order of cells, from what each says it comes after and from the names they read and write: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .cell_names import Names, names_of


@dataclass(frozen=True, slots=True)
class Edge:
    """One cell comes before another."""

    before: str
    after: str
    why: str
    """`by df`, or in words."""

    def __str__(self) -> str:
        return f"{self.before} → {self.after}, {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A cell among others, in the order of their first run."""

    id: str
    code: str
    after: tuple[str, ...] | None = None
    """What it comes after; `None` if that follows from names."""
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", names_of(self.code))


@dataclass(frozen=True, slots=True)
class Order:
    """Cells in an order that keeps every edge, and the edges."""

    ids: tuple[str, ...]
    edges: tuple[Edge, ...]
    undefined: Mapping[str, tuple[str, ...]]
    """Names that a cell reads and no cell writes, by cell."""
    circle: tuple[str, ...] = ()
    """Cells that are said to come after each other; no order keeps that."""

    def into(self, cell: str) -> tuple[Edge, ...]:
        """What a cell comes after."""
        return tuple(edge for edge in self.edges if edge.after == cell)


def ordered(cells: Sequence[Placed]) -> Order:
    """The order of cells that are given in the order of their first run."""
    said = [Edge(before, cell.id, "as it says") for cell in cells for before in cell.after or ()]
    free = {cell.id for cell in cells if cell.after is None}
    found = [edge for edge in _from_names(cells) if edge.after in free]
    position = {cell.id: number for number, cell in enumerate(cells)}
    kept = _without_circles(said, found, position)
    ids, circle = _sorted(position, [*said, *kept])
    return Order(ids, (*said, *kept), dict(_undefined(cells)), circle)


def _undefined(cells: Sequence[Placed]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if any(cell.names.unseen for cell in cells):
        return  # it may define anything
    for cell in cells:
        others = {name for other in cells if other is not cell for name in other.names.writes}
        if missing := cell.names.reads - others:
            yield cell.id, tuple(sorted(missing))


def _from_names(cells: Sequence[Placed]) -> Iterator[Edge]:
    """The edges that follow from names, joined for each pair of cells."""
    joined: dict[tuple[str, str], list[str]] = {}
    for name in sorted({name for cell in cells for name in cell.names.writes}):
        for pair in _of_name(name, cells):
            joined.setdefault(pair, []).append(name)
    for (before, after), names in joined.items():
        yield Edge(before, after, f"by {', '.join(names)}")
    for number, cell in enumerate(cells):
        if unseen := cell.names.unseen:
            for other in cells[:number]:
                if (other.id, cell.id) not in joined:
                    yield Edge(other.id, cell.id, _unseen(cell.id, unseen))
            for other in cells[number + 1 :]:
                if (cell.id, other.id) not in joined and not other.names.unseen:
                    yield Edge(cell.id, other.id, _unseen(cell.id, unseen))


def _unseen(cell: str, code: str) -> str:
    return (
        f"in the order of first run, since nobody can tell what `{code}` in {cell} reads or writes"
    )


def _of_name(name: str, cells: Sequence[Placed]) -> Iterator[tuple[str, str]]:
    """What one name says: writers in turn, each reader between the writers around it."""
    users = [cell for cell in cells if name in cell.names.reads | cell.names.writes]
    writers = [cell for cell in users if name in cell.names.writes]
    binders = [cell for cell in writers if name not in cell.names.changes]
    if _is_same_import(name, binders):  # what a module's functions change is not the module
        yield from ((binders[0].id, one.id) for one in users if one not in binders)
        return
    makers = [cell for cell in writers if name not in cell.names.reads]
    if makers and writers[0] not in makers:  # it changes what is made further down
        writers = [makers[0], *(cell for cell in writers if cell is not makers[0])]
    yield from ((one.id, other.id) for one, other in pairwise(writers))
    place = {cell.id: number for number, cell in enumerate(cells)}
    for reader in users:
        if reader not in writers:
            yield from _around(reader, writers, place)


def _around(
    reader: Placed, writers: Sequence[Placed], place: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """A reader comes after the last writer before it and before the next; after all if none is before."""
    before = [number for number, one in enumerate(writers) if place[one.id] < place[reader.id]]
    if not before:
        yield writers[-1].id, reader.id
        return
    yield writers[before[-1]].id, reader.id
    if before[-1] + 1 < len(writers):
        yield reader.id, writers[before[-1] + 1].id


def _is_same_import(name: str, writers: Iterable[Placed]) -> bool:
    """Whether all of them bind the name by the same import, and nothing else."""
    whats = {
        next((what for known, what in cell.names.imports if known == name), None)
        for cell in writers
    }
    return len(whats) == 1 and None not in whats


def _without_circles(
    said: Iterable[Edge], found: Iterable[Edge], position: Mapping[str, int]
) -> list[Edge]:
    """The edges that can hold together: those along the order of first run come first."""
    following: dict[str, set[str]] = {}
    for edge in said:
        following.setdefault(edge.before, set()).add(edge.after)
    kept = []
    for edge in sorted(found, key=lambda edge: position[edge.before] > position[edge.after]):
        if not _leads(edge.after, edge.before, following):
            following.setdefault(edge.before, set()).add(edge.after)
            kept.append(edge)
    return kept


def _leads(start: str, end: str, following: Mapping[str, set[str]]) -> bool:
    seen, queue = {start}, [start]
    while queue:
        here = queue.pop()
        if here == end:
            return True
        new = following.get(here, set()) - seen
        seen |= new
        queue += new
    return False


def _sorted(
    position: Mapping[str, int], edges: Iterable[Edge]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids so that every edge leads down, else as near as can be to the order of first run."""
    waits: dict[str, set[str]] = {name: set() for name in position}
    for edge in edges:
        if edge.before in waits and edge.after in waits:
            waits[edge.after].add(edge.before)
    done: list[str] = []
    while waits:
        ready = next((name for name in waits if waits[name] <= set(done)), None)
        if ready is None:
            return tuple(position), tuple(waits)
        del waits[ready]
        done.append(ready)
    return tuple(done), ()
