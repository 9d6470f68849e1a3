"""What came in from a person, and the one answer that it gets: a reply to a post, a DM to a DM.

Where X keeps a reply from going out, a DM says so in its place.
"""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from zlib import crc32

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Lang
from bot.domain.replies import Reply
from bot.domain.transfer import TransferStatus
from bot.i18n.length import POST_AT_MOST, weighted_length
from bot.i18n.texts import say
from bot.services.deps import Deps
from bot.services.tell import News, tell
from bot.store import drafts, orders, outbox, people, writers
from bot.store.outbox import Letter
from bot.store.queue import TALKATIVE

LINK_PRIORITY: Final = outbox.URGENT
"""A wallet holder's confirmation link goes first."""
NEWCOMER_PRIORITY: Final = 1
"""Then a newcomer's first."""
NEXT_PRIORITY: Final = 2
"""Then a newcomer's next."""
DONE_PRIORITY: Final = 4
"""Then what was done at a word, like a cancellation; as news are."""
HINT_PRIORITY: Final = 6
"""Then what is wrong with a command."""
ASKED_PRIORITY: Final = 7
"""Then what somebody else asks of its reader (`asked.tell_asked`)."""
HELP_PRIORITY: Final = 8
"""Help goes last."""
ANSWERS_AT_MOST: Final = 3
"""Answers to one person in one public conversation in an hour, so that two bots cannot go on and on
(X_PLATFORM.md, "Rules for automated accounts"); what is beyond is written down, not said, but for
the notice of an hour with too many commands, after which there is silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A post or a direct message, with everybody whom it names known by X id."""

    source: Literal["post", "dm"]
    id: str
    author_x_user_id: str
    conversation_id: str | None
    in_reply_to_post_id: str | None
    bystanders: tuple[str, ...]
    """Everybody else whom a reply would notify."""
    is_late: bool
    """Read so long after it was written that it gets no answer; it stands in the wallet."""
    is_hushed: bool = False
    """Its writer sends too many commands: what stops money is done, and nothing answered."""
    lang: Lang
    people: Mapping[str, str] = field(default_factory=dict)
    """X user ids by handle."""
    first_id: str = ""
    """The first version's id, by which an edited post's order and its one reply are known."""
    order_id: int | None = None
    """The order that an edit of its post fills anew."""

    @property
    def thing_id(self) -> str:
        """What the message is known by, however often it was edited."""
        return self.first_id or self.id

    @property
    def is_edit(self) -> bool:
        """Whether earlier versions of the post may have been read."""
        return self.thing_id != self.id

    @property
    def reply_key(self) -> str:
        """The key of a post's one reply in the outbox."""
        return f"reply:{self.thing_id}"

    @property
    def answer_key(self) -> str:
        """The key of its one answer in the outbox."""
        return self.reply_key if self.is_public else f"dm:answer:{self.id}"

    @property
    def is_public(self) -> bool:
        """Whether everybody can read it, and its answer."""
        return self.source == "post"

    @property
    def seed(self) -> int:
        """A number of this message's own, which picks a wording and makes a link unlike others."""
        return crc32(self.id.encode())

    def own(self, url: str) -> str:
        """Make a public answer's link its own: X refuses a text that was just posted."""
        return f"{url}#{self.seed:x}" if self.is_public else url


def answer(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    reply: Reply,
    *,
    at: datetime,
    priority: int,
    order_id: int | None = None,
    states_hash: str | None = None,
    mended_at: str | None = None,
    is_last_word: bool = False,
) -> None:
    """Put the one answer to a message into the outbox: a reply to a post, a DM to a DM.

    `mended_at` is where a misread command is mended with a tap: that link ends the answer.
    An edited post whose reply is out gets no second one, and an order gets none that is one answer
    too many: its writer is told by direct message, as far as X's rules allow it. `is_last_word`:
    it says that nothing more will be said, which is never one answer too many.
    """
    if incoming.is_late or incoming.is_hushed:
        return
    me = incoming.author_x_user_id
    reader = writers.answered(
        session,
        me,
        key=incoming.answer_key,
        conversation_id=incoming.conversation_id if incoming.is_public else None,
        at=at,
    )
    if priority == LINK_PRIORITY and reader.person_id is None:
        priority = NEXT_PRIORITY if reader.had_link else NEWCOMER_PRIORITY
    lang: Lang = reader.lang or incoming.lang
    text = _worded(deps, incoming, reply, lang, mended_at)
    letter = Letter(
        key=incoming.answer_key,
        channel="reply" if incoming.is_public else "dm",
        text=text,
        priority=priority,
        to_post_id=incoming.id if incoming.is_public else None,
        to_x_user_id=me,
        exclude_x_user_ids=",".join(incoming.bystanders) if incoming.is_public else "",
        order_id=order_id,
        states_hash=None if incoming.is_public else states_hash,
        conversation_id=incoming.conversation_id if incoming.is_public else None,
        dropped=TALKATIVE if reader.answers >= ANSWERS_AT_MOST and not is_last_word else None,
    )
    if outbox.put(session, [letter], at=at) or (
        incoming.is_edit and outbox.rewrite(session, letter, at=at)
    ):
        by_message = letter.dropped is not None and order_id is not None
        key = f"answer:instead:{incoming.id}"
    else:
        by_message, key = incoming.is_edit, f"edit:{incoming.id}"
    if by_message:
        told = Reply.of("draft.choose", url=mended_at) if mended_at is not None else reply
        tell(session, [News(key, me, told, order_id)], at=at)


def say_instead(session: Session, deps: Deps, replies: Iterable[Row[Any]], *, at: datetime) -> None:
    """Let orders whose reply does not go out be answered by direct message, where X allows one.

    The post is protected or gone, its writer blocks us, or it would come too late: what still can
    be confirmed waits in their wallet.
    """
    by_order = {row.order_id: row for row in replies if row.to_post_id and row.order_id}
    still = drafts.open_among(session, list(by_order)) | {
        transfer.order_id
        for transfer in orders.transfers_of(session, list(by_order))
        if transfer.status == TransferStatus.PENDING
    }
    news = []
    for order in orders.by_ids(session, sorted(still)).values():
        url = f"{deps.public_url}/t/{order.reference}"
        said = Reply.of("news.not_answered", reference=order.reference, url=url)
        row = by_order[order.id]
        key = f"answer:instead:{row.to_post_id}"
        news.append(News(key, row.to_x_user_id, said, order.id))
    tell(session, news, at=at)


def _worded(deps: Deps, incoming: Incoming, reply: Reply, lang: Lang, mended_at: str | None) -> str:
    """Put an answer into words, unlike those of any other where everybody can read it."""
    text = say(reply, lang, public=incoming.is_public, seed=incoming.seed)
    if mended_at is not None:
        return _with_way_to_mend(text, reply, lang, mended_at, public=incoming.is_public)
    if not incoming.is_public:
        return text
    link = incoming.own(f"{deps.public_url}/help")
    return _made_unlike_others(_with_at_signs(text, reply, lang, link), link)


def hush(session: Session, x_user_id: str, at: datetime) -> None:
    """Say nothing more to an X account, not even what waits already, until it writes `start`.

    X's rule is about the account: another one of the same person keeps its own. What a deliverer
    has in its hands at this moment may still go out.
    """
    people.change_account(session, x_user_id, opted_out_at=at)
    outbox.drop_waiting(session, x_user_id, reason="its reader wrote stop")


def _with_way_to_mend(text: str, reply: Reply, lang: Lang, url: str, *, public: bool) -> str:
    """End a hint with the link to its draft: in as many words as there is room for.

    The amount need never be public, so that nobody has to write their post again.
    """
    what = "choose" if reply.key.startswith("error.missing_amount") else "mend"
    ways = [
        say(Reply.of(f"draft.link.{one}", url=url), lang, public=public) for one in (what, "short")
    ]
    begun = (_with_at_signs(text, reply, lang, way) if public else text for way in ways)
    longer = [f"{_ended(one)} {way}" for one, way in zip(begun, ways, strict=True)]
    fits = (one for one in longer if weighted_length(one) <= POST_AT_MOST or not public)
    return next(fits, f"{text} {url}")


def _ended(text: str) -> str:
    return text if text[-1] in ".?!…" else f"{text}."


def _with_at_signs(text: str, reply: Reply, lang: Lang, link: str) -> str:
    """Say how to write whom an example names, where there is room: in public it has no `@`."""
    example = reply.values.get("example")
    named = example.values.get("people") if isinstance(example, Reply) else None
    if not isinstance(named, Sized) or not named:
        return text
    how = Reply.of("at_sign.several" if len(named) > 1 else "at_sign.one")
    longer = f"{text} {say(how, lang, public=True)}"
    return longer if weighted_length(f"{longer} {link}") <= POST_AT_MOST else text


def _made_unlike_others(text: str, link: str) -> str:
    """Add a link to the help page, of this answer's own, where there is room.

    X refuses a text that the same account has just posted; the help serves whoever reads it.
    """
    longer = f"{_ended(text)} {link}"
    return text if "://" in text or weighted_length(longer) > POST_AT_MOST else longer
