"""What every sender of texts does: the fake, and the adapter against the sandbox's phone."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from bot.adapters.sms import Brevo, HttpSmsSender, SandboxPhone, SmsGateway
from bot.domain.errors import Rejected, Unavailable
from bot.ports import SmsSender
from tests.contract.raw_server import RawServer
from tests.fakes.sms import FakeSmsSender
from tests.sandbox.x_kit import LocalX

PHONE = "+33612345678"
TEXT = "S-money : votre code est 123456."


@dataclass
class Bench:
    """A sender, and what arrived at the phone."""

    sender: SmsSender
    arrived: Callable[[], list[str]]


@contextmanager
def opened(name: str) -> Iterator[Bench]:
    """One of the two."""
    if name == "fake":
        fake = FakeSmsSender()
        yield Bench(fake, lambda: fake.texts_to(PHONE))
        return
    with LocalX() as local:
        sender = HttpSmsSender(SandboxPhone(), base_url=f"{local.url}/", tries=1)
        yield Bench(
            sender,
            lambda: [one["text"] for one in local.control("sms") if one["to"] == PHONE],
        )


@pytest.mark.parametrize("name", ["fake", "local"])
def test_texts_arrive_in_order(name: str) -> None:
    """At the number that they were sent to, accents and all."""
    with opened(name) as bench:
        bench.sender.send(to_phone=PHONE, text=TEXT, key="one")
        bench.sender.send(to_phone="+33700000000", text="Another's.", key="two")
        bench.sender.send(to_phone=PHONE, text="Déjà vu €", key="three")
        assert bench.arrived() == [TEXT, "Déjà vu €"]


def test_a_fake_fails_as_it_is_told() -> None:
    """Before it does anything, or after it did everything."""
    fake = FakeSmsSender()
    fake.faults.add(Unavailable("server_error"), Rejected("bad_request"))
    fake.faults.pass_over()
    fake.faults.lose_answer()
    for error in (Unavailable, Rejected):
        with pytest.raises(error):
            fake.send(to_phone=PHONE, text=TEXT, key="one")
    assert fake.sent == []
    fake.send(to_phone=PHONE, text=TEXT, key="one")
    with pytest.raises(Unavailable):
        fake.send(to_phone=PHONE, text=TEXT, key="two")
    assert len(fake.sent) == 2


def test_a_gateway_is_asked_by_its_key_with_ours() -> None:
    """The one says who pays, the other that a text is sent once."""
    with RawServer(lambda exchange: exchange.answer(202, {})) as server:
        provider = SmsGateway(api_key="the-api-key", sender="S-money")
        HttpSmsSender(provider, base_url=f"{server.url}/v1/texts", tries=1).send(
            to_phone=PHONE, text=TEXT, key="the-key"
        )
    (exchange,) = server.exchanges
    assert (exchange.method, exchange.path) == ("POST", "/v1/texts")
    assert json.loads(exchange.body) == {"from": "S-money", "to": PHONE, "text": TEXT}
    assert "Authorization: Bearer the-api-key" in exchange.head
    assert "Idempotency-Key: the-key" in exchange.head
    assert "the-api-key" not in repr(provider)


def test_brevo_is_asked_as_its_documents_say() -> None:
    """`POST /transactionalSMS/send`, the number without its plus, only signs of GSM 03.38."""
    with RawServer(
        lambda exchange: exchange.answer(201, {"messageId": 1511882900176220})
    ) as server:
        provider = Brevo(api_key="xkeysib-1", sender="S-money")
        HttpSmsSender(provider, base_url=f"{server.url}/v3", tries=1).send(
            to_phone=PHONE, text="S-money\u00a0: 10\u00a0€ à @alice, c’est 123456.", key="text-7"
        )
    (exchange,) = server.exchanges
    assert (exchange.method, exchange.path) == ("POST", "/v3/transactionalSMS/send")
    assert json.loads(exchange.body) == {
        "type": "transactional",
        "sender": "S-money",
        "recipient": "33612345678",
        "content": "S-money : 10 € à @alice, c'est 123456.",
        "tag": "text-7",
    }
    assert "api-key: xkeysib-1" in exchange.head
    assert "xkeysib" not in repr(provider)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "invalid_parameter", Rejected),
        (401, "unauthorized", Rejected),
        (402, "not_enough_credits", Rejected),
        (429, "too_many_requests", Unavailable),
    ],
)
def test_brevos_errors_are_told_apart(status: int, code: str, error: type[Exception]) -> None:
    """A status with a `code` and a `message`, of which neither number nor text gets out."""
    body = {"code": code, "message": f"cannot send to {PHONE}"}
    with RawServer(lambda exchange: exchange.answer(status, body)) as server:
        sender = HttpSmsSender(Brevo(api_key="k", sender="s"), base_url=server.url, tries=1)
        with pytest.raises(error) as refusal:
            sender.send(to_phone=PHONE, text=TEXT, key="one")
    assert PHONE not in repr(refusal.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Rejected), (401, Rejected), (302, Rejected), (429, Unavailable), (503, Unavailable)],
)
def test_a_refusal_names_neither_number_nor_text(status: int, error: type[Exception]) -> None:
    """A no for good is told from one that passes."""
    body = {"error": f"cannot send {TEXT} to {PHONE}"}
    with RawServer(lambda exchange: exchange.answer(status, body)) as server:
        sender = HttpSmsSender(SandboxPhone(), base_url=server.url, tries=1)
        with pytest.raises(error) as refusal:
            sender.send(to_phone=PHONE, text=TEXT, key="one")
    assert PHONE not in repr(refusal.value)
    assert "123456" not in repr(refusal.value)


def test_no_answer_may_be_repeated() -> None:
    """The call carries its key; nobody there is no different."""
    with RawServer(lambda _: None) as server:
        sender = HttpSmsSender(SandboxPhone(), base_url=server.url, tries=2)
        with pytest.raises(Unavailable):
            sender.send(to_phone=PHONE, text=TEXT, key="one")
        assert len(server.exchanges) == 2
    with pytest.raises(Unavailable):
        sender.send(to_phone=PHONE, text=TEXT, key="one")
