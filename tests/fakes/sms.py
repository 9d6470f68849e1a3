"""Text messages that go nowhere, and are kept to be looked at."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.fakes.faults import Faults


class SentText(NamedTuple):
    """A text that was sent."""

    to_phone: str
    text: str
    key: str


@dataclass
class FakeSmsSender:
    """Keeps what is sent; fails as `faults` says."""

    sent: list[SentText] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    def send(self, *, to_phone: str, text: str, key: str) -> None:
        """Send a text to a number in E.164."""
        with self.faults.reading():
            self.sent.append(SentText(to_phone, text, key))

    def texts_to(self, phone: str) -> list[str]:
        """What arrived at a number, oldest first."""
        return [one.text for one in self.sent if one.to_phone == phone]
