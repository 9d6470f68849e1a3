"""Out: each message once, whatever X answers or fails to answer."""

from datetime import timedelta

import pytest

from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.domain.limits import Policy
from bot.domain.pace import Budget, Window
from bot.domain.x_bill import XUse
from bot.services import deliver, receive
from bot.services.back_off import BACK_OFF_AT_MOST_S
from bot.services.steps import Step
from bot.store import budgets, outbox
from bot.store.engine import Store
from tests.services.at_once import all_at_once
from tests.world import PUBLIC_URL, ProcessDied, World, reference_in


def test_a_limit_of_x_makes_the_channel_wait_until_its_reset(world: World) -> None:
    """Nothing is tried before; then everything goes, once."""
    reset = world.clock.now() + timedelta(minutes=5)
    world.roles.publisher.faults.add(Unavailable("429", reset))
    first = world.take_post("bob", "@smoney pay @alice 10€")
    second = world.take_post("carol", "@smoney pay @alice 10€")
    world.react()
    assert (world.answer_to(first), world.answer_to(second)) == (None, None)
    world.pass_time(minutes=4)
    world.react()
    assert world.answer_to(second) is None
    world.pass_time(minutes=2)
    world.react()
    assert world.answer_to(first)
    assert world.answer_to(second)


def test_refused_keys_close_the_channel_and_bury_nothing(world: World) -> None:
    """They are no message's fault, nor a post's: everything waits for whoever mends them."""
    faults = world.roles.publisher.faults
    faults.lose_answer()
    first = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(seconds=16)
    second = world.take_post("carol", "@smoney pay @alice 10€")
    faults.add(*[Rejected("unauthorized")] * 2)
    world.react()
    assert not faults.is_waiting, "one was to be looked up, one to be sent"
    third = world.take_post("dave", "@smoney pay @alice 10€")
    world.react()
    assert world.outbox() == [("reply", "waiting")] * 3
    world.pass_time(minutes=1)
    world.react()
    assert all(map(world.answer_to, (first, second, third)))
    assert world.outbox() == [("reply", "sent")] * 3


@pytest.mark.parametrize("fault", ["never sent", "no look-up", "a 503"])
def test_no_message_dies_of_an_x_that_is_away(world: World, fault: str) -> None:
    """However often it was tried. A minute after X is well again at most, its link is out."""
    faults = world.roles.publisher.faults
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    receive.read_said(world.deps)
    if fault == "no look-up":
        faults.lose_answer()
        deliver.deliver(world.deps)
    for number in range(deliver.TRIES_AT_MOST + 1):
        world.pass_time(seconds=deliver.LOOK_UP_WITHIN_S + 1)
        if fault == "a 503":
            faults.pass_over(min(number, 1))  # what is in doubt is looked up
            faults.add(OutcomeUnknown("reply", "server_error"))
        else:
            world.pass_time(seconds=BACK_OFF_AT_MOST_S)
            faults.add(Unavailable("no_connection"))
        deliver.deliver(world.deps)
        assert not faults.is_waiting, "it was tried"
    world.pass_time(seconds=deliver.LOOK_UP_WITHIN_S + 1 if fault == "a 503" else 301)
    world.react()
    assert world.answer_to(post_id)
    assert world.roles.publisher.timelines_read == 0, "the search says for nothing that it is not"


def test_the_longer_x_is_away_the_less_it_is_asked(world: World) -> None:
    """From a quarter of a minute to a whole one."""
    faults = world.roles.publisher.faults
    faults.add(OutcomeUnknown("reply", "server_error"))
    world.post("bob", "@smoney pay @alice 10€")
    waits = []
    for _ in range(8):
        with world.store.read() as session:
            (row,) = outbox.listing(session)
        waits.append((row.leased_until - world.clock.now()).total_seconds())
        world.pass_time(seconds=waits[-1] + 1)
        faults.pass_over()  # what is in doubt is looked up
        faults.add(OutcomeUnknown("reply", "server_error"))
        deliver.deliver(world.deps)
    assert waits == [15, 15, 15, 15, 16, 32, 60, 60]


def test_a_message_dies_of_calls_that_x_answers_oddly_alone(world: World) -> None:
    """Not of workers that sleep through their leases: X was not asked. Of 20 such calls it does."""
    publisher = world.roles.publisher
    world.take_post("bob", "@smoney pay @alice 10€")
    receive.read_said(world.deps)
    world.on_step = (Step.OUTBOX_LEASED, lambda: world.pass_time(seconds=outbox.LEASE_S))
    for _ in range(deliver.TRIES_AT_MOST):
        deliver.deliver(world.deps)
        world.pass_time(seconds=1)
    world.on_step = (None, lambda: None)
    for number in range(deliver.TRIES_AT_MOST):
        assert world.outbox() == [("reply", "waiting")], number
        publisher.faults.pass_over()  # what is in doubt is looked up
        publisher.faults.add(OutcomeUnknown("reply", "unreadable", is_odd=True))
        deliver.deliver(world.deps)
        assert not publisher.faults.is_waiting, number
        world.pass_time(seconds=deliver.LOOK_UP_WITHIN_S + 1)
    assert (world.outbox(), publisher.replies) == ([("reply", "dead")], [])


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(world: World) -> None:
    """X had posted it: our own reply is found, and its id recorded."""
    world.roles.publisher.faults.lose_answer()
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    assert world.outbox() == [("reply", "waiting")]
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "sent")]
    assert world.answer_to(post_id)
    with world.deps.tally.handing_over() as used:
        assert used[XUse.REPLY] == 1, "counted as it is found"


def test_an_equal_message_of_before_is_not_taken_for_one_whose_outcome_is_unknown(
    world: World,
) -> None:
    """It is another row's: what never reached X is sent, and what did is not sent twice."""
    world.join("bob", cents=5000, by_dm=True)
    said = world.dm("bob", "solde")
    for did_reach_x in (False, True):
        world.pass_time(minutes=1)
        if did_reach_x:
            world.roles.publisher.faults.lose_answer()
        else:
            world.roles.publisher.faults.add(OutcomeUnknown("dm"))
        world.dm("bob", "solde")
        assert world.outbox()[-1] == ("dm", "waiting"), did_reach_x
        world.pass_time(seconds=16)
        world.react()
        said += said[:1]
        assert world.messages_to("bob") == said, did_reach_x
        assert world.outbox() == [("dm", "sent")] * len(said), did_reach_x


def test_what_did_not_go_out_after_all_is_sent(world: World) -> None:
    """The look-up finds nothing: then it is sent."""
    world.roles.publisher.faults.add(OutcomeUnknown("reply"))
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(seconds=16)
    world.react()
    assert world.answer_to(post_id)


def test_a_process_that_dies_between_the_post_and_its_record_does_not_post_twice(
    world: World,
) -> None:
    """The row stays in doubt; whoever takes it over looks first."""
    world.die_at = Step.MESSAGE_SENT
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    with pytest.raises(ProcessDied):
        world.react()
    world.pass_time(minutes=2)
    world.react()
    assert world.answer_to(post_id)
    assert world.outbox() == [("reply", "sent")]


def test_a_worker_that_slept_through_its_lease_sends_nothing(world: World) -> None:
    """Nor half through it: X might show too late what it sends then. It goes out once."""
    slept = deliver.BEGIN_WITHIN_S
    world.on_step = (Step.OUTBOX_LEASED, lambda: world.pass_time(seconds=slept))
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    assert world.answer_to(post_id) is None
    world.on_step = (None, lambda: None)
    world.pass_time(seconds=outbox.LEASE_S - slept + 1)
    world.react()
    assert world.answer_to(post_id)


def test_a_no_for_good_makes_the_message_dead_and_leaves_the_order(world: World) -> None:
    """Listed with its reason; the payer finds the order in their wallet, and by DM if they may."""
    world.join("bob", cents=5000, by_dm=True)
    world.dm("bob", "help")
    for payer, channels in (
        ("bob", [("dm", "sent"), ("reply", "dead"), ("dm", "sent")]),
        ("carol", [("reply", "dead")]),
    ):
        before = len(world.outbox()) if payer == "carol" else 0
        world.roles.publisher.faults.add(Rejected("not_allowed", "the post is gone"))
        world.take_post(payer, "@smoney pay @alice 10€")
        world.react()
        world.react()
        assert world.outbox()[before:] == channels, payer
        (transfer,) = world.involving(payer)
        assert transfer.status == "pending", payer
    told = world.messages_to("bob")[-1]
    (row,) = world.transfers(reference_in(told))
    assert row.confirm_by == world.clock.now() + timedelta(hours=24)


def test_a_reply_that_x_shows_late_is_still_recognised(world: World) -> None:
    """Looked up, not found, sent again, refused as a duplicate: it waits until X shows it.

    Then the timeline is read too, which costs more: the search may never show it.
    """
    faults = world.roles.publisher.faults
    faults.lose_answer()
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    (hidden,) = [one for one in world.x.posts.values() if one.reply_to == post_id]
    hidden.is_deleted = True
    faults.pass_over()
    faults.add(Rejected("duplicate"))
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "waiting")]
    hidden.is_deleted = False
    world.roles.publisher.search_shows = False
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "sent")]
    (row,) = world.transfers(reference_in(world.answer_to(post_id)))
    assert row.confirm_by == world.clock.now() + timedelta(hours=24)


def test_looking_up_under_a_limit_waits_and_leaves_the_channel_open(world: World) -> None:
    """What X limits then is the looking: other replies go on."""
    faults = world.roles.publisher.faults
    faults.lose_answer()
    first = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    faults.add(Unavailable("429", world.clock.now() + timedelta(minutes=15)))
    world.pass_time(seconds=16)
    second = world.take_post("carol", "@smoney pay @alice 10€")
    world.react()
    assert world.answer_to(second) is not None
    world.pass_time(minutes=15)
    world.react()
    assert world.answer_to(first) is not None
    assert world.outbox() == [("reply", "sent"), ("reply", "sent")]


def test_the_time_to_confirm_starts_with_the_reply(world: World) -> None:
    """Not with the post: a reply that X delayed by two hours takes nothing from the payer."""
    world.roles.publisher.faults.add(Unavailable("429", world.clock.now() + timedelta(hours=2)))
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(hours=2, minutes=1)
    world.react()
    reference = reference_in(world.answer_to(post_id))
    (row,) = world.transfers(reference)
    assert row.confirm_by == world.clock.now() + timedelta(hours=24)


def test_nobody_gets_a_direct_message_who_never_wrote_one(world: World) -> None:
    """The payee reads it in the wallet; the payer, who wrote, is told."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    world.dm("bob", f"oui {reference}")
    assert world.messages_to("alice") == []
    assert any(reference in text for text in world.messages_to("bob"))


def test_two_hints_to_two_people_are_never_the_same_text(world: World) -> None:
    """X refuses a duplicate of the same account: each ends with a link of its own."""
    first = world.post("bob", "@smoney help")
    second = world.post("carol", "@smoney help")
    third = world.post("dave", "@smoney cancel")
    fourth = world.post("erin", "@smoney cancel")
    texts = [first, second, third, fourth]
    assert None not in texts
    assert len(set(texts)) == 4


def test_what_x_grants_goes_to_what_matters_most(world: World) -> None:
    """Its headers say what is left: the last quarter is spread, and a wallet's owner goes first."""
    world.join("bob", cents=5000)
    publisher = world.roles.publisher
    world.post("dave", "@smoney pay @alice 1€")
    reset = world.clock.now() + timedelta(minutes=10)
    publisher.budget = Budget(Window(8, 1, reset))
    assert world.post("erin", "@smoney help")
    assert world.post("frank", "@smoney help") is None, "one call of eight is left"
    assert world.post("bob", "@smoney pay @alice 2€"), "nothing is spared for what matters less"
    last = world.take_post("bob", "@smoney pay @alice 3€")
    for author, text in (
        ("gina", "@smoney pay @alice"),
        ("dave", "@smoney pay @alice 4€"),
        ("heidi", "@smoney pay @alice 5€"),
    ):
        world.take_post(author, text)
    world.react()
    assert world.answer_to(last) is None, "X says that one is left: of which we know better"
    publisher.budget = Budget(Window(8, 7, reset + timedelta(minutes=15)))
    answered = len(publisher.replies)
    world.clock.advance((reset - world.clock.now()).total_seconds())
    world.react()
    asked = [world.x.posts[one.to_post_id] for one in publisher.replies[answered:]]
    handles = [world.x.people[one.author_id].handle for one in asked]
    assert handles == ["bob", "heidi", "dave", "gina", "frank"]


def test_the_days_cap_of_the_app_holds_whatever_the_quarter_grants(world: World) -> None:
    """Not even a wallet owner's link goes beyond it; the next day brings what waits."""
    world.join("bob", cents=5000)
    tomorrow = world.clock.now() + timedelta(hours=5)
    world.roles.publisher.budget = Budget(
        Window(100, 99, world.clock.now() + timedelta(minutes=15)), Window(10_000, 1, tomorrow)
    )
    posts = []
    for cents, is_answered in ((1, True), (2, True), (3, False)):
        posts.append(world.take_post("bob", f"@smoney pay @alice {cents}€"))
        world.react()
        assert (world.answer_to(posts[-1]) is not None) == is_answered, cents
    world.pass_time(hours=4)
    world.react()
    assert world.answer_to(posts[-1]) is None, "the quarter is another by now, the day is not"
    world.pass_time(hours=1)
    world.react()
    assert world.answer_to(posts[-1]) is not None


def test_two_bots_do_not_go_on_and_on(world: World) -> None:
    """Three answers an hour to one person in one conversation; an order is told by DM instead."""
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    world.dm("bob_pro", "help")
    root = world.x.post("alice", "Who pays?")
    authors = ("bob", "bob_pro", "bob")
    assert all(world.post(one, "@smoney help", in_reply_to=root) for one in authors)
    assert world.post("bob", "@smoney help", in_reply_to=root) is None
    assert world.post("bob_pro", "@smoney pay @alice 5€", in_reply_to=root) is None
    (transfer,) = world.involving("bob_pro")
    assert transfer.reference == reference_in(world.messages_to("bob_pro")[-1])
    assert world.post("carol", "@smoney help", in_reply_to=root), "another person is answered"
    assert world.post("bob", "@smoney help"), "and another conversation"
    world.pass_time(hours=1)
    assert world.post("bob", "@smoney help", in_reply_to=root)


def test_too_many_commands_of_a_person_get_one_notice_then_silence(store: Store) -> None:
    """Whichever account they come from; what stops money is done, and X is asked for nobody.

    The notice comes also where there were three answers in its conversation already.
    """
    world = World(store, Policy(commands_an_hour=4))
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    first = world.order("bob", "alice", "1€")
    root = world.x.post("alice", "Who pays?")
    for _ in range(3):
        assert world.post("bob_pro", "@smoney help", in_reply_to=root)
    assert world.post("bob_pro", "@smoney is a nice bot", in_reply_to=root) is None
    notice = world.post("bob", "@smoney pay @alice 2€", in_reply_to=root)
    assert notice is not None
    assert "4" in notice
    assert f"{PUBLIC_URL}/wallet" in notice
    assert world.post("bob_pro", "@smoney pay @alice 3€", in_reply_to=root) is None
    assert world.post("bob", "@smoney nice", in_reply_to=None) is None
    read = world.roles.directory.users_read
    assert world.dm("bob_pro", "pay @zoe 4€") == []
    assert world.roles.directory.users_read == read
    assert [row.reference for row in world.involving("alice")] == [first], "nothing was ordered"
    assert world.post("bob", f"@smoney cancel #{first}") is None
    assert world.statuses(first) == ["cancelled"]
    assert world.post("carol", "@smoney help"), "others are answered"
    world.pass_time(hours=1)
    assert world.post("bob", "@smoney pay @alice 5€")


def test_two_workers_spend_one_budget(world: World) -> None:
    """Each message goes out once, each call is taken once, and nobody gives up for another."""
    posts = [world.take_post(one, "@smoney help") for one in ("bob", "carol", "dave", "erin")]
    receive.read_said(world.deps)
    all_at_once([lambda: deliver.deliver(world.deps)] * 2)
    deliver.deliver(world.deps)
    assert all(world.answer_to(one) for one in posts)
    with world.store.read() as session:
        (row,) = budgets.every(session)
    assert (row.taken, row.quarter_left, row.day_left) == (4, 96, 9_996)
