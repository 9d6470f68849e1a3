"""Text messages: to the sandbox's phone, or through a provider's gateway, over HTTP.

Promises that an error names neither the number nor the text. A call carries its key, so that one
without an answer is `Unavailable`: a text that comes twice says the same thing twice. Another
provider joins as one more `SmsProvider`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import requests

from bot.adapters.patience import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TRIES, retrying
from bot.domain.errors import Rejected, Unavailable

RATE_LIMITED: Final = "rate_limited"
"""Why a text is `Unavailable` that the provider would only refuse again at once."""


@dataclass(frozen=True, slots=True)
class SmsCall:
    """What is posted to a provider for one text."""

    path: str
    body: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class SmsProvider(Protocol):
    """How one provider wants to be asked."""

    def call(self, *, to_phone: str, text: str, key: str) -> SmsCall:
        """Return what is posted for a text."""


class SandboxPhone:
    """The phone of the sandbox: `SMS_PROVIDER=sandbox`."""

    def call(self, *, to_phone: str, text: str, key: str) -> SmsCall:
        """Return what is posted for a text."""
        return SmsCall("/_sandbox/sms", {"to": to_phone, "text": text}, {"Idempotency-Key": key})


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsGateway:
    """A gateway that takes JSON at its own address by an API key: `SMS_PROVIDER=http`."""

    api_key: str = field(repr=False)
    sender: str

    def call(self, *, to_phone: str, text: str, key: str) -> SmsCall:
        """Return what is posted for a text."""
        return SmsCall(
            "",
            {"from": self.sender, "to": to_phone, "text": text},
            {"Authorization": f"Bearer {self.api_key}", "Idempotency-Key": key},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Brevo:
    """Brevo's transactional texts, by its HTTP API: `SMS_PROVIDER=brevo`.

    https://developers.brevo.com/reference/send-transac-sms: `POST /transactionalSMS/send` with the
    header `api-key`; the number without its plus; 201 with a `messageId`, else a status with `code`
    and `message`. It takes no idempotency key, so that a text whose answer was lost may come twice.
    """

    api_key: str = field(repr=False)
    sender: str

    def call(self, *, to_phone: str, text: str, key: str) -> SmsCall:
        """Return what is posted for a text."""
        return SmsCall(
            "/transactionalSMS/send",
            {
                "type": "transactional",
                "sender": self.sender,
                "recipient": to_phone.removeprefix("+"),
                "content": in_gsm7(text),
                "tag": key,
            },
            {"api-key": self.api_key, "Accept": "application/json"},
        )


def in_gsm7(text: str) -> str:
    """Write a text with the signs of GSM 03.38 where it can be: others make it dearer and shorter.

    >>> in_gsm7("S-money\u00a0: c’est 10\u202f000\u00a0€")
    "S-money : c'est 10 000 €"
    """
    return text.translate(_PLAIN)


_PLAIN: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "’": "'", "‑": "-", "−": "-"})


class HttpSmsSender:
    """Sends texts through a provider. `tries=1` turns repetition off, for tests."""

    def __init__(
        self,
        provider: SmsProvider,
        *,
        base_url: str,
        tries: int = TRIES,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._retrying = retrying(
            lambda error: error.reason != RATE_LIMITED,
            tries=tries,
            slowest_s=connect_timeout_s + read_timeout_s,
        )

    def send(self, *, to_phone: str, text: str, key: str) -> None:
        """Send a text to a number in E.164."""
        call = self._provider.call(to_phone=to_phone, text=text, key=key)
        self._retrying.copy()(self._post, call)

    def check(self) -> None:
        """See whether the provider is there and takes our key, by a text to nobody: none is sent.

        Raises `Unavailable`, and `Rejected` with `unauthorized` where it does not take the key,
        `not_found` where nothing at the address takes texts, `sent_to_nobody` where whatever
        answers there takes anything.
        """
        call = self._provider.call(to_phone="", text="", key="")
        try:
            self._post(call)
        except Rejected as error:
            if error.code != "bad_request":
                raise
        else:
            raise Rejected("sent_to_nobody", "the provider took a text without a number")

    def _post(self, call: SmsCall) -> None:
        try:
            with requests.Session() as session:
                session.trust_env = False  # a proxy of the environment's is not ours
                response = session.post(
                    self._base_url + call.path,
                    json=dict(call.body),
                    headers=dict(call.headers),
                    timeout=self._timeouts_s,
                    allow_redirects=False,
                )
        except requests.RequestException:
            # The cause is left behind: it holds the request, with the number and the text.
            raise Unavailable("no_answer") from None
        status = response.status_code
        if status in {408, 429} or status >= 500:
            raise Unavailable(RATE_LIMITED if status == 429 else "server_error")
        if not 200 <= status < 300:
            raise Rejected(_code(status), f"the provider answered {status}")


def _code(status: int) -> str:
    if status in {401, 403}:
        return "unauthorized"
    # A redirect is not followed, since it would carry the number elsewhere.
    return "not_found" if status in {404, 405, 410} or status < 400 else "bad_request"
