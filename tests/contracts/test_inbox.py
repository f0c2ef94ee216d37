"""What every Inbox promises: each update once, in order of arrival, until its turn is committed."""

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.stores import Stores
from tests.stores.running import Clock
from tests.stores.turns import arrival, commit_of, ids
from yabot.errors import StoreUnavailable
from yabot.users.ports import Mail, Stored

pytestmark = pytest.mark.anyio


async def finish(stores: Stores, clock: Clock, *mails: Mail) -> None:
    """Commit the turns of some updates."""
    for mail in mails:
        marks = {"key": mail.key, "mail_seq": mail.seq}
        await stores.users.commit(commit_of(Stored(None, 0), mail.user_id, clock(), **marks))


async def test_updates_are_numbered_in_the_order_in_which_they_came(stores: Stores) -> None:
    mails = [*await stores.inbox.accept([arrival(n, str(n % 3)) for n in range(10)])]
    mails += await stores.inbox.accept([arrival(n, str(n % 3)) for n in range(10, 20)])
    assert ids(mails) == list(range(20))
    seqs = [mail.seq for mail in mails]
    assert seqs == sorted(set(seqs))
    assert seqs[0] > 0


async def test_what_is_read_is_what_was_accepted(stores: Stores) -> None:
    sent = arrival(5, "1", bot_id=8)
    (mail,) = await stores.inbox.accept([sent])
    assert mail == Mail(mail.seq, "1", 8, 5, sent.update, attempts=0)
    assert await stores.inbox.read("1", 0, 10) == [mail]
    assert await stores.inbox.leftovers(0, 10) == [mail]


async def test_an_update_that_comes_again_is_left_out_while_it_waits_and_when_it_is_done(
    stores: Stores, clock: Clock
) -> None:
    (mail,) = await stores.inbox.accept([arrival(5)])
    assert ids(await stores.inbox.accept([arrival(5)])) == []
    await finish(stores, clock, mail)
    assert ids(await stores.inbox.accept([arrival(5), arrival(6)])) == [6]
    assert ids(await stores.inbox.leftovers(0, 10)) == [6]


async def test_an_update_that_comes_twice_in_one_delivery_is_taken_once(stores: Stores) -> None:
    twice = [arrival(4), arrival(5), arrival(4), arrival(7)]
    assert ids(await stores.inbox.accept(twice)) == [4, 5, 7]
    assert stores.inbox.backlog() == 3


async def test_an_update_in_several_deliveries_at_once_is_taken_once(stores: Stores) -> None:
    for update_id in range(10):
        deliveries = (stores.inbox.accept([arrival(update_id)]) for _ in range(4))
        assert sum(map(len, await asyncio.gather(*deliveries))) == 1
    assert stores.inbox.backlog() == 10


async def test_an_update_that_was_overtaken_is_new_and_comes_last(stores: Stores) -> None:
    for update_id in (6, 5, 4):
        assert ids(await stores.inbox.accept([arrival(update_id)])) == [update_id]
    assert ids(await stores.inbox.leftovers(0, 10)) == [6, 5, 4]


async def test_bots_do_not_share_their_update_ids(stores: Stores) -> None:
    mails = await stores.inbox.accept([arrival(5, bot_id=7), arrival(5, bot_id=8)])
    assert [mail.key for mail in mails] == ["tg:7:5", "tg:8:5"]


async def test_nothing_delivered_is_nothing_new(stores: Stores) -> None:
    assert list(await stores.inbox.accept([])) == []
    assert list(await stores.inbox.leftovers(0, 10)) == []
    assert stores.inbox.backlog() == 0


async def test_a_reading_gives_the_unprocessed_updates_of_one_user_beyond_a_place(
    stores: Stores, clock: Clock
) -> None:
    mails = await stores.inbox.accept([arrival(n, str(n % 2)) for n in range(12)])
    await finish(stores, clock, mails[3])
    assert ids(await stores.inbox.read("1", 0, 10)) == [1, 5, 7, 9, 11]
    assert ids(await stores.inbox.read("1", mails[1].seq, 3)) == [5, 7, 9]
    assert ids(await stores.inbox.read("1", mails[11].seq, 10)) == []
    assert ids(await stores.inbox.read("3", 0, 10)) == []


async def test_leftovers_are_the_unprocessed_updates_of_everybody_page_by_page(
    stores: Stores, clock: Clock
) -> None:
    mails = await stores.inbox.accept([arrival(n, str(n % 4)) for n in range(6)])
    await finish(stores, clock, mails[0], mails[3])
    page = await stores.inbox.leftovers(0, 3)
    assert ids(page) == [1, 2, 4]
    assert ids(await stores.inbox.leftovers(page[-1].seq, 3)) == [5]


async def test_a_stamp_counts_one_more_attempt_at_one_update(stores: Stores) -> None:
    first, second = await stores.inbox.accept([arrival(5), arrival(6)])
    await stores.inbox.stamp(first.seq)
    await stores.inbox.stamp(first.seq)
    expected = [replace(first, attempts=2), second]
    assert await stores.inbox.read("1", 0, 10) == expected
    assert await stores.inbox.leftovers(0, 10) == expected


async def test_a_stamp_on_what_is_done_changes_nothing(stores: Stores, clock: Clock) -> None:
    (mail,) = await stores.inbox.accept([arrival(5)])
    await finish(stores, clock, mail)
    await stores.inbox.stamp(mail.seq)
    assert list(await stores.inbox.leftovers(0, 10)) == []
    assert stores.inbox.backlog() == 0


async def test_the_backlog_is_what_is_durable_and_not_yet_processed(
    stores: Stores, clock: Clock
) -> None:
    mails = await stores.inbox.accept([arrival(n, str(n)) for n in range(5)])
    assert stores.inbox.backlog() == 5
    await stores.inbox.accept([arrival(3), arrival(5)])
    await finish(stores, clock, mails[0], mails[4])
    assert stores.inbox.backlog() == 4


async def test_an_update_that_could_not_be_kept_is_new_when_it_comes_again(stores: Stores) -> None:
    with stores.away():
        for _ in range(2):
            with pytest.raises(StoreUnavailable) as trouble:
                await stores.inbox.accept([arrival(5)])
            assert trouble.value.retry_after
    assert stores.inbox.backlog() == 0
    assert list(await stores.inbox.leftovers(0, 10)) == []
    assert ids(await stores.inbox.accept([arrival(5)])) == [5]
    assert stores.inbox.backlog() == 1


async def test_a_stamp_that_could_not_be_kept_is_not_counted(stores: Stores) -> None:
    (mail,) = await stores.inbox.accept([arrival(5)])
    with stores.away(), pytest.raises(StoreUnavailable):
        await stores.inbox.stamp(mail.seq)
    assert await stores.inbox.leftovers(0, 10) == [mail]
