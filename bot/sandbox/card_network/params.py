"""Parameters as Stripe's API takes them: bracketed form fields, read strictly.

What is missing, malformed or unknown is an error with Stripe's code and the parameter's path, so
that a call which Stripe would refuse is refused here too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from bot.sandbox.card_network.errors import ApiError, invalid_param, missing_param, unknown_param

Tree = dict[str, Any]
"""Names to text, or to a nested tree; a list is a tree with the names 0, 1, …"""

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def read_form(text: str) -> Tree:
    """Read `a[b][0]=c&d[]=e` into nested trees; what cannot be nested is a 400."""
    tree: Tree = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        path = [part.rstrip("]") for part in name.split("[")]
        place = tree
        for part in path[:-1]:
            inner = place.setdefault(_name_in(place, part), {})
            if not isinstance(inner, dict):
                raise invalid_param(name, f"Invalid request: conflicting values for {name}")
            place = inner
        last = _name_in(place, path[-1])
        if isinstance(place.get(last), dict):
            raise invalid_param(name, f"Invalid request: conflicting values for {name}")
        place[last] = value
    return tree


def _name_in(place: Tree, part: str) -> str:
    """Number the nameless members of `list[]`."""
    return part or str(len(place))


class Params:
    """A call's parameters. `end` refuses those that nobody read."""

    def __init__(self, tree: Mapping[str, Any], path: str = "") -> None:
        self._tree = tree
        self._path = path
        self._seen: set[str] = set()
        self._inner: list[Params] = []

    def __contains__(self, name: str) -> bool:
        return name in self._tree

    def path(self, name: str) -> str:
        """Name a parameter as the caller wrote it."""
        return f"{self._path}[{name}]" if self._path else name

    def text(self, name: str) -> str | None:
        """Read a text; an empty one is None."""
        self._seen.add(name)
        value = self._tree.get(name)
        if isinstance(value, dict):
            raise invalid_param(self.path(name), f"Invalid string: {self.path(name)}")
        return value or None

    def need(self, name: str) -> str:
        """Read a text that has to be there."""
        value = self.text(name)
        if value is None:
            raise missing_param(self.path(name))
        return value

    def integer(self, name: str) -> int | None:
        """Read an integer."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise invalid_param(
                self.path(name), f"Invalid integer: {value}", code="parameter_invalid_integer"
            )
        return int(value)

    def amount(self, name: str) -> int | None:
        """Read an amount in cents, above zero."""
        value = self.integer(name)
        if value is not None and value <= 0:
            raise invalid_param(
                self.path(name),
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
            )
        return value

    def need_amount(self, name: str) -> int:
        """Read an amount that has to be there."""
        value = self.amount(name)
        if value is None:
            raise missing_param(self.path(name))
        return value

    def flag(self, name: str) -> bool:
        """Read `true` or `false`; absent is false."""
        return self.choice(name, "true", "false") == "true"

    def choice(self, name: str, *allowed: str) -> str | None:
        """Read one of a few words."""
        value = self.text(name)
        if value is not None and value not in allowed:
            options = ", ".join(allowed[:-1]) + (" or " if allowed[:-1] else "") + allowed[-1]
            raise invalid_param(
                self.path(name), f"Invalid {self.path(name)}: must be one of {options}"
            )
        return value

    def within(self, name: str) -> "Params":
        """Read a nested group; an absent one is empty."""
        self._seen.add(name)
        value = self._tree.get(name) or {}
        if not isinstance(value, dict):
            raise invalid_param(self.path(name), f"Invalid object: {self.path(name)}")
        inner = Params(value, self.path(name))
        self._inner.append(inner)
        return inner

    def each(self, name: str) -> list["Params"]:
        """Read a list of groups."""
        group = self.within(name)
        return [group.within(index) for index in _indices(group)]

    def texts(self, name: str) -> list[str]:
        """Read a list of texts."""
        group = self.within(name)
        return [group.need(index) for index in _indices(group)]

    def metadata(self) -> dict[str, str]:
        """Read `metadata`: names to texts, an empty text unsets."""
        group = self.within("metadata")
        return {name: group.text(name) or "" for name in group.names()}

    def names(self) -> Iterable[str]:
        """Return the names at this level."""
        return tuple(self._tree)

    def end(self) -> None:
        """Refuse whatever was not read."""
        for name in self._tree:
            if name not in self._seen:
                raise unknown_param(self.path(name))
        for inner in self._inner:
            inner.end()


def _indices(group: Params) -> list[str]:
    """Return a list's indices in order."""
    names = list(group.names())
    if not all(name.isascii() and name.isdigit() for name in names):
        raise invalid_param(group.path(""), "Invalid array")
    return sorted(names, key=int)


def merge_metadata(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """Set what is given; an empty text takes a name away."""
    return {name: value for name, value in {**old, **new}.items() if value != ""}


def euros(params: Params) -> str:
    """Read `currency`: this acquirer's account takes euros alone."""
    currency = params.need("currency").lower()
    if currency != "eur":
        raise invalid_param(params.path("currency"), f"Invalid currency: {currency}.")
    return currency


MIN_AMOUNT_CENTS = 50
"""Stripe takes no card payment below 0.50 € (cents)."""

MAX_AMOUNT_CENTS = 99_999_999
"""Stripe takes no card payment above eight digits (cents)."""


def check_charge_amount(amount_cents: int, param: str) -> None:
    """Refuse an amount that Stripe would not charge to a card."""
    if amount_cents < MIN_AMOUNT_CENTS:
        raise ApiError(
            400, "Amount must be at least €0.50 eur", code="amount_too_small", param=param
        )
    if amount_cents > MAX_AMOUNT_CENTS:
        raise ApiError(
            400, "Amount must be no more than €999,999.99", code="amount_too_large", param=param
        )
