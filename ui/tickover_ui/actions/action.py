"""An action: a question that says how many and what follows, and the act behind the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tickover import Tickover
from tickover.web.access import Caller
from tickover_ui.forms import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way of doing it."""

    value: str
    label: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Several ways, of which one is taken; the first unless somebody says otherwise."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something to fill in."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    kind: str = "text"
    required: bool = False
    #: What is known to fit.
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is about to be done, as somebody is asked whether they mean it."""

    title: str
    says: tuple[str, ...] = ()
    #: What the button says.
    go: str
    #: How the audit log names what it is done to.
    target: str
    #: Where one comes from, and goes back to.
    back: str
    count: int = 1
    choices: tuple[Choice, ...] = ()
    fields: tuple[Field, ...] = ()
    #: What decides which jobs: filled in first, and counted again.
    which: tuple[Field, ...] = ()
    #: Why there is nothing to be done.
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of it."""

    result: str
    count: int = 1
    #: Where to go then; default is where one came from.
    to: str = ""
    #: What it turned out to be done to, where the question could not know.
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody who asks for an action."""

    jobs: Tickover
    caller: Caller
    #: What the address says: on what it is done.
    given: Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The same with the form."""

    asked: Asked
    question: Question
    form: Given
    reason: str


Ask: TypeAlias = Callable[[Asked], Question]
Act: TypeAlias = Callable[[Answer], Done]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of the catalogue."""

    ask: Ask
    act: Act
