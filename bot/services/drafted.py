"""What an order's page shows to its owner while it is a draft: shares, or an amount to choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import ErrorCode
from bot.domain.draft import offers
from bot.domain.order import OrderKind
from bot.domain.replies import quoted
from bot.services import mend, split
from bot.services.ask import Named
from bot.services.deps import Deps
from bot.services.tell import shown
from bot.store import people

Over = Literal["cancelled", "edited", "expired", "alone"]
"""Why nothing can be done with a draft any more; `alone`: the others are the owner's by now."""


@dataclass(frozen=True, slots=True)
class SplitView:
    """A split that its asker looks at: nobody has been asked yet."""

    reference: str
    total_cents: int
    note: str | None
    with_own: bool
    """Whether the asker has a share of their own."""
    each_cents: int
    own_cents: int
    """The asker's share; where they have none, the cents that do not divide."""
    others: tuple[tuple[str, str], ...]
    """Handle and name of everybody who is to be asked."""
    terms_hash: str
    confirm_by: datetime
    over: Over | None


@dataclass(frozen=True, slots=True)
class DraftView:
    """A command whose amount was misread: its owner chooses one, and nothing moves by that."""

    reference: str
    kind: Literal["pay", "donate", "request", "split"]
    misread: str
    """What was wrong with the amount."""
    read: str
    """The amount as it was written, made harmless."""
    offers: tuple[int, ...]
    """Amounts to choose with one tap, each for one person; of a split, its total."""
    is_certain: bool
    """Whether the figure is beyond doubt, and only what it is of was not said."""
    is_above: bool
    """Whether a reading is not offered since nobody may pay so much."""
    note: str | None
    others: tuple[tuple[str, str], ...]
    """Handle and name of everybody whom it names."""
    people_hash: str
    confirm_by: datetime
    over: Over | None


def page(
    session: Session, deps: Deps, order: Row[Any], draft: Row[Any], *, with_own: bool
) -> SplitView | DraftView:
    """Return what a draft shows to its owner."""
    others = split.others_in(session, order) if _is_split(order) else mend.others_in(session, order)
    named = _named(session, others)
    expired = draft.confirm_by <= deps.clock.now()
    over: Any = draft.outcome or ("expired" if expired else None) or (None if others else "alone")
    if draft.misread is not None:
        return _draft_view(deps, order, draft, named, others, over)
    shares = split.proposed(session, order, with_own=with_own) if others else None
    return SplitView(
        reference=order.reference,
        total_cents=draft.amount_cents,
        note=draft.note,
        with_own=with_own,
        each_cents=shares.parts.each_cents if shares else 0,
        own_cents=shares.parts.own_cents if shares else draft.amount_cents,
        others=named,
        terms_hash=shares.terms_hash if shares else "",
        confirm_by=draft.confirm_by,
        over=over,
    )


def _is_split(order: Row[Any]) -> bool:
    return bool(order.kind == OrderKind.SPLIT.value)


def _named(session: Session, others: Sequence[Named]) -> tuple[tuple[str, str], ...]:
    accounts = people.accounts_by_id(session, [x_user_id for _handle, x_user_id in others])
    return tuple(
        (shown(accounts[x_user_id], handle), accounts[x_user_id].name)
        for handle, x_user_id in others
    )


def _draft_view(
    deps: Deps,
    order: Row[Any],
    draft: Row[Any],
    named: tuple[tuple[str, str], ...],
    others: Sequence[Named],
    over: Over | None,
) -> DraftView:
    choices = offers(
        draft.misread, order.kind, draft.amount_cents, draft.amount_text, len(others) or 1
    )
    # What nobody may pay is no choice; of a split each pays a part.
    most = deps.policy.to_organisation_cents
    kept = choices if _is_split(order) else tuple(one for one in choices if one <= most)
    return DraftView(
        reference=order.reference,
        kind=order.kind,
        misread=draft.misread,
        read=quoted(draft.amount_text or ""),
        offers=kept,
        is_certain=draft.misread == ErrorCode.MISSING_CURRENCY,
        is_above=len(kept) < len(choices),
        note=draft.note,
        others=named,
        people_hash=mend.people_hash(order, others),
        confirm_by=draft.confirm_by,
        over=over,
    )
