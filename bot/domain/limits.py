"""What a person may do, as named figures and pure checks. Counted by person, not by X account."""

from dataclasses import dataclass, field

from bot.domain.errors import Refusal
from bot.domain.levels import WITHOUT_A_TABLE, Levels, Rights
from bot.domain.money import PAYMENT_AT_MOST_CENTS
from bot.domain.replies import Reply

ROLLING_DAYS = 30
"""Length of the window of `Policy.in_30_days_cents` (days)."""

REQUESTS_TO_STRANGERS_A_DAY = 3
"""Open requests and splits of a person that ask somebody who never paid them (orders in 24 hours):
asking costs nothing, and begging from strangers is what makes people block a bot. One that asks
several counts once: a bill among friends is one request, and `Policy.max_people` bounds it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's figures, each set by the contract's setting that its line names.

    Where a line says "chosen", no law and no partner asks for that figure: it is the operator's.
    """

    to_person_cents: int = PAYMENT_AT_MOST_CENTS
    """LIMIT_PERSON_CENTS, one transfer to a person (cents): S-money's limit of 2014."""
    to_organisation_cents: int = 50_000
    """LIMIT_ORGANISATION_CENTS, one transfer to an organisation (cents): S-money's of 2014."""
    in_30_days_cents: int = 50_000
    """LIMIT_30_DAYS_CENTS, what one person pays in 30 days (cents): chosen, one transfer to an
    organisation or two to persons, each the largest: what a stolen account can lose in a month."""
    in_wallet_cents: int = 100_000
    """LIMIT_WALLET_CENTS, what one wallet holds (cents): chosen, twice what 30 days may pay, so
    that who is paid can receive and spend without a payout, and a stolen wallet holds little."""
    min_card_cents: int = 50
    """MIN_CARD_CENTS, the least card payment (cents): Stripe takes no less than 0.50 € in euros."""
    max_people: int = 10
    """MAX_PEOPLE, people in one order: chosen, a table of friends, and all fit on one page."""
    max_pending: int = 20
    """MAX_PENDING, orders of one person that wait: chosen, above what anybody means to confirm, and
    below what would flood those who are asked."""
    low_value_cents: int = 3_000
    """LOW_VALUE_CENTS, one payment without strong authentication (cents): RTS 2018/389 art. 16 (a)
    permits 30 €, no more."""
    low_value_total_cents: int = 10_000
    """LOW_VALUE_TOTAL_CENTS, all of those since the last strong authentication (cents): art. 16 (b)
    permits 100 €, no more."""
    confirm_within_h: int = 24
    """CONFIRM_WITHIN_H, from the reply (hours): chosen, a day, since people look at X daily."""
    answer_within_h: int = 6
    """ANSWER_WITHIN_H, from the post (hours): chosen, an answer that comes later puzzles."""
    commands_an_hour: int = 20
    """COMMANDS_AN_HOUR, from one person: chosen, above what anybody means to ask for, and below
    what would use up the replies that X grants everybody."""
    x_by_contract: bool = False
    """X_ACCESS is `enterprise`: how much X grants is the contract's, and its headers say it."""
    claim_within_days: int = 30
    """CLAIM_WITHIN_DAYS, how long money waits for its payee (days): chosen, time enough to open a
    wallet, and the payer's money does not stay away for long."""
    card_payout_after_h: int = 72
    """CARD_PAYOUT_AFTER_H, how long a card's money stays in (hours): chosen, three days in which
    the theft of a card is mostly seen, before its money has left."""
    card_countries: frozenset[str] = frozenset({"FR"})
    """CARD_COUNTRIES, of issue (two letters each): the service is for holders of French cards."""
    card_sca_covers_transfer: bool = False
    """CARD_SCA_COVERS_TRANSFER, whether 3-D Secure authenticates the transfer as well: no, until a
    lawyer says so, since it is bound to the card payment's amount and payee. Without it factors of
    ours come before the card's page."""
    sms_per_day: int = 5
    """SMS_PER_DAY, texts for a person, a number and an address (in 24 hours): chosen, each costs
    money and annoys whose number it is; an honest person needs one or two."""
    sms_daily_ceiling: int = 1_000
    """SMS_DAILY_CEILING, texts to everybody together (in 24 hours): chosen, it bounds what abuse
    of paid numbers can cost."""
    sms_prefixes: tuple[str, ...] = ()
    """SMS_PREFIXES, beginnings of numbers beside France's mobile ones: none, for the same abuse."""
    levels: Levels = field(default_factory=lambda: WITHOUT_A_TABLE)
    """LEVELS_FILE, the table of what each level of identity may do (cents), with its reasons."""

    def rights(self, level: str) -> Rights:
        """Return what a level may do."""
        return self.levels[level]

    def may_hold_cents(self, level: str) -> int:
        """Return what a wallet of that level holds at most."""
        return min(self.in_wallet_cents, self.rights(level).hold_cents)


def explain(key: str, policy: Policy) -> Reply:
    """Return the sentence of a refusal, with the operator's figures that it names."""
    figures: dict[str, dict[str, object]] = {
        "refusal.too_many_people": {"most": policy.max_people},
        "refusal.too_many_pending": {"most": policy.max_pending},
        "refusal.above_limit": {
            "person_cents": policy.to_person_cents,
            "organisation_cents": policy.to_organisation_cents,
        },
        "refusal.above_30_days": {"most_cents": policy.in_30_days_cents},
        "refusal.wallet_full": {"most_cents": policy.in_wallet_cents},
        "refusal.below_card_minimum": {"least_cents": policy.min_card_cents},
        "refusal.card_country": {"countries": sorted(policy.card_countries)},
        "refusal.needs_sca": {"most_cents": policy.low_value_cents},
        "refusal.needs_sca_total": {"most_cents": policy.low_value_total_cents},
        "refusal.needs_card": {"most_cents": policy.low_value_cents},
        "refusal.needs_card_total": {"most_cents": policy.low_value_total_cents},
        "refusal.card_without_3ds": {"most_cents": policy.low_value_cents},
        "refusal.card_without_3ds_total": {"most_cents": policy.low_value_total_cents},
    }
    return Reply(key, figures.get(key, {}))


def check_people(count: int, policy: Policy) -> None:
    """Refuse an order with too many people."""
    if count > policy.max_people:
        raise Refusal(explain("refusal.too_many_people", policy))


def check_amount(amount_cents: int, *, to_organisation: bool, policy: Policy) -> None:
    """Refuse a transfer above what one may be."""
    most = policy.to_organisation_cents if to_organisation else policy.to_person_cents
    if amount_cents > most:
        raise Refusal(explain("refusal.above_limit", policy))


def check_pending(open_orders: int, policy: Policy) -> None:
    """Refuse one more order to a person who has too many that wait."""
    if open_orders >= policy.max_pending:
        raise Refusal(explain("refusal.too_many_pending", policy))


def check_strangers(waiting: int) -> None:
    """Refuse one more request to people who never paid the asker, where too many of a day wait."""
    if waiting >= REQUESTS_TO_STRANGERS_A_DAY:
        raise Refusal(Reply.of("refusal.too_many_strangers", most=REQUESTS_TO_STRANGERS_A_DAY))


def check_wallet(balance_cents: int, more_cents: int, level: str, policy: Policy) -> None:
    """Refuse to fill a wallet above what one of that level may hold."""
    if balance_cents + more_cents > policy.may_hold_cents(level):
        raise Refusal(explain("refusal.wallet_full", policy))


def check_30_days(paid_cents: int, more_cents: int, policy: Policy) -> None:
    """Refuse what would bring a person's payments of 30 days above the limit.

    `paid_cents` counts what is posted, held or in funding; what was returned no longer counts.
    """
    if paid_cents + more_cents > policy.in_30_days_cents:
        raise Refusal(explain("refusal.above_30_days", policy))
