"""Who has an account: ids that stay, handles that may change hands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from bot.sandbox.x_server.ids import Snowflakes
from bot.sandbox.x_server.model import User

VALID_HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}\Z")


class HandleError(Exception):
    """The handle cannot be used so; says why."""


class People:
    """The accounts of the local X."""

    def __init__(self, ids: Snowflakes, now: Callable[[], datetime]) -> None:
        self._ids = ids
        self._now = now
        self._users: dict[str, User] = {}
        self._by_handle: dict[str, str] = {}
        self._missing: set[str] = set()

    def __iter__(self) -> Iterator[User]:
        """Everybody, the oldest account first."""
        return iter(list(self._users.values()))

    def get(self, user_id: str) -> User | None:
        """The user with that id."""
        return self._users.get(user_id)

    def find(self, handle: str) -> User | None:
        """The user who has that handle now."""
        user_id = self._by_handle.get(handle.removeprefix("@").lower())
        return self._users.get(user_id) if user_id else None

    def ensure(self, handle: str) -> User:
        """The user who has that handle; made where nobody has."""
        handle = handle.strip().removeprefix("@")
        if not VALID_HANDLE.match(handle):
            raise HandleError(f"{handle!r} is no handle: 1 to 15 of A-Z a-z 0-9 _.")
        user = self.find(handle)
        if user is None:
            self._missing.discard(handle.lower())
            name = handle.replace("_", " ").strip().title() or handle
            user = User(id=self._ids.next(), username=handle, name=name, created_at=self._now())
            self._users[user.id] = user
            self._by_handle[handle.lower()] = user.id
        return user

    def meet(self, handle: str) -> None:
        """Make the account that a post names, unless it was said to be missing."""
        if handle.lower() not in self._missing:
            self.ensure(handle)

    def declare_missing(self, handle: str) -> None:
        """From now on nobody has that handle, and naming it makes no account."""
        handle = handle.removeprefix("@").lower()
        self._missing.add(handle)
        self._by_handle.pop(handle, None)

    def rename(self, user: User, handle: str) -> None:
        """Give a user another handle; the old one is free for somebody new."""
        handle = handle.strip().removeprefix("@")
        if not VALID_HANDLE.match(handle):
            raise HandleError(f"{handle!r} is no handle: 1 to 15 of A-Z a-z 0-9 _.")
        holder = self.find(handle)
        if holder is not None and holder is not user:
            raise HandleError(f"@{handle} is taken.")
        self._by_handle.pop(user.username.lower(), None)
        user.username = handle
        self._by_handle[handle.lower()] = user.id
