"""The adapter's calls to X: who calls, what is asked for, time-outs, tries and refusals."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from bot.adapters.x.decode import XDecoder
from bot.adapters.x.gateway import XDirectory, XMentionReader, XPublisher
from bot.adapters.x.http import XApi
from bot.adapters.x.messages import MessageEvents, XMessageReader
from bot.adapters.x.sign_in import XSignIn
from bot.domain.errors import BotError, OutcomeUnknown, Rejected, Unavailable
from bot.domain.pace import Accepted
from bot.domain.x_bill import XUse
from bot.ports import MessagePage, XUser
from bot.services.remembered import Remembered
from bot.store.engine import Store
from tests.contract.raw_server import Exchange, RawServer
from tests.contract.x_bench import credentials
from tests.fakes.clock import FakeClock
from tests.sandbox.x_kit import LocalX

BOT = XUser(id="1", handle="smoney")
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
SINCE = datetime(2026, 8, 3, 10, 0, tzinfo=UTC)


def api_at(url: str, *, tries: int = 1, read_timeout_s: float = 5.0) -> XApi:
    """X's API at an address."""
    return XApi(credentials(), base_url=url, tries=tries, read_timeout_s=read_timeout_s)


def publisher_at(url: str, **named: float) -> XPublisher:
    """Somebody who speaks at an address."""
    api = api_at(url, read_timeout_s=named.get("read_timeout_s", 5.0))
    return XPublisher(api, lambda: BOT, MessageEvents(api))


def reply(publisher: XPublisher) -> Accepted:
    """Answer some post."""
    return publisher.reply(to_post_id="5", text="Hello.", exclude_x_user_ids=["7"])


def raised(call: Callable[[], object]) -> BotError:
    """The error of a call."""
    with pytest.raises(BotError) as error:
        call()
    return error.value


@pytest.fixture
def finished() -> Iterator[threading.Event]:
    """Lets a server that holds a connection go at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def silent(finished: threading.Event) -> None:
    """Say nothing until the end."""
    finished.wait()


# What happened to the call -----------------------------------------------------------------------


def test_an_answer_that_does_not_come_is_not_waited_for(finished: threading.Event) -> None:
    """What reads may be repeated; what creates may have happened."""
    with RawServer(lambda _: silent(finished)) as server:
        api = api_at(server.url, read_timeout_s=0.2)
        assert isinstance(raised(XDirectory(api).me), Unavailable)
        unknown = raised(lambda: reply(publisher_at(server.url, read_timeout_s=0.2)))
        assert isinstance(unknown, OutcomeUnknown)
        assert unknown.key == "5"
        finished.set()


def test_a_connection_that_closes_without_an_answer_leaves_the_outcome_open() -> None:
    """The post may be there."""
    with RawServer(lambda _: None) as server:
        assert isinstance(raised(lambda: reply(publisher_at(server.url))), OutcomeUnknown)
        assert isinstance(raised(XDirectory(api_at(server.url)).me), Unavailable)


def test_nobody_there_means_that_nothing_was_sent() -> None:
    """No connection, no post: it may be sent again."""
    with RawServer(lambda _: None) as server:
        url = server.url
    assert isinstance(raised(lambda: reply(publisher_at(url))), Unavailable)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"data": {"text": "Hello."}}'])
def test_a_created_post_without_an_id_is_looked_up(body: bytes) -> None:
    """X said yes, and did not say which."""
    with RawServer(lambda exchange: exchange.answer(201, body)) as server:
        unknown = raised(lambda: reply(publisher_at(server.url)))
    assert isinstance(unknown, OutcomeUnknown)
    assert unknown.is_odd


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"title": "Invalid Request", "detail": "One or more parameters"}, "bad_request"),
        (401, {"title": "Unauthorized"}, "unauthorized"),
        (403, {"detail": "You are not permitted to perform this action."}, "not_allowed"),
        (403, {"detail": DUPLICATE}, "duplicate"),
        (403, {"type": "https://api.x.com/2/problems/unsupported-authentication"}, "unauthorized"),
        (403, {"type": "https://api.twitter.com/2/problems/oauth1-permissions"}, "unauthorized"),
        (404, {"title": "Not Found Error"}, "not_found"),
        (403, ["no object"], "not_allowed"),
        (302, None, "bad_request"),
    ],
)
def test_a_no_for_good_says_which(status: int, body: object, code: str) -> None:
    """The caller tells a duplicate from a block, and wrong credentials from both."""
    with RawServer(lambda exchange: exchange.answer(status, body)) as server:
        refusal = raised(lambda: reply(publisher_at(server.url)))
    assert isinstance(refusal, Rejected)
    assert refusal.code == code
    assert len(server.exchanges) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(500, {}), (502, "a proxy's text"), (503, b"<html>"), (504, None)]
)
def test_x_in_trouble_is_repeated_where_it_reads_and_looked_up_where_it_creates(
    status: int, body: object
) -> None:
    """Whatever stands between X and us may say so too, in words of its own."""
    with RawServer(lambda exchange: exchange.answer(status, body)) as server:
        assert isinstance(raised(XDirectory(api_at(server.url)).me), Unavailable)
        unknown = raised(lambda: reply(publisher_at(server.url)))
    assert isinstance(unknown, OutcomeUnknown)
    assert not unknown.is_odd


def test_a_limit_is_met_by_waiting_for_its_reset() -> None:
    """The bot never sleeps inside the call; the second that X names is over then."""
    headers = ("x-rate-limit-remaining: 0", "x-rate-limit-reset: 1785750000")
    with RawServer(lambda exchange: exchange.answer(429, {}, *headers)) as server:
        error = raised(lambda: reply(publisher_at(server.url)))
    assert isinstance(error, Unavailable)
    assert error.retry_at == datetime.fromtimestamp(1_785_750_001, UTC)


def test_unpaid_bills_are_waited_for() -> None:
    """Nothing is lost because the operator's credits ran out."""
    with RawServer(lambda exchange: exchange.answer(402, {"title": "CreditsDepleted"})) as server:
        assert isinstance(raised(lambda: reply(publisher_at(server.url))), Unavailable)


# Tries -------------------------------------------------------------------------------------------


def failing(times: int, then: object) -> RawServer:
    """A server that is in trouble so many times."""
    left = [times]

    def answer(exchange: Exchange) -> None:
        left[0] -= 1
        exchange.answer(*((503, {}) if left[0] >= 0 else (200, then)))

    return RawServer(answer)


def test_a_read_is_tried_three_times() -> None:
    """A short trouble is not seen by the caller."""
    with failing(2, {"data": {"id": "1", "username": "smoney"}}) as server:
        assert XDirectory(api_at(server.url, tries=3)).me().id == "1"
    with failing(3, {}) as server:
        assert isinstance(raised(XDirectory(api_at(server.url, tries=3)).me), Unavailable)
    assert len(server.exchanges) == 3


def test_a_creation_is_sent_once() -> None:
    """However often a call may be tried: a second post would be a second word."""
    with failing(1, {"data": {"id": "9"}}) as server:
        api = api_at(server.url, tries=3)
        publisher = XPublisher(api, lambda: BOT, MessageEvents(api))
        assert isinstance(raised(lambda: reply(publisher)), OutcomeUnknown)
        assert len(server.exchanges) == 1
        assert reply(publisher).id == "9"
    with api.tally.handing_over() as used:
        assert used == {"reply": 1}, "X bills what it made"


def test_a_limit_is_not_tried_again() -> None:
    """It would only be refused again."""
    with RawServer(lambda exchange: exchange.answer(429, {})) as server:
        raised(XDirectory(api_at(server.url, tries=3)).me)
    assert len(server.exchanges) == 1


def test_the_bots_own_account_is_read_once() -> None:
    """Each account that X sends is billed; one that could not be read is read again."""
    with failing(1, {"data": {"id": "1", "username": "smoney"}}) as server:
        directory = XDirectory(api_at(server.url))
        raised(directory.bot)
        assert directory.bot() == directory.bot() == BOT
    assert len(server.exchanges) == 2


# What is asked for -------------------------------------------------------------------------------


def test_nothing_is_expanded_on_the_way_to_a_reply() -> None:
    """X bills each account that it sends."""
    with RawServer(lambda exchange: exchange.answer(200, {})) as server:
        api = api_at(server.url)
        list(XMentionReader(api, lambda: BOT).mentions(since_id="4", since=SINCE))
        XMessageReader(api, MessageEvents(api)).page(None)
        publisher_at(server.url).replies_to("5", since=SINCE, thoroughly=True)
    assert len(server.exchanges) == 4
    assert all("expansions" not in exchange.path for exchange in server.exchanges)
    assert all("user.fields" not in exchange.path for exchange in server.exchanges)
    assert "since_id=4" in server.exchanges[0].path
    assert "start_time" not in server.exchanges[0].path
    assert "max_results=10&" in server.exchanges[1].path + "&"


def test_no_page_is_asked_for_that_x_would_not_give() -> None:
    """Its headers say that this was the last: the next is unavailable until the window ends."""
    headers = ("limit: 15", "remaining: 0", "reset: 1785750000")
    spent = tuple(f"x-rate-limit-{one}" for one in headers)
    event = {"id": "8", "text": "hi", "sender_id": "7"}
    body = {"data": [event], "meta": {"next_token": "older"}}
    until = datetime.fromtimestamp(1_785_750_001, UTC)
    with RawServer(lambda exchange: exchange.answer(200, body, *spent)) as server:
        api = api_at(server.url)
        mentions = XMentionReader(api, lambda: BOT).mentions(since_id="4", since=SINCE)
        assert next(mentions).id == "8"
        refusal = raised(lambda: next(mentions))
        assert isinstance(refusal, Unavailable)
        page = XMessageReader(api, MessageEvents(api)).page(None)
        assert refusal.retry_at == page.closed_until == until
    assert len(server.exchanges) == 2


def test_an_unknown_clock_asks_for_no_future() -> None:
    """X refuses a time that its own clock has not reached."""
    with RawServer(lambda exchange: exchange.answer(200, {})) as server:
        reader = XMentionReader(api_at(server.url), lambda: BOT)
        list(reader.mentions(since_id=None, since=SINCE))
    assert "start_time=2026-08-03T09%3A55%3A00Z" in server.exchanges[0].path


def test_senders_are_asked_for_by_expansion_where_x_wants_it(store: Store) -> None:
    """X's newest description of messages knows no field for them; it says so once and for all.

    Each account that it sends is billed.
    """
    memory = Remembered(store, FakeClock(), "messages.taken")

    def answer(exchange: Exchange) -> None:
        if "sender_id" in exchange.path.partition("dm_event.fields=")[2].partition("&")[0]:
            exchange.answer(400, {"title": "Invalid Request"})
        else:
            event = {"id": "8", "text": "hi", "sender_id": "7", "dm_conversation_id": "1-7"}
            users = [{"id": "1", "username": "smoney"}, {"id": "7", "username": "bob"}]
            exchange.answer(200, {"data": [event], "includes": {"users": users}})

    with RawServer(answer) as server:
        for _process in range(2):
            api = api_at(server.url)
            events = MessageEvents(api, memory)
            XPublisher(api, lambda: BOT, events).messages_to("7", since=SINCE)
            (event,) = XMessageReader(api, events).page(None).events
            with api.tally.handing_over() as used:
                assert used[XUse.ACCOUNT_READ] == 2
    assert XDecoder().message(event.body).participant_ids == ("1", "7")
    asked = ["expansions=" in exchange.path for exchange in server.exchanges]
    assert asked == [False, True, True, True, True]


@pytest.mark.parametrize("thoroughly", [False, True])
@pytest.mark.parametrize("search", ["finds", "finds nothing", "is refused"])
def test_replies_are_searched_for_before_the_timeline_is_paid_for(
    search: str, thoroughly: bool
) -> None:
    """The cheapest call first; the other where that is refused, or may not show all.

    What a lost answer costs beside the reply does not grow with what was said since.
    """
    references = [{"type": "replied_to", "id": "5"}]
    reply = {"data": [{"id": "9", "text": "x", "referenced_tweets": references}]}

    def answer(exchange: Exchange) -> None:
        if "/search/recent" in exchange.path and search != "finds":
            exchange.answer(403 if search == "is refused" else 200, {})
        else:
            exchange.answer(200, reply)

    with RawServer(answer) as server:
        publisher = publisher_at(server.url)
        found = publisher.replies_to("5", since=SINCE, thoroughly=thoroughly)
    is_paged = search == "is refused" or (search == "finds nothing" and thoroughly)
    assert [one.id for one in found] == (["9"] if search == "finds" or is_paged else [])
    assert "query=in_reply_to_tweet_id%3A5+from%3Asmoney" in server.exchanges[0].path
    assert len(server.exchanges) == 1 + is_paged


def test_replies_that_cannot_be_looked_up_are_no_proof_of_absence() -> None:
    """An empty list would send the reply again."""
    with RawServer(lambda exchange: exchange.answer(403, {})) as server:
        assert isinstance(
            raised(lambda: publisher_at(server.url).replies_to("5", since=SINCE, thoroughly=False)),
            Rejected,
        )


def test_a_page_that_x_has_forgotten_is_no_reason_to_pay_for_accounts() -> None:
    """X refuses it as it refuses a field: what is asked for stays as it was."""

    def answer(exchange: Exchange) -> None:
        is_page = "pagination_token" in exchange.path
        exchange.answer(400 if is_page else 200, {"meta": {"next_token": "older"}})

    with RawServer(answer) as server:
        api = api_at(server.url)
        reader = XMessageReader(api, MessageEvents(api))
        assert reader.page(None) == MessagePage([], "older")
        refusal = raised(lambda: reader.page("older"))
        assert isinstance(refusal, Rejected)
        assert refusal.code == "bad_request"
        reader.page(None)
    asked = ["expansions=" in exchange.path for exchange in server.exchanges]
    assert asked == [False, False, True, False]


# Who calls ---------------------------------------------------------------------------------------


@pytest.fixture
def local() -> Iterator[LocalX]:
    """A local X."""
    with LocalX() as running:
        yield running


def test_the_machines_proxy_and_passwords_are_not_asked_for_a_local_x(
    local: LocalX, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A proxy would not find it; a `.netrc` would put a password in the place of the bearer."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert set(XDirectory(api_at(local.url)).by_handle(["bob"])) == {"bob"}


@pytest.mark.parametrize(
    ("changed", "works"),
    [
        ({}, {"app", "account"}),
        ({"bearer_token": "wrong"}, {"account"}),
        ({"api_secret": "wrong"}, {"app"}),
        ({"access_token_secret": "wrong"}, {"app"}),
    ],
)
def test_each_wrong_credential_is_unauthorized_where_it_is_used(
    local: LocalX, changed: dict[str, str], works: set[str]
) -> None:
    """The app reads by its bearer token, the account signs: neither stands in for the other."""
    api = XApi(credentials(**changed), base_url=local.url, tries=1)
    directory = XDirectory(api)
    for who, call in (("account", directory.me), ("app", lambda: directory.by_handle(["bob"]))):
        if who in works:
            call()
        else:
            refusal = raised(call)
            assert isinstance(refusal, Rejected)
            assert refusal.code == "unauthorized"


def test_a_client_that_x_does_not_know_is_unauthorized(local: LocalX) -> None:
    """The operator is told, not the person who signs in."""
    signing_in = XSignIn(
        authorize_url=local.url, base_url=local.url, client_id="id", client_secret="wrong"
    )
    refusal = raised(lambda: signing_in.identify(code="c", verifier="v", redirect_uri=local.url))
    assert isinstance(refusal, Rejected)
    assert refusal.code == "unauthorized"


def test_a_public_client_names_itself_in_the_form() -> None:
    """Where there is no secret there is no password to send."""
    with RawServer(lambda exchange: exchange.answer(200, {})) as server:
        signing_in = XSignIn(
            authorize_url=f"{server.url}/a?b=c", base_url=server.url, client_id="the-id"
        )
        raised(lambda: signing_in.identify(code="c", verifier="v", redirect_uri="http://r"))
    assert b"client_id=the-id" in server.exchanges[0].body
    assert "authorization" not in server.exchanges[0].head.lower()
    assert "a?b=c&response_type=code" in signing_in.authorize_url(
        state="s", verifier="v", redirect_uri="http://r"
    )
