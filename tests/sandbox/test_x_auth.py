"""Who may call: bearer, OAuth 1.0a and OAuth 2.0, and sign-in with PKCE."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
import tweepy

from tests.sandbox.x_kit import SECRETS, LocalX

CALLBACK = "http://localhost:8000/signin/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-anybody-to-accept-it"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
ASKED = {
    "response_type": "code",
    "client_id": SECRETS.client_id,
    "redirect_uri": CALLBACK,
    "scope": "tweet.read users.read",
    "state": "the-state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
CLIENT = (SECRETS.client_id, SECRETS.client_secret)


@pytest.fixture
def x() -> Iterator[LocalX]:
    """A local X."""
    with LocalX() as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalX]:
    """A local X for tests that only make mistakes."""
    with LocalX() as running:
        yield running


def decide(x: LocalX, **form: str) -> dict[str, str]:
    """Answer the page that asks; what the app is told."""
    answer = x.http.post("/i/oauth2/authorize", data=ASKED | {"decision": "allow"} | form)
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(CALLBACK + "?")
    return {name: values[0] for name, values in parse_qs(target.query).items()}


def redeem(x: LocalX, bought_with: str, **changed: Any) -> httpx.Response:
    """Buy a token."""
    auth = changed.pop("auth", CLIENT)
    form = {
        "grant_type": "authorization_code",
        "code": bought_with,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return x.http.post("/2/oauth2/token", data=form | changed, auth=auth)


def sign_in(x: LocalX, handle: str, scope: str = "tweet.read users.read") -> str:
    """An access token of somebody."""
    code = decide(x, handle=handle, scope=scope)["code"]
    return str(redeem(x, code).json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "wrong", ["consumer_key", "consumer_secret", "access_token", "access_token_secret"]
)
def test_a_wrong_secret_is_found_out(shared: LocalX, wrong: str) -> None:
    """Each of the four goes into the signature."""
    with pytest.raises(tweepy.Unauthorized):
        shared.client(**{wrong: "wrong"}).get_me()


def test_a_wrong_bearer_is_found_out(shared: LocalX) -> None:
    """401 with X's problem."""
    with pytest.raises(tweepy.Unauthorized) as caught:
        shared.client(bearer_token="wrong").get_users_mentions(shared.id_of("smoney"))
    assert caught.value.response.json()["title"] == "Unauthorized"
    assert shared.http.get("/2/tweets", headers={"authorization": "Basic abc"}).status_code == 401


def test_a_signature_holds_for_one_address_one_query_and_once(x: LocalX) -> None:
    """Neither another query nor a second use."""
    handler = tweepy.OAuth1UserHandler(
        SECRETS.api_key, SECRETS.api_secret, SECRETS.access_token, SECRETS.access_token_secret
    )
    url, params = f"{x.url}/2/users/me", {"user.fields": "created_at"}
    signed = requests.Request("GET", url, params=params, auth=handler.apply_auth()).prepare()
    header = signed.headers["authorization"]
    header = header.decode() if isinstance(header, bytes) else header
    forged = x.http.get("/2/users/me?user.fields=protected", headers={"authorization": header})
    assert forged.status_code == 401
    fine = x.http.get("/2/users/me?user.fields=created_at", headers={"authorization": header})
    assert fine.status_code == 200
    again = x.http.get("/2/users/me?user.fields=created_at", headers={"authorization": header})
    assert again.status_code == 401


def test_a_signature_from_another_time_is_refused(x: LocalX) -> None:
    """A clock that is ten minutes off."""
    x.clock.advance(minutes=10)
    with pytest.raises(tweepy.Unauthorized):
        x.tweepy.get_me()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/2/tweets"),
        ("DELETE", "/2/tweets/1"),
        ("GET", "/2/users/me"),
        ("GET", "/2/dm_events"),
        ("GET", "/2/dm_conversations/with/1/dm_events"),
        ("POST", "/2/dm_conversations/with/1/messages"),
    ],
)
def test_the_app_alone_may_not_act_for_a_user(shared: LocalX, method: str, path: str) -> None:
    """Right credentials of the wrong kind: 403, and which would be right."""
    json = {"text": "hi"} if method == "POST" else None
    answer = shared.http.request(method, path, json=json, headers=shared.bearer)
    assert answer.status_code == 403
    assert answer.json()["title"] == "Unsupported Authentication"
    assert "OAuth 2.0 Application-Only is forbidden" in answer.json()["detail"]


def test_mentions_take_either(x: LocalX) -> None:
    """By the app and by the user."""
    bot = x.id_of("smoney")
    assert x.tweepy.get_users_mentions(bot).meta["result_count"] == 0
    assert x.tweepy.get_users_mentions(bot, user_auth=True).meta["result_count"] == 0


def test_somebody_signs_in(x: LocalX) -> None:
    """The code buys a token, and the token says who they are."""
    said = decide(x, handle="alice")
    assert said["state"] == "the-state"
    bought = redeem(x, said["code"])
    assert bought.json()["token_type"] == "bearer"
    assert bought.json()["expires_in"] == 7200
    assert bought.json()["scope"] == "tweet.read users.read"
    assert "refresh_token" not in bought.json()
    me = x.http.get("/2/users/me", headers=bearer(bought.json()["access_token"])).json()
    assert me["data"] == {"id": x.id_of("alice"), "name": "Alice", "username": "alice"}


def test_somebody_new_signs_in(x: LocalX) -> None:
    """The typed handle wins over the chosen one."""
    code = decide(x, handle="alice", new_handle="@Zoe_1")["code"]
    token = redeem(x, code).json()["access_token"]
    assert x.http.get("/2/users/me", headers=bearer(token)).json()["data"]["username"] == "Zoe_1"


def test_somebody_says_no(x: LocalX) -> None:
    """The app is told, and gets no code."""
    said = decide(x, handle="alice", decision="cancel")
    assert said == {"state": "the-state", "error": "access_denied"}


def test_the_page_shows_what_is_asked_and_by_whom(x: LocalX) -> None:
    """Scopes in words, people to choose from."""
    page = x.http.get("/i/oauth2/authorize", params=ASKED)
    assert page.status_code == 200
    assert "See who you are" in page.text
    assert 'value="alice"' in page.text
    assert 'value="smoney"' not in page.text
    assert f"form-action 'self' {CALLBACK[:21]}" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://evil.example/"},
        {"response_type": "token"},
        {"scope": "everything"},
        {"scope": ""},
        {"state": ""},
        {"code_challenge": ""},
        {"code_challenge_method": "S512"},
    ],
)
def test_a_request_that_is_not_right_is_not_shown(shared: LocalX, changed: dict[str, str]) -> None:
    """An error page, and nobody is sent anywhere."""
    shown = shared.http.get("/i/oauth2/authorize", params=ASKED | changed)
    assert shown.status_code == 400
    sent = shared.http.post("/i/oauth2/authorize", data=ASKED | changed | {"decision": "allow"})
    assert sent.status_code == 400


@pytest.mark.parametrize("handle", ["", "not a handle", "a" * 16, "suspended_1"])
def test_who_cannot_be_is_asked_again(shared: LocalX, handle: str) -> None:
    """The page says why."""
    shared.control("people", {"handle": "suspended_1", "suspended": True})
    form = ASKED | {"decision": "allow", "new_handle": handle}
    answer = shared.http.post("/i/oauth2/authorize", data=form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_registered_addresses_are_compared_exactly() -> None:
    """Where the app registered some, no other will do."""
    with LocalX(redirect_uris=[CALLBACK]) as x:
        assert x.http.get("/i/oauth2/authorize", params=ASKED).status_code == 200
        other = ASKED | {"redirect_uri": CALLBACK + "/"}
        assert x.http.get("/i/oauth2/authorize", params=other).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "another"},
        {"redirect_uri": CALLBACK + "2"},
        {"code": "made-up"},
        {"grant_type": "password"},
    ],
)
def test_a_code_buys_nothing_for_somebody_else(shared: LocalX, changed: dict[str, str]) -> None:
    """Nor is it good afterwards, except where it was never shown."""
    code = decide(shared, handle="alice")["code"]
    assert redeem(shared, code, **changed).status_code == 400
    spent = "code" not in changed and "grant_type" not in changed
    assert redeem(shared, code).status_code == (400 if spent else 200)


def test_a_code_is_good_once_and_not_for_long(x: LocalX) -> None:
    """Thirty seconds, and once."""
    first, second = decide(x, handle="alice")["code"], decide(x, handle="alice")["code"]
    assert redeem(x, first).status_code == 200
    assert redeem(x, first).json()["error"] == "invalid_request"
    x.clock.advance(seconds=31)
    assert redeem(x, second).status_code == 400


@pytest.mark.parametrize("auth", [None, (SECRETS.client_id, "wrong"), ("wrong", "wrong")])
def test_only_the_app_buys_tokens(shared: LocalX, auth: tuple[str, str] | None) -> None:
    """A confidential client says who it is."""
    code = decide(shared, handle="alice")["code"]
    assert redeem(shared, code, auth=auth).json()["error"] == "unauthorized_client"
    assert shared.http.post("/2/oauth2/revoke", data={"token": "a"}).status_code == 401


def test_the_app_is_given_the_bearer_token_that_it_has(shared: LocalX) -> None:
    """For its API key and secret alone: asking makes nothing, and a wrong one gets X's 99."""
    asked = {"grant_type": "client_credentials"}
    right = (SECRETS.api_key, SECRETS.api_secret)
    answer = shared.http.post("/oauth2/token", data=asked, auth=right)
    assert answer.json() == {"token_type": "bearer", "access_token": SECRETS.bearer_token}
    assert shared.http.post("/oauth2/token", data=asked, auth=right).json() == answer.json()
    for pair in (("wrong", SECRETS.api_secret), (SECRETS.api_key, "wrong"), CLIENT):
        refusal = shared.http.post("/oauth2/token", data=asked, auth=pair)
        assert (refusal.status_code, refusal.json()["errors"][0]["code"]) == (403, 99)
    assert shared.http.post("/oauth2/token", data={}, auth=right).status_code == 403


def test_a_token_ends_is_revoked_and_is_refreshed(x: LocalX) -> None:
    """Two hours; at once; and anew where the user allowed to stay connected."""
    token = sign_in(x, "alice")
    x.http.post("/2/oauth2/revoke", data={"token": token}, auth=CLIENT)
    assert x.http.get("/2/users/me", headers=bearer(token)).status_code == 401
    code = decide(x, handle="alice", scope="tweet.read users.read offline.access")["code"]
    bought = redeem(x, code).json()
    x.clock.advance(hours=2, seconds=1)
    assert x.http.get("/2/users/me", headers=bearer(bought["access_token"])).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": bought["refresh_token"]}
    fresh = x.http.post("/2/oauth2/token", data=form, auth=CLIENT).json()
    assert x.http.get("/2/users/me", headers=bearer(fresh["access_token"])).status_code == 200
    assert x.http.post("/2/oauth2/token", data=form, auth=CLIENT).status_code == 400


def test_a_token_does_what_its_user_allowed(x: LocalX) -> None:
    """Reading does not let an app write; writing does."""
    reads = bearer(sign_in(x, "alice"))
    writes = bearer(sign_in(x, "alice", "tweet.read tweet.write users.read"))
    refused = x.http.post("/2/tweets", json={"text": "hi"}, headers=reads)
    assert refused.status_code == 403
    assert "tweet.write" in refused.json()["detail"]
    assert x.http.post("/2/tweets", json={"text": "hi"}, headers=writes).status_code == 201
    assert x.http.get("/2/dm_events", headers=writes).status_code == 403
    assert x.control("posts")[0]["username"] == "alice"
