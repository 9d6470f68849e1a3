"""Stories with text messages, for processes that die at a step (see `stories`)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from bot.domain.replies import Reply
from bot.services import texts
from bot.services.steps import Step
from bot.store import factors
from tests.crash_child import Stage
from tests.services.proving import check, newest_code, send
from tests.world import World


def coded(stage: Stage) -> None:
    """Codes to new phones: whoever gets none asks again, and whoever got one has a wallet.

    A code stands in no row, so that nobody but its reader can ask for it again: a process that dies
    before it is sent costs a second asking, never a code that comes twice. Every asking counts
    against the limits, also one that sent nothing.
    """
    world = stage.world
    for handle, phone in (("carol", "+33639980042"), ("erin", "+33639980043")):
        asked = _ask_until_it_comes(stage, handle, phone)
        with world.store.read() as session:
            since = world.clock.now() - texts.COUNTED
            counted = factors.count_texts(session, since=since, x_user_id=world.x_id(handle))
        assert (counted, len(world.sms.texts_to(phone))) == (asked, 1)
        code = newest_code(world, phone)
        check(world, handle, code)
        assert world.balance(handle) == 0, "a wallet"
    stage.until_done(lambda: texts.send_notices(world.deps))
    assert len(world.sms.sent) == 2, "no worker sends a code"


def _ask_until_it_comes(stage: Stage, handle: str, phone: str) -> int:
    """Let somebody ask for a code until one comes; return how often they asked."""
    for asked in range(1, stage.world.deps.policy.sms_per_day):
        stage.once(lambda: send(stage.world, handle, phone))
        if stage.world.sms.texts_to(phone):
            return asked
    raise AssertionError("no code comes")


def noticed(stage: Stage) -> None:
    """A phone is told of a change, whoever dies: at any attempt, the last one included.

    A process that dies between the provider's yes and its record lets the notice be sent again,
    with the same key and the same words: a provider without keys shows it twice, which harms
    nobody. One that dies before sending costs an attempt, and no notice.
    """
    world = stage.world
    for number, attempts in enumerate((0, texts.TRIES - 1)):
        stage.again(Step.NOTICE_TAKEN, Step.NOTICE_SENT, Step.NOTICE_RECORDED)
        phone, before = f"+3363998005{number}", len(world.sms.sent)
        _write_notice(world, phone, attempts, world.clock.now())
        for _ in range(len(stage.planned) + 1):
            stage.once(lambda: texts.send_notices(world.deps))
            world.pass_time(hours=24)
        sent = world.sms.sent[before:]
        assert len(sent) == (2 if Step.NOTICE_SENT in stage.planned else 1)
        assert len(set(sent)) == 1, "to one phone, one text, one key"
        row = _newest(world)
        assert (sent[0].to_phone, row.phone, row.text) == (phone, phone, None)
        assert (row.sent_at is not None, row.next_attempt_at) == (True, None)


def _write_notice(world: World, phone: str, attempts: int, at: datetime) -> None:
    """Write a notice that was tried some times already."""
    with world.store.write() as session:
        texts.notify(session, phone, Reply.of("sms.sca_shut"), "en", person_id=1, at=at)
    for done in range(attempts):
        row = _newest(world)
        assert row.attempts == done
        with world.store.write() as session:
            assert factors.take_notice(session, row, next_attempt_at=at)


def _newest(world: World) -> Row[Any]:
    """Return the newest text's row."""
    with world.store.read() as session:
        newest = factors.texts.c.id.desc()
        return session.execute(select(factors.texts).order_by(newest).limit(1)).one()
