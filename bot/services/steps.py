"""The registry of crash points: every place where a process may die between a fact and the next.

A service announces a step by `deps.step(Step.X)`; in production that does nothing, in a test it
raises or kills the process. A test walks through all of them and fails where one is missing.
"""

from enum import StrEnum


class Step(StrEnum):
    """A moment after a commit or an outside call: `<service>.<what has just happened>`."""

    INBOX_WRITTEN = "receive.inbox_written"
    INBOX_LEASED = "receive.inbox_leased"
    EDIT_WISHED = "edits.wished"
    COMMAND_DONE = "receive.command_done"
    SHARES_ASKED = "split.shares_asked"
    AMOUNT_CHOSEN = "mend.amount_chosen"
    PAGE_ORDERED = "pay_page.ordered"
    OUTBOX_LEASED = "deliver.outbox_leased"
    MESSAGE_SENT = "deliver.message_sent"
    MESSAGE_RECORDED = "deliver.message_recorded"
    CONFIRMATION_WRITTEN = "confirm.confirmation_written"
    WALLET_SETTLED = "settle.wallet_settled"
    CUSTOMER_MADE = "settle.customer_made"
    CUSTOMER_RECORDED = "settle.customer_recorded"
    CHECKOUT_OPENED = "settle.checkout_opened"
    CHECKOUT_RECORDED = "settle.checkout_recorded"
    CHECKOUT_CLOSED = "settle.checkout_closed"
    AUTHORIZATION_RECORDED = "settle.authorization_recorded"
    DECISION_RECORDED = "settle.decision_recorded"
    CAPTURED = "settle.captured"
    VOIDED = "settle.voided"
    TOPUP_SETTLED = "settle.topup_settled"
    TOPUP_ENDED = "settle.topup_ended"
    CHARGED = "topup.charged"
    CARD_REMOVED = "topup.card_removed"
    CARD_FORGOTTEN = "topup.card_forgotten"
    DISPUTE_BOOKED = "disputes.dispute_booked"
    REFUND_WRITTEN = "refunds.refund_written"
    REFUND_MADE = "refunds.refund_made"
    REFUND_ENDED = "refunds.refund_ended"
    CLAIMED = "claim.claimed"
    GIVEN_BACK = "claim.given_back"
    PAYOUT_REQUESTED = "payouts.requested"
    PAYOUT_CANCELLED = "payouts.cancelled"
    PAYOUT_FILE_RECORDED = "payouts.file_recorded"
    PAYOUT_FILE_WRITTEN = "payouts.file_written"
    BANK_REPORT_BOOKED = "payouts.report_booked"
    ACQUIRER_PAYOUT_BOOKED = "reconcile.payout_booked"
    DIFFERENCE_BOOKED = "reconcile.difference_booked"
