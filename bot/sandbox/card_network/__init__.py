"""A local card network: the part of Stripe's API that the bot uses, driven by the `stripe` package.

`create_app` makes a FastAPI application with everything in memory. It speaks `/v1/…` (the table is
in `routes`), shows a hosted payment page at `/pay/{session}`, a 3-D Secure page, and at `/` what
happened; `/_sandbox/` (see `control` and `faults`) is for tests.

What a caller has to know:
- Cards are Stripe's test cards (`cards`). Stripe says that 4242 4242 4242 4242 is from the US;
  the hosted page has a field for the card's country, preset to FR, so that the plain cards work
  where only French ones are taken. Over the API, `pm_card_fr` is the French one.
- With `request_three_d_secure=any` a 4242 is not challenged (it is not enrolled:
  `attempt_acknowledged`), 4000 0000 0000 3055 is, 4000 0027 6000 3184 always is.
- A complete session whose payment is authorized alone is `unpaid`; its capture makes it `paid`.
- Sessions end and authorizations lapse by the clock, looked at once a second and at each call.
- Parameters that Stripe would not take, or that this network does not know, are a 400.
"""

from bot.sandbox.card_network.app import create_app

__all__ = ["create_app"]
