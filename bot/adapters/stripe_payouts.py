"""What Stripe paid out, and what each payout was made of (`bot.ports.Acquirer`)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from bot.adapters.stripe_api import Shown, StripeApi
from bot.adapters.stripe_cards import PAGE
from bot.domain.cards import AcquirerLine, AcquirerPayout, LineKind

_KINDS: Final[dict[str, LineKind]] = {
    "charge": "charge",
    "refund": "refund",
    "refund_failure": "refund_failed",
    "dispute": "dispute",
    "dispute_reversal": "dispute_won",
}
"""Stripe's reporting categories."""


class StripePayouts:
    """Payouts and their balance transactions (`bot.ports.Acquirer`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    def paid_out(self, is_known: Callable[[Iterable[str]], set[str]]) -> list[AcquirerPayout]:
        """Read the payouts that were paid and are not known, paging on while any is new."""
        found: list[AcquirerPayout] = []
        for page in self._pages(self._api.v1.payouts.list, {"status": "paid"}):
            known = is_known(one["id"] for one in page)
            fresh = [one for one in page if one["id"] not in known]
            found.extend(
                AcquirerPayout(
                    one["id"], one["amount"], datetime.fromtimestamp(one["arrival_date"], UTC)
                )
                for one in fresh
            )
            if not fresh:
                break
        return found

    def lines(self, payout_id: str) -> tuple[AcquirerLine, ...]:
        """Read what a payout was made of."""
        params = {"payout": payout_id, "expand": ["data.source"]}
        pages = self._pages(self._api.v1.balance_transactions.list, params)
        return tuple(_line(one) for page in pages for one in page if one["type"] != "payout")

    def _pages(self, method: Callable[..., Any], params: Shown) -> Iterator[list[Shown]]:
        more: Shown = {}
        while True:
            page = self._api.call(method, {**params, "limit": PAGE, **more})
            yield page["data"]
            if not page["has_more"]:
                return
            more = {"starting_after": page["data"][-1]["id"]}


def _line(moved: Shown) -> AcquirerLine:
    kind = _KINDS.get(moved["reporting_category"], "other")
    source = moved["source"] or {}
    about = source.get("payment_intent") if kind == "charge" else source.get("id")
    return AcquirerLine(moved["id"], kind, str(about or ""), moved["amount"], moved["fee"])
