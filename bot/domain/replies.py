"""What the bot has to say, before it is put into a language (`bot.i18n` does that)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """One sentence of the catalogue, by its key, with the values that it names."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, **values: object) -> "Reply":
        """Name a sentence and its values: `Reply.of("refusal.unknown_handle", handle="alice")`."""
        return cls(key, values)
