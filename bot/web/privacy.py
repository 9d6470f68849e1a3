"""The privacy page: what is kept, why, how long, and who sees it.

Every figure on it is the constant that the job which removes it reads: the page cannot be wrong.
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from bot.domain.sca import LOOK_LASTS
from bot.domain.topup import FAILURES_KEPT
from bot.services import prune, sessions, texts
from bot.web import kept_form
from bot.web.site import Here

router = APIRouter()

HOUR_S: Final = 3600

KEPT: Final = (
    "identity",
    "account",
    "consent",
    "payments",
    "cards",
    "payouts",
    "cases",
    "blocks",
    "said",
    "texts",
    "failures",
    "handles",
    "browsers",
)
"""What is kept, `page.privacy.kept.…`: each with its reason and its time."""
SEEN_BY: Final = ("x", "other", "acquirer", "sms", "bank", "state")
"""Who sees what, `page.privacy.seen.…`."""
RIGHTS: Final = ("see", "correct", "delete", "object", "complain")
"""What one may do, `page.privacy.rights.…`."""


@router.get("/privacy")
def explain(here: Here) -> Response:
    """Say it, to anybody."""
    return here.page(
        "privacy.html",
        kept=KEPT,
        seen_by=SEEN_BY,
        rights=RIGHTS,
        figures={
            "identity_years": prune.IDENTITY_KEPT_YEARS,
            "books_years": prune.BOOKS_KEPT_YEARS,
            "said_days": prune.TEXTS_KEPT_DAYS,
            "texts_days": texts.KEPT.days,
            "failures_hours": int(FAILURES_KEPT.total_seconds()) // HOUR_S,
            "handles_days": prune.HANDLES_KEPT_DAYS,
            "typed_minutes": kept_form.KEPT_S // 60,
            "open_days": LOOK_LASTS.days,
            "idle_minutes": int(sessions.IDLE.total_seconds()) // 60,
        },
    )
