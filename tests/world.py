"""A bot with fakes around it, on one database, in verbs that read like sentences.

What a person does in a test goes through the same services as in production: a post is a raw event
that the inbox takes in, a confirmation is a `Will`. Nothing of the bot is replaced.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Row, select

from bot.adapters.x.decode import XDecoder
from bot.domain import books
from bot.domain.cards import permission
from bot.domain.commands import Lang
from bot.domain.limits import Policy
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Basis
from bot.i18n.texts import catalogue, say
from bot.services import cancel, confirm, deliver, mandates, poll, receive, settle
from bot.services.deps import Deps
from bot.services.sessions import Visitor, hashed
from bot.services.steps import Step
from bot.services.views import OrderPage, order_page
from bot.services.whoami import whoami
from bot.store import cards, confirmations, ledger, orders, people
from bot.store.engine import Store
from bot.store.tables import OutboxRow, core
from tests import builders
from tests.fakes.cards import FakeCards
from tests.fakes.clock import FakeChance, FakeClock
from tests.fakes.sms import FakeSmsSender
from tests.fakes.store import StoreOfFakeTime
from tests.fakes.x import FakeXRoles
from tests.fakes.x_world import FakeX

PUBLIC_URL = "https://smoney.test"


class World:
    """The bot, its people on X, and their cards."""

    def __init__(self, store: Store, policy: Policy | None = None) -> None:
        self.clock = FakeClock(builders.NOON)
        self.store = StoreOfFakeTime(store, self.clock)
        self.x = FakeX(self.clock)
        self.roles = FakeXRoles(self.x)
        self.cards = FakeCards(self.clock.now)
        self.sms = FakeSmsSender()
        self.steps: list[Step] = []
        self.die_at: Step | None = None
        self.on_step: tuple[Step | None, Callable[[], None]] = (None, lambda: None)
        self.deps = Deps(
            store=self.store,
            clock=self.clock,
            chance=FakeChance(),
            decoder=XDecoder(),
            directory=self.roles.directory,
            mentions=self.roles.mentions,
            messages=self.roles.messages,
            publisher=self.roles.publisher,
            sign_in=self.roles.sign_in,
            checkout=self.cards.checkout,
            payments=self.cards.payments,
            reversals=self.cards.reversals,
            acquirer=self.cards.acquirer,
            vault=self.cards.vault,
            webhooks=self.cards.webhooks,
            sms=self.sms,
            policy=policy or Policy(),
            public_url=PUBLIC_URL,
            secret_key=builders.SECRET_KEY,
            code_cost=2,
            step=self._reach,
        )
        whoami(self.deps)
        receive.first_start(self.deps)

    def _reach(self, step: Step) -> None:
        """Note that a step was reached; at `die_at` the process dies."""
        self.steps.append(step)
        if step is self.on_step[0]:
            self.on_step[1]()
        if step is self.die_at:
            self.die_at = None
            raise ProcessDied(step)

    # --- people ----------------------------------------------------------------------------

    def x_id(self, handle: str) -> str:
        """Return the X user id behind a handle; a new account where nobody has it."""
        return self.x.person(handle).id

    def join(
        self, handle: str, *, cents: int = 0, by_dm: bool = False, organisation: bool = False
    ) -> int:
        """Let somebody have a wallet, with money in it; return the person's id."""
        with self.store.write() as session:
            return builders.person(
                session,
                handle,
                cents=cents,
                x_user_id=self.x_id(handle),
                confirms_by_dm=by_dm,
                is_organisation=organisation,
            )

    def save_card(self, person_id: int, token: str, *, limit_cents: int) -> int:
        """Keep a card of somebody's at the acquirer, with a mandate; return its row's id."""
        at = self.clock.now()
        customer = self.deps.vault.customer(person_id=str(person_id), key=f"customer-{person_id}")
        card = self.deps.vault.keep(customer_id=customer, payment_method=token, key=f"keep-{token}")
        with self.store.write() as session:
            card_id = cards.keep(session, person_id, card, at=at)
            cards.permit(session, permission(limit_cents, at), saved_card_id=card_id, at=at)
        return card_id

    def phone(self, handle: str) -> str:
        """Return somebody's number."""
        with self.store.read() as session:
            person = people.person_of(session, self.x_id(handle))
        assert person is not None
        return str(person.phone)

    def newest_code(self, handle: str) -> str:
        """Return the code in the newest text to somebody."""
        found = re.search(r"\b[0-9]{6}\b", self.sms.texts_to(self.phone(handle))[-1])
        assert found is not None
        return found[0]

    def lock(self, handle: str) -> None:
        """Let an operator lock somebody's wallet for review."""
        with self.store.write() as session:
            person = people.person_of(session, self.x_id(handle))
            assert person is not None
            people.change_person(session, person.id, locked_at=self.clock.now())

    def unlock(self, handle: str) -> None:
        """Let an operator end the review."""
        with self.store.write() as session:
            person = people.person_of(session, self.x_id(handle))
            assert person is not None
            people.change_person(session, person.id, locked_at=None)

    def link(self, handle: str, *, to: str) -> None:
        """Let an X account join the person behind another one."""
        with self.store.write() as session:
            person = people.person_of(session, self.x_id(to))
            assert person is not None
            people.see(session, self.x_id(handle), at=self.clock.now(), handle=handle)
            people.link_account(session, self.x_id(handle), person.id, at=self.clock.now())

    def expire(self) -> None:
        """Let the job expire what nobody confirmed in time."""
        cancel.expire_due(self.deps)

    def visitor(self, handle: str) -> Visitor:
        """Return somebody who signed in with X, in their own browser."""
        with self.store.write() as session:
            people.see(session, self.x_id(handle), at=self.clock.now(), handle=handle)
            person = people.person_of(session, self.x_id(handle))
        return Visitor(
            x_user_id=self.x_id(handle),
            handle=handle,
            person_id=person.id if person is not None else None,
            csrf="csrf",
            lang=None,
            is_ready=person is not None and people.is_ready(person),
            browser=hashed(builders.browser_of(handle)),
        )

    def balance(self, handle: str) -> int:
        """Return what somebody's wallet holds, in cents."""
        with self.store.read() as session:
            person = people.person_of(session, self.x_id(handle))
            assert person is not None
            return ledger.balance(session, books.wallet(person.id))

    # --- what people write -----------------------------------------------------------------

    def post(self, author: str, text: str, *, in_reply_to: str | None = None) -> str | None:
        """Let somebody post, and the bot react; return its reply, None where it says nothing."""
        post_id = self.take_post(author, text, in_reply_to=in_reply_to)
        self.react()
        return self.answer_to(post_id)

    def take_post(self, author: str, text: str, *, in_reply_to: str | None = None) -> str:
        """Let somebody post, without any reaction yet; return the post's id."""
        post_id = self.x.post(author, text, in_reply_to=in_reply_to)
        receive.take_in(self.deps, [self.x.event(post_id)])
        return post_id

    def edit(self, post_id: str, text: str) -> str:
        """Let the author of a post edit it, and the bot react; return the new version's id."""
        edited = self.take_edit(post_id, text)
        self.react()
        assert self.answer_to(edited) is None or self.answer_to(post_id) is None, "one reply"
        return edited

    def take_edit(self, post_id: str, text: str) -> str:
        """Let the author of a post edit it, without any reaction yet."""
        edited = self.x.edit(post_id, text)
        receive.take_in(self.deps, [self.x.event(edited)])
        return edited

    def answer_to(self, post_id: str) -> str | None:
        """Return the bot's reply to a post, which is never a second one."""
        answers = self.x.answers(post_id)
        assert len(answers) <= 1, "one reply for each mention"
        return answers[0].text if answers else None

    def dm(self, author: str, text: str, *, to: tuple[str, ...] = ()) -> list[str]:
        """Let somebody send the bot a direct message; return what it writes them back."""
        before = len(self.messages_to(author))
        self.x.write(author, text, to=to)
        poll.poll_messages(self.deps)
        self.react()
        return self.messages_to(author)[before:]

    def messages_to(self, handle: str) -> list[str]:
        """Return the direct messages that somebody got from the bot, oldest first."""
        return self.x.messages_from_bot(handle)

    def react(self) -> None:
        """Let the worker do what waits: read, settle, deliver."""
        receive.read_inbox(self.deps)
        settle.settle_waiting(self.deps)
        settle.recover(self.deps)
        deliver.deliver(self.deps)

    # --- orders ----------------------------------------------------------------------------

    def order(self, payer: str, payee: str, amount: str = "10€", *, kind: str = "pay") -> str:
        """Let `payer` order by a post; return the reference in the bot's reply."""
        reply = self.post(payer, f"@smoney {kind} @{payee} {amount}")
        return reference_in(reply)

    def confirm(
        self,
        handle: str,
        reference: str,
        *,
        funding: Literal["wallet", "card"] = "wallet",
        numbers: tuple[int, ...] | None = None,
        terms_hash: str | None = None,
        saved_card_id: int | None = None,
        proof: Authenticated | None = None,
        keep: bool = False,
    ) -> confirm.Outcome:
        """Let a payer confirm on the page what it shows them."""
        shown = terms_hash or self.terms(handle, reference)
        given = mandates.offered(self.deps.policy, self.clock.now())
        if keep:
            agreed = given.agreed_with(shown)
            proof = Authenticated(f"keep-{reference}", agreed, Basis.PASSKEY)
        return confirm.confirm(
            self.deps,
            confirm.Will(
                reference=reference,
                x_user_id=self.x_id(handle),
                terms_hash=shown,
                numbers=numbers,
                funding=funding,
                method="page",
                saved_card_id=saved_card_id,
                proof=proof,
                keep=given.text if keep else None,
            ),
        )

    def confirm_only(self, handle: str, reference: str, *, policy: Policy | None = None) -> int:
        """Let a payer confirm from the wallet, and nothing be settled yet; return the row's id."""
        deps = replace(self.deps, policy=policy or self.deps.policy)
        will = confirm.Will(
            reference=reference,
            x_user_id=self.x_id(handle),
            terms_hash=self.terms(handle, reference),
            funding="wallet",
            method="page",
        )
        with self.store.write() as session:
            confirmation_id, _topup_id = confirm.write(session, deps, will, self.clock.now())
        return confirmation_id

    def outcome(self, confirmation_id: int) -> str | None:
        """Return what became of a confirmation; None where it waits."""
        with self.store.read() as session:
            outcome: str | None = confirmations.get(session, confirmation_id).outcome
        return outcome

    def terms(self, handle: str, reference: str) -> str:
        """Return the hash of what an order's page shows a payer."""
        pending = [row for row in self.transfers(reference) if row.status == "pending"]
        mine = [row for row in pending if row.payer_x_user_id == self.x_id(handle)]
        return confirm.terms_of(reference, mine) if mine else "nothing"

    def page(self, handle: str, reference: str, *, with_own: bool = True) -> OrderPage:
        """Return what an order's page shows somebody who signed in."""
        return order_page(self.deps, reference, self.visitor(handle), with_own=with_own)

    def transfers(self, reference: str) -> Sequence[Row[Any]]:
        """Return an order's transfers."""
        with self.store.read() as session:
            order = orders.by_reference(session, reference)
            assert order is not None, f"no order {reference}"
            return orders.transfers_of(session, [order.id])

    def involving(self, handle: str) -> Sequence[Row[Any]]:
        """Return the transfers in which an account has a part, newest first, with its order's."""
        rows, parents, who = orders.transfers, orders.orders, self.x_id(handle)
        statement = (
            select(rows, parents.c.reference)
            .join(parents, rows.c.order_id == parents.c.id)
            .where((rows.c.payer_x_user_id == who) | (rows.c.payee_x_user_id == who))
            .order_by(rows.c.id.desc())
        )
        with self.store.read() as session:
            return session.execute(statement).all()

    def statuses(self, reference: str) -> list[str]:
        """Return the statuses of an order's transfers."""
        return [row.status for row in self.transfers(reference)]

    def reasons(self, reference: str) -> list[str]:
        """Return why an order's first transfer came to each of its statuses, oldest first."""
        with self.store.read() as session:
            first = self.transfers(reference)[0]
            return [row.reason for row in orders.history_of(session, [first.id])]

    def topup(self, reference: str) -> Row[Any]:
        """Return the newest top-up of an order."""
        with self.store.read() as session:
            order = orders.by_reference(session, reference)
            assert order is not None
            person_id = self.transfers(reference)[0].payer_person_id
            rows = session.execute(
                select(confirmations.topups)
                .where(confirmations.topups.c.order_id == order.id)
                .order_by(confirmations.topups.c.created_at, confirmations.topups.c.id)
            ).all()
            assert rows, f"nobody paid {reference} by card (person {person_id})"
            return rows[-1]

    def outbox(self) -> list[tuple[str, str]]:
        """Return what stands in the outbox: channel and status."""
        table = core(OutboxRow)
        with self.store.read() as session:
            rows = session.execute(select(table).order_by(table.c.id)).all()
        return [(row.channel, row.status) for row in rows]

    def pass_time(self, **spans: float) -> None:
        """Let time pass: `hours=25`."""
        self.clock.advance(timedelta(**spans).total_seconds())


class ProcessDied(BaseException):
    """The process died at a step: nothing may catch it but the test."""


def reference_in(reply: str | None) -> str:
    """Return the reference in the link of one of the bot's answers."""
    assert reply is not None, "the bot said nothing"
    found = re.search(rf"{re.escape(PUBLIC_URL)}/t/(\w{{6}})", reply)
    assert found is not None, reply
    return found[1]


def wordings(key: str, *, lang: Lang = "en", public: bool = False, **values: object) -> set[str]:
    """Return every wording of a sentence: which one a message gets is up to its id."""
    count = len(catalogue()[key][lang])
    reply = Reply.of(key, **values)
    return {say(reply, lang, public=public, seed=seed) for seed in range(count)}
