"""Ids on the surfaces: many at once, chosen by callers, and what is kept beside them."""

from __future__ import annotations

import pytest

from bookings.domain import calendar, refs
from bookings.domain.audit import SYSTEM
from bookings.domain.errors import Invalid
from bookings.formats.event import EventData
from bookings.models import Event, ExternalRef, GroupRule, Host, Organisation
from tests import factories

pytestmark = pytest.mark.django_db

SURFACES = ["cronofy", "timekit", "morgen", "leadconnector", "morph"]


def rules(organisation: Organisation, count: int) -> list[GroupRule]:
    return [GroupRule.everywhere.create(organisation=organisation, name=str(number)) for number in range(count)]


def events(host: Host, count: int) -> list[Event]:
    home = factories.local_calendar(host)
    return [
        calendar.create(home, EventData(f"Event {number}", number * 3600, "UTC", 3600), actor=SYSTEM)
        for number in range(count)
    ]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    "kind", ["organisation", "host", "account", "calendar", "event", "event_type", "request", "booking", "contact"]
)
def test_every_kind_of_thing_has_ids_on_every_surface(surface: str, kind: str):
    [event] = events(factories.host(), 1)
    thing = event.calendar if kind == "calendar" else event
    assert refs.resolve(event.organisation, surface, kind, refs.ref(surface, kind, thing)) == thing.pk


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("count", [3, 300])
def test_many_are_named_in_a_constant_number_of_queries(surface, count, django_assert_max_num_queries):
    things = rules(factories.organisation(), count)
    with django_assert_max_num_queries(5):  # the writing in batches of what SQLite can hold
        new = refs.refs(surface, "group_rule", things)
    with django_assert_max_num_queries(1):
        assert refs.refs(surface, "group_rule", things) == new
    assert list(new) == [thing.pk for thing in things]
    assert len(set(new.values())) == count


def test_events_of_morgen_are_named_in_a_constant_number_of_queries(django_assert_max_num_queries):
    host = factories.host()
    events(host, 20)
    read = list(Event.everywhere.all())
    with django_assert_max_num_queries(9):
        named = refs.refs("morgen", "event", read)
    assert all(refs.ref("morgen", "event", each) == named[each.pk] for each in read)


def test_nothing_has_no_names(django_assert_num_queries):
    assert refs.refs("cronofy", "host", []) == {}
    assert refs.kept("cronofy", "host", []) == {}


def test_who_names_a_thing_second_finds_the_name_that_is_there(monkeypatch):
    rule = rules(factories.organisation(), 1)[0]
    make = refs._MAKERS["cronofy"]

    def beaten_to_it(kind, things):
        monkeypatch.setitem(refs._MAKERS, "cronofy", make)
        refs.ref("cronofy", kind, things[0])
        return make(kind, things)

    monkeypatch.setitem(refs._MAKERS, "cronofy", beaten_to_it)
    named = refs.ref("cronofy", "group_rule", rule)
    assert [named] == list(ExternalRef.everywhere.values_list("external_id", flat=True))


def test_a_caller_chooses_an_id_and_may_say_it_again():
    [event] = events(factories.host(), 1)
    for _ in range(2):
        refs.name("cronofy", "event", event, "my event/7 ü")
    assert refs.ref("cronofy", "event", event) == "my event/7 ü"
    assert refs.resolve(event.organisation, "cronofy", "event", "my event/7 ü") == event.pk


def test_two_organisations_choose_the_same_id():
    for _ in range(2):
        [event] = events(factories.host(), 1)
        refs.name("cronofy", "event", event, "7")
        assert refs.resolve(event.organisation, "cronofy", "event", "7") == event.pk


@pytest.mark.parametrize("external_id", ["", "a\x00b", "x" * 513])
def test_an_id_that_cannot_be_looked_up_cannot_be_chosen(external_id):
    [event] = events(factories.host(), 1)
    with pytest.raises(Invalid) as refused:
        refs.name("cronofy", "event", event, external_id)
    assert refused.value.field == "external_id"


def test_an_id_of_something_else_cannot_be_chosen_nor_a_second_one():
    one, other = events(factories.host(), 2)
    refs.name("cronofy", "event", one, "7")
    with pytest.raises(Invalid, match="in use"):
        refs.name("cronofy", "event", other, "7")
    with pytest.raises(Invalid, match="otherwise"):
        refs.name("cronofy", "event", one, "8")
    assert refs.resolve(one.organisation, "cronofy", "event", "7") == one.pk
    assert refs.resolve(one.organisation, "cronofy", "event", "8") is None


def test_what_is_made_anew_takes_over_the_id_of_what_was_deleted():
    old, new = events(factories.host(), 2)
    refs.name("cronofy", "event", old, "7")
    refs.name("cronofy", "event", new, "7", instead_of=old.pk)
    assert refs.resolve(new.organisation, "cronofy", "event", "7") == new.pk
    assert refs.ref("cronofy", "event", old) != "7"


def test_what_has_no_column_is_kept_and_added_to():
    one, other = events(factories.host(), 2)
    refs.keep("timekit", "event", one, {"invite": True, "meta": {"a": [1, None]}})
    refs.keep("timekit", "event", one, {"invite": False, "x": "ü\\u0000"})
    refs.keep("timekit", "event", other, {})
    assert refs.kept("timekit", "event", [one, other]) == {
        one.pk: {"invite": False, "meta": {"a": [1, None]}, "x": "ü\\u0000"},
        other.pk: {},
    }
    assert refs.kept("morgen", "event", [one]) == {one.pk: {}}


def test_what_was_kept_of_many_is_read_in_one_query(django_assert_num_queries):
    some = events(factories.host(), 5)
    with django_assert_num_queries(1):
        refs.kept("timekit", "event", some)


@pytest.mark.parametrize("raw", [{"a": "x\x00"}, {"\x00": 1}, {"a": [{"b": "\x00"}]}])
def test_a_nul_is_not_kept(raw):
    [event] = events(factories.host(), 1)
    with pytest.raises(Invalid) as refused:
        refs.keep("timekit", "event", event, raw)
    assert refused.value.field == "raw"
