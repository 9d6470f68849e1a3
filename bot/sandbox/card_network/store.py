"""Everything that the network knows, in memory: objects by kind and id, and notes beside them.

It promises ids that are never used twice, lists newest first with Stripe's paging, and `expand`.
It does not lock: who uses it holds `Network.lock`.
"""

import copy
import secrets
import string
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from bot.sandbox.card_network.errors import ApiError, invalid_param, no_such
from bot.sandbox.card_network.params import Params
from bot.sandbox.card_network.shapes import PREFIXES, Obj, shape

_ALPHABET: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 24
"""Characters after an id's prefix, as long as Stripe's."""

PAGE: Final = 10
"""Objects in a list where the caller names no `limit` (Stripe's default)."""

MAX_PAGE: Final = 100
"""Objects in a list at most (Stripe's limit)."""

_KIND_OF: Final = {prefix: kind for kind, prefix in PREFIXES.items()}


def random_id(prefix: str) -> str:
    """Make an id that nobody guesses."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


class Store:
    """The objects. `now` is the network's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._objects: dict[str, dict[str, Obj]] = defaultdict(dict)
        self._notes: dict[str, dict[str, Any]] = defaultdict(dict)

    def timestamp(self) -> int:
        """The present in Unix seconds."""
        return int(self._now().timestamp())

    def add(self, kind: str, **fields: Any) -> Obj:
        """Make an object and keep it."""
        object_id = fields.pop("id", None) or random_id(PREFIXES[kind])
        created = {"created": self.timestamp(), **fields}
        made = shape(kind, id=object_id, **created)
        self._objects[kind][object_id] = made
        return made

    def find(self, kind: str, object_id: str | None) -> Obj | None:
        """Return an object, or None."""
        return self._objects[kind].get(object_id or "")

    def get(self, kind: str, object_id: str | None, *, param: str = "id", status: int = 404) -> Obj:
        """Return an object, or refuse with `resource_missing`."""
        found = self.find(kind, object_id)
        if found is None:
            raise no_such(kind, object_id or "", param=param, status=status)
        return found

    def drop(self, kind: str, object_id: str) -> None:
        """Forget an object."""
        self._objects[kind].pop(object_id, None)

    def every(self, kind: str) -> list[Obj]:
        """Return the objects of a kind, newest first."""
        return list(reversed(self._objects[kind].values()))

    def note(self, object_id: str) -> dict[str, Any]:
        """Return what is known beside an object and not shown in the API."""
        return self._notes[object_id]

    def page(
        self, kind: str, params: Params, *, url: str, items: Iterable[Obj] | None = None
    ) -> Obj:
        """List objects with `limit`, `starting_after`, `ending_before` and `created`."""
        limit = params.integer("limit") or PAGE
        if not 1 <= limit <= MAX_PAGE:
            raise invalid_param("limit", f"Invalid limit: must be between 1 and {MAX_PAGE}")
        after, before = params.text("starting_after"), params.text("ending_before")
        wanted = _created_filter(params)
        params.end()
        found = self.every(kind) if items is None else list(items)
        found = [item for item in found if wanted(item)]
        if after:
            found = found[_position(found, after, "starting_after") + 1 :]
        if before:
            found = found[: _position(found, before, "ending_before")]
            page, more = found[-limit:], len(found) > limit
        else:
            page, more = found[:limit], len(found) > limit
        return {"object": "list", "url": url, "has_more": more, "data": copy.deepcopy(page)}

    def expand(self, answer: Obj, paths: Iterable[str]) -> Obj:
        """Replace ids by their objects along each path; the answer itself is a copy."""
        full = copy.deepcopy(answer)
        for path in paths:
            self._expand(full, path.split("."), path)
        return full

    def _expand(self, place: Any, names: list[str], path: str) -> None:
        if not names or place is None:
            return
        if isinstance(place, list):
            for item in place:
                self._expand(item, names, path)
            return
        name = names[0]
        if not isinstance(place, dict) or name not in place:
            raise _cannot_expand(path)
        if isinstance(place[name], str):
            place[name] = self._by_id(place[name], path)
        self._expand(place[name], names[1:], path)

    def _by_id(self, object_id: str, path: str) -> Obj:
        kind = _KIND_OF.get(object_id.rpartition("_")[0])
        found = self.find(kind, object_id) if kind else None
        if found is None:
            raise _cannot_expand(path)
        return copy.deepcopy(found)


def _cannot_expand(path: str) -> ApiError:
    return invalid_param("expand", f"This property cannot be expanded ({path}).")


def _position(items: list[Obj], object_id: str, param: str) -> int:
    for index, item in enumerate(items):
        if item["id"] == object_id:
            return index
    raise no_such("object", object_id, param=param, status=400)


def _created_filter(params: Params) -> Callable[[Obj], bool]:
    """Read `created`: bounds in Unix seconds."""
    bounds = params.within("created")
    tests: list[Callable[[int], bool]] = []
    for name in ("gt", "gte", "lt", "lte"):
        bound = bounds.integer(name)
        if bound is not None:
            tests.append(_bound(name, bound))
    return lambda item: all(test(item["created"]) for test in tests)


def _bound(name: str, bound: int) -> Callable[[int], bool]:
    """Compare a time with one bound."""
    return {
        "gt": lambda created: created > bound,
        "gte": lambda created: created >= bound,
        "lt": lambda created: created < bound,
        "lte": lambda created: created <= bound,
    }[name]
