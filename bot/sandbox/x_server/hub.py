"""The filtered stream behind its endpoint: rules, one connection, delivery with its faults.

Promises: a post is tried on every rule when it is made, and goes to whoever is connected then;
X keeps nothing for those who are not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from bot.sandbox.x_server import problems, rules
from bot.sandbox.x_server.asked import Asked
from bot.sandbox.x_server.faults import Faults
from bot.sandbox.x_server.model import Post, StreamRule
from bot.sandbox.x_server.render import Renderer
from bot.sandbox.x_server.world import World

MOST_RULES = 1_000  # X_PLATFORM.md's table
KEEP_ALIVE = b"\r\n"


class Connection:
    """One reader of the stream."""

    def __init__(self, asked: Asked, faults: Faults) -> None:
        self.asked = asked
        self._faults = faults
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._silent_until = 0.0

    def push(self, line: bytes) -> None:
        """Send a line as soon as the reader can take it."""
        self._lines.put_nowait(line)

    def end(self) -> None:
        """End the stream after what was pushed."""
        self._lines.put_nowait(None)

    def stall(self, seconds: float) -> None:
        """Say nothing for a while."""
        self._silent_until = asyncio.get_running_loop().time() + seconds

    async def lines(self, keep_alive_s: float) -> AsyncIterator[bytes]:
        """What goes over the wire: posts, and a blank line where there are none."""
        while True:
            line: bytes | None = KEEP_ALIVE
            try:
                async with asyncio.timeout(keep_alive_s):
                    line = await self._lines.get()
            except TimeoutError:
                pass
            silence = self._silent_until - asyncio.get_running_loop().time()
            if silence > 0:
                await self._faults.wait(silence)
            if line is None:
                return
            yield line


class Hub:
    """The rules of the stream and its one connection."""

    def __init__(self, world: World, renderer: Renderer, faults: Faults) -> None:
        self._world = world
        self._renderer = renderer
        self._faults = faults
        self._rules: dict[str, tuple[StreamRule, rules.Query]] = {}
        self._connection: Connection | None = None
        self._held: list[Post] = []
        self._hold_for = 0
        world.on_post.append(self.publish)

    @property
    def connected(self) -> bool:
        """Whether somebody reads the stream."""
        return self._connection is not None

    def rules(self) -> list[StreamRule]:
        """The rules, the oldest first."""
        return [rule for rule, _ in self._rules.values()]

    def add(self, value: str, tag: str | None, *, dry: bool = False) -> StreamRule:
        """Add a rule; raises InvalidRule."""
        if len(value) > rules.LONGEST_RULE:
            raise rules.InvalidRule(f"A rule must not exceed {rules.LONGEST_RULE} characters.")
        if len(self._rules) >= MOST_RULES:
            raise rules.InvalidRule(f"There are {MOST_RULES} rules already.")
        query = rules.parse(value)
        rule = StreamRule(id=self._world.ids.next(), value=value, tag=tag)
        if not dry:
            self._rules[rule.id] = (rule, query)
        return rule

    def remove(self, rule_id: str, *, dry: bool = False) -> bool:
        """Remove a rule; whether there was one."""
        if rule_id not in self._rules:
            return False
        if not dry:
            del self._rules[rule_id]
        return True

    def connect(self, asked: Asked) -> Connection:
        """Begin to read; raises X's refusal where somebody does already."""
        if self._connection is not None:
            raise problems.too_many_connections()
        self._connection = Connection(asked, self._faults)
        return self._connection

    def leave(self, connection: Connection) -> None:
        """The reader is gone."""
        if self._connection is connection:
            self._connection = None

    def disconnect(self) -> None:
        """End the stream of whoever reads."""
        if self._connection is not None:
            self._connection.end()

    def stall(self, seconds: float) -> None:
        """Fall silent."""
        if self._connection is not None:
            self._connection.stall(seconds)

    def close(self) -> None:
        """The server ends: so do the stream and whatever waits."""
        self._faults.closing.set()
        self.disconnect()

    def publish(self, post: Post) -> None:
        """Deliver a post that was just made, as the faults that wait want it."""
        if self._faults.for_post("no_mention_ids"):
            post.mention_ids_hidden = True
        if not self._matching(post) or self._faults.for_post("lose"):
            return
        reorder = self._faults.for_posts("reorder") if not self._hold_for else None
        if reorder is not None:
            self._hold_for = reorder.times
            asyncio.get_running_loop().call_later(reorder.seconds, self._release)
        if self._hold_for:
            self._hold(post)
        elif (delay := self._faults.for_post("delay")) is not None:
            asyncio.get_running_loop().call_later(delay.seconds, self._deliver, post)
        else:
            self._deliver(post)

    def _hold(self, post: Post) -> None:
        self._held.append(post)
        if len(self._held) >= self._hold_for:
            self._release()

    def _release(self) -> None:
        held, self._held, self._hold_for = self._held, [], 0
        for post in reversed(held):
            self._deliver(post)

    def _matching(self, post: Post) -> list[StreamRule]:
        if not self._world.visible(post):
            return []
        return [rule for rule, query in self._rules.values() if query.matches(post, self._world)]

    def _deliver(self, post: Post) -> None:
        connection = self._connection
        if connection is None:
            return
        line = self._line(post, connection.asked)
        times = 2 if self._faults.for_post("duplicate") else 1
        for _ in range(times):
            connection.push(line)

    def _line(self, post: Post, asked: Asked) -> bytes:
        said: dict[str, Any] = {"data": self._renderer.post(post, asked)}
        includes = self._renderer.post_includes([post], asked)
        if includes:
            said["includes"] = includes
        said["matching_rules"] = [
            {"id": rule.id, "tag": rule.tag or ""} for rule in self._matching(post)
        ]
        return json.dumps(said, ensure_ascii=False).encode() + KEEP_ALIVE
