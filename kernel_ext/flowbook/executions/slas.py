"""Promises about an execution: how long it may take, and what must hold after every change of it.

Theory of operation: durations are timers that are set when the execution is created, and those that haven't
run out once more when it goes on after its end. Assertions are asked one after another whenever something
has happened; the first that doesn't hold acts and the others aren't asked, so of several broken promises
only the first counts. An answer is no change itself. The end waits until they were asked about the last
change, however fast the tasks were. The promises are those of the execution's own revision:
what another revision has removed counts for what runs on the old one, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from flowbook.kinds.durations import iso
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.state import State
from flowbook.kinds.task import Condition, Level

from . import endings
from .commands import Ask, SetTimer
from .events import Answered, AnswerFailed, Event, HostLost
from .model import ROOT
from .turn import LIVE, Turn

if TYPE_CHECKING:
    from flowbook.flows.model import Flow, Sla

PREFIX = "sla:"
BEFORE_END = f"{PREFIX}end:"


def timers(flow: Flow, created: datetime) -> list[SetTimer]:
    """What ends an execution that takes too long."""
    found = [
        SetTimer(ROOT, f"{PREFIX}{number}", created + rule.duration)
        for number, rule in enumerate(flow.sla)
        if rule.duration is not None
    ]
    if flow.timeout is not None:
        found.append(SetTimer(ROOT, "timeout", created + flow.timeout))
    return found


def go_on(turn: Turn) -> None:
    """The execution goes on after its end, which nothing has timed since: what may still run out does."""
    found = timers(turn.flow, turn.history[0][1])
    turn.commands += [timer for timer in found if timer.due > turn.at]


def overdue(turn: Turn, purpose: str) -> None:
    """The execution's own time is over: its flow's `timeout`, or a promise about its duration."""
    if purpose == "timeout":
        limit = "" if turn.flow.timeout is None else iso(turn.flow.timeout)
        endings.fail(turn, {"type": "Timeout", "message": f"Timeout after {limit}"})
    elif (rule := _rule(turn, purpose)) is not None and rule.duration is not None:
        elapsed, limit = iso(turn.at - turn.history[0][1]), iso(rule.duration)
        reason = f"execution duration of {elapsed} exceed the maximum duration of {limit}."
        violated(turn, rule, reason)


def is_question(question: str) -> bool:
    return question.startswith(PREFIX)


def watch(turn: Turn, events: Iterable[Event]) -> None:
    """Something has happened: ask the first assertion."""
    if not turn.flow.sla:
        return
    if turn.asked == "assertions":
        if any(isinstance(event, HostLost) for event in events):
            _ask_from(turn, 0, BEFORE_END)
    elif any(not _is_own(event) for event in events):
        _ask_from(turn, 0)


def ask_before_end(turn: Turn, state: State) -> bool:
    """Ask the assertions once more, and let the end in this state wait for it; false if there are none."""
    if not _ask_from(turn, 0, BEFORE_END):
        return False
    turn.set(asked="assertions", ending=state)
    return True


def answered(turn: Turn, question: str, *, holds: bool) -> None:
    """An assertion holds, and the next is asked; or it doesn't."""
    rule = _rule(turn, question)
    ends = question.startswith(BEFORE_END)
    if rule is None or turn.state not in LIVE or ends is not (turn.asked == "assertions"):
        return
    if holds and _ask_from(turn, _number(question) + 1, BEFORE_END if ends else PREFIX):
        return
    ending: State | None = turn.ending
    if ends:
        turn.set(asked=None, ending=None)
    if not holds:
        violated(turn, rule, f"assertion is false: {rule.assert_}.")
    if ends and ending is not None and not turn.state.is_terminal:
        endings.go_to_end(turn, ending)


def unanswered(turn: Turn, question: str, error: Mapping[str, Json]) -> None:
    """An assertion can't be rendered: passed over as in Kestra, violated in the seed dialect."""
    rule = _rule(turn, question)
    if rule is not None and not turn.seed:
        reason = f"Ignoring SLA '{rule.id}' because of the error: {error.get('message', '')}"
        turn.note(ROOT, reason, Level.ERROR)
    answered(turn, question, holds=not turn.seed)


def violated(turn: Turn, rule: Sla, reason: str) -> None:
    """A promise is broken: labels always, and FAILED or CANCELLED if it says so."""
    known = dict(turn.labels)
    fresh = [(label.key, label.value) for label in rule.labels if label.key not in known]
    if fresh:
        turn.set(labels=(*turn.labels, *fresh))
    if rule.behavior == "NONE":
        return
    state = State.FAILED if rule.behavior == "FAIL" else State.CANCELLED
    message = f"Execution failed due to SLA '{rule.id}' violated: {reason}"
    turn.note(ROOT, message, Level.ERROR)
    endings.fail(turn, {"type": "SLA", "message": message}, state, cascade=False)


def _ask_from(turn: Turn, first: int, prefix: str = PREFIX) -> bool:
    """Ask the first assertion from this number on; false if there is none."""
    if turn.state not in LIVE:
        return False
    for number, rule in enumerate(turn.flow.sla):
        if number >= first and rule.assert_ is not None:
            sources = {"assert": Template(rule.assert_, Condition)}
            turn.commands.append(Ask(ROOT, f"{prefix}{number}", sources))
            return True
    return False


def _number(name: str) -> int:
    return int(name.rpartition(":")[2])


def _rule(turn: Turn, name: str) -> Sla | None:
    number = _number(name)
    return turn.flow.sla[number] if number < len(turn.flow.sla) else None


def _is_own(event: Event) -> bool:
    return isinstance(event, Answered | AnswerFailed) and is_question(event.question)
