"""Hearing: a post or a direct message becomes a command, with everybody it names known by X id.

X's entities are the truth of who is mentioned in a post. A handle that X did not see as a mention
is nobody's. On the way to a reply nobody is looked up: where X left an id out, and did not say so
just before, the reply leads to the page that asks. For a direct message X is asked; who is not
found is refused by name.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row

from bot.domain.commands import (
    Cancel,
    Command,
    Confirm,
    Donate,
    ErrorCode,
    Lang,
    Misread,
    Nothing,
    Pay,
    Request,
    Split,
    Start,
    Stop,
)
from bot.domain.draft import is_mendable
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.said import Message, Post
from bot.domain.x_bill import CONFIRMATIONS
from bot.language import Text, parse
from bot.ports import XUser
from bot.services import ask, converse, edits, gone, settle, x_money
from bot.services.answers import Incoming
from bot.services.deps import Deps
from bot.services.pay_page import KNOWN_FOR
from bot.services.steps import Step
from bot.store import inbox, people, writers

READ_TOO_LATE: Final = "posts.read_too_late"
"""The fact that holds how many commands were too old for an answer when they were read."""


def read_post(deps: Deps, row: Row[Any], since: datetime, bot: XUser) -> None:
    """Read a post from the inbox. Raises `Unavailable` and `Rejected`."""
    post = deps.decoder.post(row.body)
    why = _why_ignore(post.author_id, bot, post.created_at, since)
    if post.is_retweet:
        why = "a retweet"
    if why is not None:
        return _ignore(deps, row, why, post.author_id)
    answered = _answered(deps, post, bot)
    command = parse(_text_of(post, bot, answered))
    named, seen = _named(deps, post)
    if answered and post.in_reply_to_user_id is not None:
        named.setdefault(answered, post.in_reply_to_user_id)
    at = deps.clock.now()
    limit = timedelta(hours=deps.policy.answer_within_h)
    incoming = Incoming(
        source="post",
        id=post.id,
        author_x_user_id=post.author_id,
        conversation_id=post.conversation_id or post.id,
        in_reply_to_post_id=post.in_reply_to_post_id,
        bystanders=_bystanders(post, bot, seen),
        is_late=post.created_at is not None and at - post.created_at > limit,
        lang=_lang(command, post.lang),
        first_id=post.edit_history[0] if post.edit_history else post.id,
    )
    _converse(deps, row, incoming, command, named)
    return None


def read_message(deps: Deps, row: Row[Any], since: datetime, bot: XUser) -> None:
    """Read a direct message from the inbox. Raises `Unavailable` and `Rejected`."""
    message = deps.decoder.message(row.body)
    why = _why_ignore(message.sender_id, bot, message.created_at, since)
    if _is_group(message):
        why = "a conversation of more than two"
    if why is not None:
        return _ignore(deps, row, why, message.sender_id)
    command = parse(_text_of(message, bot))
    incoming = Incoming(
        source="dm",
        id=message.id,
        author_x_user_id=message.sender_id,
        conversation_id=None,
        in_reply_to_post_id=None,
        bystanders=(),
        is_late=False,
        lang=_lang(command, None),
    )
    _converse(deps, row, incoming, command, named=None)
    return None


def about_silence(deps: Deps, said: Post | Message, bot: XUser) -> Stop | Start | None:
    """Return the `stop` or `start` that a post or a message says, without doing it; else None."""
    if said.is_retweet if isinstance(said, Post) else _is_group(said):
        return None
    answered = _answered(deps, said, bot) if isinstance(said, Post) else None
    command = parse(_text_of(said, bot, answered))
    return command if isinstance(command, Stop | Start) else None


def _text_of(said: Post | Message, bot: XUser, answered: str | None = None) -> Text:
    """Return what the parser reads of a post, which may answer somebody, or of a message."""
    if isinstance(said, Message):
        return Text(text=said.text, bot=bot.handle, direct=True)
    return Text(
        text=said.text,
        bot=bot.handle,
        in_reply_to=answered,
        typed_from=said.typed_from if said.in_reply_to_user_id is not None else None,
        direct=False,
        lang=said.lang,
    )


def _why_ignore(
    author_id: str, bot: XUser, created_at: datetime | None, since: datetime
) -> str | None:
    if author_id == bot.id:
        return "our own"
    if created_at is not None and created_at < since:
        return "from before the first start"
    return None


def _is_group(message: Message) -> bool:
    return message.is_group


def _ignore(deps: Deps, row: Row[Any], why: str, author_x_user_id: str) -> None:
    with deps.store.write() as session:
        inbox.finish(
            session,
            row.id,
            at=deps.clock.now(),
            status="ignored",
            reason=why,
            author_x_user_id=author_x_user_id,
        )


def _answered(deps: Deps, post: Post, bot: XUser) -> str | None:
    """Return the handle of the author whom a post replies to; None where it is no reply.

    It is empty where X does not let us know it: X puts no writer's own handle before their reply.
    """
    target = post.in_reply_to_user_id
    if target is None:
        return None
    if target == bot.id:
        return bot.handle.lower()
    for one in post.mentions:
        if one.x_user_id == target:
            return one.handle.lower()
    with deps.store.read() as session:
        account = people.account(session, target)
    if account is None or not account.handle:
        return ""
    # A handle that the post gives to another account has changed hands: it says nothing now.
    is_anothers = any(one.handle.lower() == account.handle for one in post.mentions)
    return "" if is_anothers else str(account.handle)


def _named(deps: Deps, post: Post) -> tuple[dict[str, str | None], set[str]]:
    """Return whom a post mentions, by handle, and who was ever seen under one without an id.

    None stands where X left the id out and did not say it lately: a handle changes hands.
    """
    named = {one.handle.lower(): one.x_user_id for one in post.mentions}
    left_out = [handle for handle, x_user_id in named.items() if x_user_id is None]
    if not left_out:
        return named, set()
    since = deps.clock.now() - KNOWN_FOR
    with deps.store.read() as session:
        lately = people.bearers(session, left_out, looked_up_since=since)
        ever = people.bearers(session, left_out)
    return named | lately, set(ever.values())


def _bystanders(post: Post, bot: XUser, seen: Collection[str]) -> tuple[str, ...]:
    """Return everybody but its author whom a reply to a post would notify, as far as X let us know.

    Whoever was `seen` under a handle without an id is left out too: nothing is lost if it moved on.
    """
    ids = [one.x_user_id for one in post.mentions] + [post.in_reply_to_user_id, *seen]
    others = {one for one in ids if one is not None and one not in (post.author_id, bot.id)}
    return tuple(sorted(others))


def _lang(command: Command, fallback: Lang | None) -> Lang:
    return fallback or "fr" if isinstance(command, Nothing) else command.lang


def _converse(
    deps: Deps,
    row: Row[Any],
    incoming: Incoming,
    command: Command,
    named: Mapping[str, str | None] | None,
) -> None:
    """Turn a command into rows, the end of the inbox row among them, in one commit."""
    who: Mapping[str, str] = {}
    refusal: Reply | None = None
    if isinstance(command, Pay | Donate | Request | Split):
        command, who, refusal = _resolve(deps, command, named, incoming)
    elif isinstance(command, Misread) and is_mendable(command):
        # Of nobody who is not found a draft is made.
        _command, who, _refusal = _resolve(deps, command, named, incoming)
    elif isinstance(command, Confirm) and not incoming.is_public:
        refusal = _gone(deps, command.code, incoming)
    heard = replace(incoming, people=who)
    if heard.is_edit and not isinstance(command, Stop | Cancel):
        edits.close_card_pages(deps, heard, command)  # these two wish for it by themselves
    at = deps.clock.now()
    with deps.store.write() as session:
        is_first = inbox.finish(
            session,
            row.id,
            at=at,
            status="done",
            reason=_kind(command),
            author_x_user_id=incoming.author_x_user_id,
        )
        if not is_first:
            return  # another reader whose lease had run out was quicker
        confirmed = converse.converse(session, deps, heard, command, at, impossible=refusal)
        if heard.is_late and not isinstance(command, Nothing):
            inbox.count(session, READ_TOO_LATE, at=at)
    deps.step(Step.COMMAND_DONE)
    deps.bells.outbox.set()
    if confirmed:
        deps.tally.count(CONFIRMATIONS)
        settle.settle_waiting(deps)


def _gone(deps: Deps, code: str, incoming: Incoming) -> Reply | None:
    """Say that the post is gone which asked for what a message confirms."""
    try:
        gone.look(deps, code, incoming.author_x_user_id)
    except Refusal as refusal:
        return refusal.reply
    return None


def _kind(command: Command) -> str:
    return type(command).__name__.lower()


def _resolve(
    deps: Deps,
    command: Pay | Donate | Request | Split | Misread,
    named: Mapping[str, str | None] | None,
    incoming: Incoming,
) -> tuple[Command, Mapping[str, str], Reply | None]:
    """Find the X id behind each handle; `named` None: nothing is known of them (a DM).

    Each account costs: X is asked for a direct message alone, and then not for more people than a
    command may name, for a writer who has given too many commands, nor while the day's budget runs
    short.
    """
    try:
        me = incoming.author_x_user_id
        own = [one for one, x_user_id in (named or {}).items() if x_user_id == me]
        ask.check_count(deps, ask.kind_of(command), me, command.people, own=own)
    except Refusal as refusal:
        return command, {}, refusal.reply
    if named is not None:
        unseen = [handle for handle in command.people if handle not in named]
        if unseen:
            return _invalid(command, unseen[0]), {}, None
    ids = {handle: (named or {}).get(handle) for handle in command.people}
    unknown = [handle for handle, x_user_id in ids.items() if x_user_id is None]
    asks = bool(unknown) and not _has_had_enough(deps, incoming.author_x_user_id)
    if asks and (named is not None or x_money.is_saving(deps)):
        path = "/ask" if isinstance(command, Request | Split) else "/pay"
        url = incoming.own(deps.public_url + path)
        return command, {}, Reply.of("refusal.not_looked_up", url=url)
    found = deps.directory.by_handle(unknown) if asks else {}
    lower = {handle.lower(): user.id for handle, user in found.items()}
    who = {handle: x_user_id or lower.get(handle) for handle, x_user_id in ids.items()}
    missing = [handle for handle, x_user_id in who.items() if x_user_id is None]
    if missing:
        return command, {}, Reply.of("refusal.unknown_handle", handle=missing[0])
    return command, {handle: one for handle, one in who.items() if one is not None}, None


def _has_had_enough(deps: Deps, x_user_id: str) -> bool:
    """Whether one more command of a writer is one too many in the hour."""
    with deps.store.read() as session:
        heard = writers.commands_of(session, x_user_id, at=deps.clock.now())
    return heard >= deps.policy.commands_an_hour


def _invalid(command: Pay | Donate | Request | Split | Misread, handle: str) -> Misread:
    return Misread(
        error=ErrorCode.INVALID_HANDLE,
        lang=command.lang,
        verb=_kind(command),
        people=tuple(one for one in command.people if one != handle),
        handle_text=f"@{handle}",
        amount_cents=command.amount_cents,
        note=command.note,
    )
