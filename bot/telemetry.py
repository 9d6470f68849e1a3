"""Logs and metrics: what happened, with ids, for people and for machines.

Every line, ours and the libraries', goes through one redaction: no token, key, secret, card number
or IBAN is logged, a phone number keeps its last two digits, and what a person wrote stays out. The
libraries that print credentials at DEBUG stay at INFO whatever the level is.
"""

import logging
import re
import sys
from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, Literal, TextIO

import structlog
from prometheus_client import CONTENT_TYPE_LATEST as METRICS_CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.domain.payout import read_iban
from bot.domain.x_bill import Bill, XUse

__all__ = ["METRICS", "METRICS_CONTENT_TYPE", "Metrics", "Tally", "configure", "redact_text"]

REDACTED: Final = "[redacted]"
TALKATIVE: Final = (
    "httpcore",
    "httpx",
    "oauthlib",
    "requests",
    "requests_oauthlib",
    "stripe",
    "tweepy",
    "urllib3",
)
"""Loggers that print tokens or bodies at DEBUG."""
SILENT: Final = ("sqlalchemy", "uvicorn.access")
"""Loggers that print rows, or addresses with sign-in codes, at INFO."""

_SECRET_NAME: Final = re.compile(
    r"(^|_)(authorization|bearer|cookie|csrf|password|pin|secret|signature|token|verifier)s?$"
    r"|api_?key|secret_key|(auth|login|phone|sign_in|sms)_code$"
    r"|(^|_)(body|note|text|iban|card_number|payload)$",
    re.IGNORECASE,
)
"""Fields whose value is never shown, whatever it is."""
_CODE: Final = re.compile(r"[0-9]{4,8}|\S{40,}")
"""What a field `code` must not show: a text message's or a sign-in's; others are words for why."""
_ID_NAME: Final = re.compile(r"(^|_)ids?$")
"""Fields that hold ids of X, which may look like card numbers."""

_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=%-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (
        re.compile(
            r"\b(oauth_\w+|access_token|refresh_token|client_secret|code|code_verifier|state|token"
            r"|api_key|crc_token)(=|\"?\s*:\s*|=\")(\"?)[^&\s\",}]+",
            re.IGNORECASE,
        ),
        rf"\1\2\3{REDACTED}",
    ),
    (re.compile(r"(https?://[^\s?#\"']+)[?#][^\s\"']*"), rf"\1?{REDACTED}"),
    (re.compile(r"\b[spr]k_(test|live)_\w+|\bwhsec_\w+"), REDACTED),
    (re.compile(r"(://[^/:@\s]*:)[^/@\s]+@"), rf"\1{REDACTED}@"),
    (re.compile(r"\[parameters: .*?\](?=\s|$)", re.DOTALL), f"[parameters: {REDACTED}]"),
)
_CARD: Final = re.compile(r"(?<![0-9])(?:2[2-7]|[3-6][0-9])(?:[ -]?[0-9]){11,17}(?![0-9])")
_PHONE: Final = re.compile(
    r"\+[0-9](?:[ .-]?[0-9]){6,13}(?![0-9])|(?<![0-9])0[1-9](?:[ .-]?[0-9]{2}){4}(?![0-9])"
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")


def configure(
    *, log_format: Literal["console", "json"], level: str, stream: TextIO | None = None
) -> None:
    """Send every log line of this process, ours and the libraries', to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # The traceback becomes text first, so that it is redacted too.
                structlog.processors.format_exc_info,
                redact,
                _renderer(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    for name in SILENT:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _renderer(log_format: Literal["console", "json"]) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take out of a log line what must not be in one."""
    return {name: _redact(name, value) for name, value in event.items()}


def redact_text(text: str) -> str:
    """Take out of a text what must not be in a log."""
    for pattern, put in _PATTERNS:
        text = pattern.sub(put, text)
    text = _IBAN.sub(lambda found: REDACTED if read_iban(found[0]) else found[0], text)
    text = _CARD.sub(lambda found: REDACTED if _is_card(found[0]) else found[0], text)
    return _PHONE.sub(lambda found: f"…{found[0][-2:]}", text)


def _redact(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_NAME.search(name) or (name == "code" and _CODE.fullmatch(str(value))):
        return REDACTED
    match value:
        case Mapping():
            return {str(key): _redact(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redact(name, inner) for inner in value]
        case int() | float():
            return REDACTED if _is_card(str(value)) and not _ID_NAME.search(name) else value
        case _:
            # Exceptions and our own values are shown as their text, redacted.
            text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            return text if _ID_NAME.search(name) and text.isalnum() else redact_text(text)


def _is_card(text: str) -> bool:
    """Whether a text is a card number by its length, its first digits and its check digit."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(character) for character in text if character in "0123456789"]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


class Metrics:
    """What Prometheus reads; each process counts for itself, and `worker` state comes from rows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.x_calls = self._counter("smoney_x_calls", "Calls of X's API.", "kind", "outcome")
        self.books_balanced = self._gauge(
            "smoney_books_balanced", "1 where the last proof of the books held, 0 where not."
        )
        self.safeguarding_short_cents = self._gauge(
            "smoney_safeguarding_short_cents", "What is owed and not safeguarded, in cents."
        )
        self.safeguarding_late_cents = self._gauge(
            "smoney_safeguarding_late_cents",
            "What was captured over five business days ago and has not arrived, in cents.",
        )
        self.stream_connected = self._gauge(
            "smoney_stream_connected", "1 while a worker holds the stream of mentions."
        )
        self.stream_connected_at = self._gauge(
            "smoney_stream_connected_timestamp_seconds",
            "Since when the stream stands; 0 while it does not.",
        )
        self.stream_last_byte_at = self._gauge(
            "smoney_stream_last_byte_timestamp_seconds",
            "When the stream last gave a sign of life; 0 where no worker alive had one.",
        )
        self.stream_last_post_at = self._gauge(
            "smoney_stream_last_post_timestamp_seconds",
            "When the stream last brought a post; 0 where it has brought none.",
        )
        self.posts_read_too_late = self._gauge(
            "smoney_posts_read_too_late",
            "Commands that were older than ANSWER_WITHIN_H when they were read: no reply.",
        )
        self.stream_reconnects = self._gauge(
            "smoney_stream_reconnects", "Reconnects of the stream since its worker started."
        )
        self.workers_alive = self._gauge("smoney_workers_alive", "Workers with a fresh heartbeat.")

    def render(self) -> bytes:
        """Return every metric in Prometheus's text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(name, told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str) -> Gauge:
        return Gauge(name, told, registry=self.registry)


METRICS: Final = Metrics()
"""This process's metrics."""


SEEN_AT_MOST: Final = 10_000
"""Ids that a process remembers to have read in a day: many times what it reads again."""


class Tally:
    """What this process used of X since that was last written down, by kind; for many threads.

    To count costs no trip to the database: the counts go along with what is written anyway.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counts[str] = Counts()
        self._seen: dict[tuple[str, str], None] = {}
        self._day = ""
        self._known_mills = 0

    def count(self, kind: str, times: int = 1) -> None:
        """Count something that X bills, or that the bill is shared among."""
        with self._lock:
            self._counts[kind] += times

    def read(self, use: XUse, ids: Iterable[str]) -> None:
        """Count what was read: X bills what is read again in a UTC day once."""
        with self._lock:
            named = dict.fromkeys((str(use), one) for one in ids)
            new = [one for one in named if one not in self._seen]
            self._seen |= dict.fromkeys(new)
            while len(self._seen) > SEEN_AT_MOST:
                del self._seen[next(iter(self._seen))]
        self.count(use, len(new))

    @contextmanager
    def handing_over(self) -> Iterator[Mapping[str, int]]:
        """Hand over the counts to be written down; an error gives them back."""
        with self._lock:
            counts, self._counts = +self._counts, Counts()
        try:
            yield counts
        except BaseException:
            with self._lock:
                self._counts.update(counts)
            raise

    def begin(self, day: str) -> None:
        """Begin a UTC day, where it is a new one: what is read again is paid again."""
        with self._lock:
            if day > self._day:
                if self._day:  # what was read before the first is of that day
                    self._seen.clear()
                self._day, self._known_mills = day, 0

    def learn(self, mills: int) -> None:
        """Learn what every process has spent on the day that was begun, counts of ours included."""
        with self._lock:  # of two that read at once, the later may tell of the earlier
            self._known_mills = max(mills, self._known_mills)

    def spent(self, day: str) -> int:
        """Return what was spent on a UTC day as far as this process knows, in mills."""
        with self._lock:
            known = self._known_mills if day == self._day else 0
            return known + Bill(self._counts).mills
