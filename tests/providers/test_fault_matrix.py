"""The fault matrix: every fault that a push or a reading may meet, at every service, and how it has to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.providers.matrix import accounts, dav, hosts, reading, services, writing
from tests.providers.matrix.columns import Column, Hub, allow
from tests.servers import CalDavServer

Scenario = Callable[..., None]


@dataclass(frozen=True)
class NotApplicable:
    """Nothing can happen there, and why."""

    why: str


NA = NotApplicable
Cell = Scenario | NotApplicable


@dataclass(frozen=True)
class Row:
    number: int
    fault: str
    cells: dict[str, Cell]


def row(number: int, fault: str, everywhere: Cell, **at: Cell) -> Row:
    """A row in which one scenario stands in all columns but those that are named."""
    return Row(number, fault, {name: at.get(name, everywhere) for name in services.COLUMNS})


ONLY_DAV = NA("only CalDAV servers know this")
WITHOUT = {
    15: ("timekit", "morgen", "morph"),
    16: ("timekit", "morgen", "morph"),
    43: ("timekit", "leadconnector", "morph"),
}
"""Among the other four: who has keys that do not age, and who knows no answers to invitations."""

TABLE = [
    row(1, "connection refused before send", writing.refused_before_it_was_sent),
    row(2, "answer lost after a create was carried out", writing.answer_lost),
    row(3, "the same, and changed before the retry", writing.answer_lost_then_changed),
    row(4, "the same, and cancelled before the retry", writing.answer_lost_then_cancelled),
    row(5, "worker killed between claim and call", writing.killed_before_the_call),
    row(6, "worker killed after the call, before it was written down", writing.killed_after_the_call),
    row(7, "two workers, lease lost in mid-call", writing.lease_lost_in_mid_call),
    row(8, "one job delivered ten times", writing.delivered_ten_times),
    row(9, "made, changed and cancelled while it was down", writing.made_and_cancelled_while_it_was_down),
    row(10, "update lost, older retry arrives late", writing.older_retry_arrives_late),
    row(11, "429 with Retry-After 30", writing.told_to_wait),
    row(
        12,
        "403 for a rate and 403 for good",
        NA("such services say 429, and 403 only for what stays forbidden"),
        google=writing.rate_and_refusal_are_told_apart_at_google,
        microsoft=writing.rate_and_refusal_are_told_apart_at_microsoft,
        caldav=writing.rate_and_refusal_are_told_apart_over_caldav,
    ),
    row(13, "500, although it was carried out", writing.done_but_answered_500),
    row(14, "a page of somebody else, or half an answer", writing.not_the_service_that_answers),
    row(
        15,
        "access token ended in mid-run",
        NA("a password or key does not age"),
        google=accounts.token_ended_in_between,
        microsoft=accounts.token_ended_in_between,
        cronofy=accounts.token_ended_in_between,
        others=accounts.token_ended_in_between,
    ),
    row(
        16,
        "renewal answered with 503",
        accounts.renewal_is_down,
        caldav=NA("a password is not renewed"),
    ),
    row(17, "sign-in dead", accounts.sign_in_is_dead),
    row(18, "permission to write taken away", accounts.became_read_only),
    row(19, "calendar deleted", accounts.calendar_deleted),
    row(20, "event deleted by the host", hosts.deleted_by_the_host),
    row(21, "put back after that", hosts.put_back),
    row(22, "event moved by the host", hosts.moved_by_the_host),
    row(
        23,
        "stale tag, by the host or by a guest's answer",
        hosts.stale_tag,
        cronofy=NA("it has no tags: the last write wins"),
        others=NA("they have no tags: the last write wins"),
    ),
    row(24, "If-None-Match ignored", ONLY_DAV, caldav=dav.if_none_match_is_ignored),
    row(25, "UID in use at another address", ONLY_DAV, caldav=dav.uid_at_another_address),
    row(26, "invalid data under 400, 403 or 412", ONLY_DAV, caldav=dav.invalid_data_under_any_number),
    row(27, "no tag, or a weak one", ONLY_DAV, caldav=dav.no_strong_tag),
    row(28, "sync token void", reading.token_is_void),
    row(29, "crash between pages", reading.killed_between_pages),
    row(
        30,
        "notice lost, doubled, late or forged",
        reading.notice_lost,
        google=reading.google_notices,
        microsoft=reading.microsoft_notices,
    ),
    row(31, "our own event read back", hosts.read_back),
    row(32, "one event that makes no sense", reading.poison),
    row(33, "days, far zones, the repeated hour", hosts.days_zones_and_folds),
    row(
        34,
        "room pending, then failed",
        hosts.room_is_never_asked_for_there,
        google=hosts.room_pending_then_failed,
        microsoft=hosts.room_pending_then_failed,
    ),
    row(35, "duplicate mails over all of these", writing.no_second_mail, caldav=writing.no_mail_by_the_server),
    row(36, "database restored from yesterday", hosts.restored_from_yesterday),
    row(37, "two installations in one calendar", hosts.two_installations),
    row(38, "database down right after success", writing.database_down_after_success),
    row(39, "clocks that are ten minutes wrong", accounts.clocks_differ),
    row(40, "a backlog", writing.backlog_in_order_and_fair),
    row(41, "answers that lead to another host", accounts.sent_to_another_host),
    row(42, "secrets in logs and rows", accounts.no_secret_anywhere),
    row(43, "answer to an invitation lost", hosts.answer_to_an_invitation_lost),
]

CELLS = [
    pytest.param(scenario, column, id=f"{one.number}-{column.name}")
    for one in TABLE
    for name, scenario in one.cells.items()
    if not isinstance(scenario, NotApplicable)
    for column in services.COLUMNS[name]
    if column.name not in WITHOUT.get(one.number, ())
]


@pytest.fixture(scope="session")
def hub(radicale: CalDavServer) -> Iterator[Hub]:
    services.DavDouble.upstream = radicale
    made = Hub(*services.doubles())
    made.plug()
    yield made
    made.unplug()


@pytest.mark.parametrize(("scenario", "column"), CELLS)
def test_what_is_stated_here_becomes_true_there_once(
    db: None, hub: Hub, settings: Any, caplog: pytest.LogCaptureFixture, scenario: Scenario, column: type[Column]
) -> None:
    for name, value in allow(hub).items():
        setattr(settings, name, value)
    at = column(hub).connect()
    if scenario is accounts.no_secret_anywhere:
        scenario(at, caplog)
    else:
        scenario(at)


def test_every_row_of_the_design_has_a_scenario_in_every_column() -> None:
    assert [one.number for one in TABLE] == list(range(1, 44))
    for one in TABLE:
        assert one.cells.keys() == services.COLUMNS.keys()
        for cell in one.cells.values():
            assert cell.why if isinstance(cell, NotApplicable) else cell.__doc__ or cell.__name__
    numbers = {number for number, _, _ in (param.id.partition("-") for param in CELLS)}
    assert numbers == {str(number) for number in range(1, 44)}
