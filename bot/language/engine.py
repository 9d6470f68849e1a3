"""Runs the tables that Lark made of the grammar: LALR(1), one contextual scan for each token.

Lark's own loop keeps lines, columns and trees, and takes four times as long; this one does what it
does with the same tables (a test holds the two against each other), and needs no Lark to start.
Promises: each token is scanned in the state that the parser is in, and no text is read twice.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from bot.language import characters as ch
from bot.language.tables import DROP, KEEP, SPLICE, Tables

END: Final = "$END"
_SPACES: Final = f" {ch.GAP}"


class Token(NamedTuple):
    """A piece of the text: its terminal, what was written, and where."""

    type: str
    text: str
    start: int
    end: int


class NotReadError(Exception):
    """The grammar has no rule for the text: a mistake in the grammar."""


class _State:
    """One state: what is tried in it, what each terminal does, where each rule leads."""

    __slots__ = ("actions", "leads", "scanner")

    def __init__(
        self, scanner: "list[_Pattern]", actions: dict[str, int], leads: dict[str, int]
    ) -> None:
        self.scanner = scanner
        self.actions = actions
        self.leads = leads


class _Pattern:
    """Terminals that are tried together; compiled when first needed, once for all states."""

    __slots__ = ("match", "names", "pattern")

    def __init__(self, names: list[str], pattern: str) -> None:
        self.names = ("", *names)
        self.pattern = pattern
        self.match: Callable[[str, int], re.Match[str] | None] = self._compile

    def _compile(self, text: str, position: int) -> re.Match[str] | None:
        compiled = re.compile(f"[{_SPACES}]*+(?:{self.pattern})")
        assert compiled.groups == len(self.names) - 1, "terminals hold no groups of their own"
        self.match = compiled.match
        return compiled.match(text, position)


class Engine:
    """A parser that calls `builders[name]` with the parts of each rule that it has read."""

    def __init__(self, tables: Tables, builders: Mapping[str, Callable[[list[Any]], Any]]) -> None:
        known: dict[str, _Pattern] = {}
        scanners = [
            [known.setdefault(pattern, _Pattern(names, pattern)) for names, pattern in tried]
            for tried in tables["scanners"]
        ]
        self._states = [
            _State(scanners[scanner], actions, leads)
            for scanner, actions, leads in tables["states"]
        ]
        self._rules = [
            (
                size,
                origin,
                builders.get(name) if not origin.startswith("_") else None,
                _modes(modes),
            )
            for name, size, origin, modes in tables["rules"]
        ]
        self._starts = tables["starts"]
        self._ends = frozenset(tables["ends"].values())

    def read(self, text: str, start: str) -> Any:
        """Read a text by one of the grammar's first rules and return what it built."""
        text = text.rstrip(_SPACES)
        states = [self._starts[start]]
        values: list[Any] = []
        position, length = 0, len(text)
        while position < length:
            token = self._scan(text, position, states[-1])
            position = token.end
            states.append(self._reduce(states, values, token.type))
            values.append(token)
        self._reduce(states, values, END)
        return values[-1]

    def _scan(self, text: str, position: int, state: int) -> Token:
        """Scan the next token as the state allows."""
        for pattern in self._states[state].scanner:
            found = pattern.match(text, position)
            if found is not None:
                group = found.lastindex or 0
                return Token(pattern.names[group], found[group], *found.span(group))
        raise NotReadError(f"no terminal at {position}")

    def _reduce(self, states: list[int], values: list[Any], terminal: str) -> int:
        """Apply the rules that end before a terminal; return the state that it leads to."""
        while True:
            action = self._states[states[-1]].actions.get(terminal)
            if action is None:
                raise NotReadError(f"no rule for {terminal}")
            if action >= 0:
                return action
            size, origin, build, modes = self._rules[~action]
            parts: list[Any] = values[-size:] if size else []
            if size:
                del values[-size:], states[-size:]
            if modes is not None:
                parts = _parts(parts, modes)
            values.append(parts if build is None else build(parts))
            states.append(self._states[states[-1]].leads[origin])
            if terminal is END and states[-1] in self._ends:
                return states[-1]


def _modes(modes: list[int]) -> tuple[int, ...] | None:
    return None if all(mode == KEEP for mode in modes) else tuple(modes)


def _parts(parts: list[Any], modes: tuple[int, ...]) -> list[Any]:
    """Drop and splice the parts of a rule as it says."""
    kept: list[Any] = []
    for part, mode in zip(parts, modes, strict=True):
        if mode == KEEP:
            kept.append(part)
        elif mode == SPLICE:
            kept += part
        else:
            assert mode == DROP, "there are three modes"
    return kept
