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


class _Rule:
    """What a rule takes off the stack, what becomes of its parts, and who builds of them."""

    __slots__ = ("build", "modes", "origin", "size")

    def __init__(
        self, size: int, origin: str, modes: list[int], build: Callable[[list[Any]], Any] | None
    ) -> None:
        self.size = size
        self.origin = origin
        self.modes = None if all(mode == KEEP for mode in modes) else tuple(modes)
        self.build = build


class _State:
    """One state: what is tried in it, what each terminal does, where each rule leads."""

    __slots__ = ("actions", "leads", "patterns")

    def __init__(self, patterns: list[_Pattern]) -> None:
        self.patterns = patterns
        self.actions: dict[str, _State | _Rule] = {}
        self.leads: dict[str, _State] = {}


class Engine:
    """A parser that calls `builders[name]` with the parts of each rule that it has read."""

    def __init__(self, tables: Tables, builders: Mapping[str, Callable[[list[Any]], Any]]) -> None:
        known: dict[str, _Pattern] = {}
        scanners = [
            [known.setdefault(pattern, _Pattern(names, pattern)) for names, pattern in tried]
            for tried in tables["scanners"]
        ]
        rules = [
            _Rule(size, origin, modes, None if origin.startswith("_") else builders.get(name))
            for name, size, origin, modes in tables["rules"]
        ]
        states = [_State(scanners[scanner]) for scanner, _, _ in tables["states"]]
        for state, (_, actions, leads) in zip(states, tables["states"], strict=True):
            state.actions = {
                name: states[action] if action >= 0 else rules[~action]
                for name, action in actions.items()
            }
            state.leads = {name: states[target] for name, target in leads.items()}
        self._starts = {name: states[number] for name, number in tables["starts"].items()}
        self._ends = {name: states[number] for name, number in tables["ends"].items()}
        self.patterns = list(known.values())

    def read(self, text: str, start: str) -> Any:
        """Read a text by one of the grammar's first rules and return what it built."""
        text = text.rstrip(_SPACES)
        end, state = self._ends[start], self._starts[start]
        states, values = [state], list[Any]()
        position, length, scan = 0, len(text), self._scan
        while True:
            token = scan(text, position, state) if position < length else _NO_MORE
            action = state.actions.get(token[0])
            while isinstance(action, _Rule):
                state = _reduce(action, states, values)
                if state is end:
                    return values[-1]
                action = state.actions.get(token[0])
            if action is None or token is _NO_MORE:
                raise NotReadError(f"no rule for {token[0]} at {position}")
            state = action
            states.append(state)
            values.append(token)
            position = token[3]

    @staticmethod
    def _scan(text: str, position: int, state: _State) -> Token:
        """Scan the next token as the state allows."""
        for pattern in state.patterns:
            found = pattern.match(text, position)
            if found is not None:
                group = found.lastindex or 0
                begin, end = found.span(group)
                return _make(Token, (pattern.names[group], text[begin:end], begin, end))
        raise NotReadError(f"no terminal at {position}")


_NO_MORE: Final = Token(END, "", 0, 0)
_make: Final = tuple.__new__


def _reduce(rule: _Rule, states: list[_State], values: list[Any]) -> _State:
    """Put what a rule builds in the place of its parts; return the state that it leads to."""
    size = rule.size
    parts: list[Any] = []
    if size:
        parts = values[-size:]
        del values[-size:], states[-size:]
    if rule.modes is not None:
        parts = _parts(parts, rule.modes)
    values.append(parts if rule.build is None else rule.build(parts))
    state = states[-1].leads[rule.origin]
    states.append(state)
    return state


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
