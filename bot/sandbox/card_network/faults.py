"""Faults that a test asks for, and where they strike next.

A fault is a JSON object, posted to `/_sandbox/faults` alone or in a list:

    {"fault": "timeout_after_success", "path": "/v1/payment_intents/pi_1/capture", "times": 1}

`fault` is one of
  before anything is done: `409`, `429`, `500` (nothing happened; nothing is kept under the key),
      `slow` (waits `seconds`, then works: a second call with the same key meets a 409);
  after it was done: `timeout_after_success` (the caller hears nothing for `seconds`, default 30,
      then gets the answer), `500_after_success` (done, but the caller gets a 500, and gets the
      same 500 again for the same key, as at Stripe);
  on webhooks: `webhook_twice`, `webhook_late` (after `seconds`, default 5),
      `webhook_out_of_order` (after the event that follows, or after `seconds`, default 5),
      `webhook_never`.
Each may also be written in words (`time-out after success`, `webhook twice`), those on webhooks
without that word too (`late`, `out of order`, `never`).
`path` is a path or the beginning of one (requests; default: every path under /v1/), `method` an
HTTP method, `type` an event type or the beginning of one (webhooks), `times` how often it strikes
(default 1). Requests: the first fault that fits strikes, and counts down.
"""

import threading
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from bot.sandbox import words

RequestFault = Literal["409", "429", "500", "slow", "timeout_after_success", "500_after_success"]
WebhookFault = Literal["webhook_twice", "webhook_late", "webhook_out_of_order", "webhook_never"]

REQUEST_FAULTS: Final = frozenset(get_args(RequestFault))
WEBHOOK_FAULTS: Final = frozenset(get_args(WebhookFault))

_DEFAULT_SECONDS: Final = {
    "slow": 1.0,
    "timeout_after_success": 30.0,
    "webhook_late": 5.0,
    "webhook_out_of_order": 5.0,
}
"""How long a fault lasts (seconds): longer than a caller's time-out, shorter than a test's."""


@dataclass(slots=True)
class Fault:
    """One fault and how often it still strikes."""

    fault: str
    path: str = ""
    method: str = ""
    type: str = ""
    times: int = 1
    seconds: float = 0.0

    @classmethod
    def read(cls, body: Any) -> "Fault":
        """Read a fault's JSON; TypeError and ValueError say in a sentence what is wrong."""
        if not isinstance(body, dict):
            raise TypeError("A fault is an object with at least `fault`.")
        unknown = body.keys() - {"fault", "path", "method", "type", "times", "seconds"}
        written = body.get("fault", "")
        name = words.find(written, REQUEST_FAULTS | WEBHOOK_FAULTS, prefix="webhook_")
        if unknown or name is None:
            known = ", ".join(sorted(REQUEST_FAULTS | WEBHOOK_FAULTS))
            raise ValueError(f"Unknown: {sorted(unknown) or written!r}. Faults: {known}.")
        return cls(
            fault=name,
            path=str(body.get("path", "")),
            method=str(body.get("method", "")).upper(),
            type=str(body.get("type", "")),
            times=int(body.get("times", 1)),
            seconds=float(body.get("seconds", _DEFAULT_SECONDS.get(name, 0.0))),
        )

    def shown(self) -> dict[str, Any]:
        """Return the fault as JSON."""
        return {
            "fault": self.fault,
            "path": self.path,
            "method": self.method,
            "type": self.type,
            "times": self.times,
            "seconds": self.seconds,
        }


class Faults:
    """The faults that wait, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Ask for faults."""
        with self._lock:
            self._waiting += faults

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def shown(self) -> list[dict[str, Any]]:
        """Return what still waits."""
        with self._lock:
            return [fault.shown() for fault in self._waiting]

    def strike_request(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, counted down."""
        return self._strike(
            lambda fault: (
                fault.fault in REQUEST_FAULTS
                and path.startswith(fault.path)
                and fault.method in {"", method}
            )
        )

    def strike_webhook(self, event_type: str) -> Fault | None:
        """Return the fault that strikes this event's delivery, counted down."""
        return self._strike(
            lambda fault: fault.fault in WEBHOOK_FAULTS and event_type.startswith(fault.type)
        )

    def _strike(self, fits: Any) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fits(fault):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                    return fault
        return None
