"""The pages on which strangers book, through the door a browser uses."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import translation
from django.utils.timezone import now

from bookings.domain import offers, public
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_event_type, offer
from bookings.domain.errors import Invalid, NotFound
from bookings.models import Booking, Claim, Contact, EventType, GroupMember, GroupRule, Question, Seat
from tests import factories

pytestmark = pytest.mark.django_db

LIMIT = 60 * 1024


@pytest.fixture
def greta(org):
    return factories.host(org, weekly=factories.ALWAYS, timezone="Europe/Berlin", name="Greta Hoffmann")


@pytest.fixture
def robin(org):
    return factories.host(org, weekly=factories.ALWAYS, name="Robin Lindqvist")


def offer_type(org, *hosts, rule=None, **fields):
    fields = {"name": "First meeting", "slug": "first-meeting", "minimum_notice": 0} | fields
    made = EventType.everywhere.create(organisation=org, group_rule=rule, **fields)
    made.hosts.set(hosts)
    return made


@pytest.fixture
def meeting(org, greta):
    return offer_type(org, greta)


@pytest.fixture
def place(org, greta, meeting):
    return f"/{org.slug}/{greta.slug}/{meeting.slug}"


def free(event_type, index=0, minutes=None):
    return offer(of_event_type(event_type, minutes=minutes), 0, 2**40).starts[index]


def starts_in(html):
    return [int(found) for found in re.findall(r"\?start=(\d+)", html)]


def ticket_in(html):
    return re.search(r'name="ticket" value="([^"]+)"', html)[1]


def fill_in(client, place, at, **changes):
    html = client.get(place, {"start": at, "tz": "UTC"}).content.decode()
    return {"start": at, "tz": "UTC", "name": "Ada", "email": "ada@example.org", "ticket": ticket_in(html)} | changes


def book(client, place, start, **changes):
    return client.post(place, fill_in(client, place, start, **changes))


# ── From an address to a booking ──


def test_the_first_page_holds_times_and_three_steps_and_a_name_book_one(client, place, meeting):
    start = starts_in(client.get(place, {"tz": "UTC"}).content.decode())[0]
    answer = book(client, place, start)
    assert answer.status_code == 302
    html = client.get(answer["Location"]).content.decode()
    assert "It is booked" in html
    booking = Booking.everywhere.get()
    assert (booking.start_s, booking.event_type, booking.state) == (start, meeting, "confirmed")
    assert booking.contact.email == "ada@example.org"
    assert booking.title == "First meeting · Ada"


def test_no_cookie_is_needed_so_that_it_works_in_frames(place, meeting):
    client = Client(enforce_csrf_checks=True)
    fields = fill_in(client, place, free(meeting))
    assert Client(enforce_csrf_checks=True).post(place, fields).status_code == 302


def test_the_same_form_sent_twice_books_once(client, place, meeting):
    fields = fill_in(client, place, free(meeting))
    first, second = client.post(place, fields), client.post(place, fields)
    assert first["Location"] == second["Location"]
    assert Booking.everywhere.count() == 1


def test_a_form_that_was_not_ours_books_nothing_and_keeps_what_was_typed(client, place, meeting):
    answer = book(client, place, free(meeting), ticket="made up", name="Ada L.")
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "open for too long" in html
    assert 'value="Ada L."' in html
    assert not Booking.everywhere.exists()
    again = {"start": free(meeting), "tz": "UTC", "name": "Ada", "email": "ada@example.org", "ticket": ticket_in(html)}
    assert client.post(place, again).status_code == 302


def test_a_time_taken_meanwhile_is_refused_with_the_form_kept_and_others_offered(client, place, meeting):
    start = free(meeting)
    fields = fill_in(client, place, start, name="Second", email="second@example.org")
    book(client, place, start)
    answer = client.post(place, fields)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert 'value="second@example.org"' in html
    assert f'value="{start + 1800}"' in html
    assert client.post(place, fields | {"start": start + 1800}).status_code == 302


def test_the_length_is_chosen_and_kept(client, org, greta):
    talk = offer_type(org, greta, slug="talk", durations=[30, 60])
    place = f"/{org.slug}/{greta.slug}/talk"
    html = client.get(place, {"length": "60"}).content.decode()
    assert re.search(r"\?start=\d+&amp;tz=[^\"]+&amp;length=60", html)
    start = free(talk, minutes=60)
    fields = fill_in(client, f"{place}?length=60", start)
    assert client.post(f"{place}?length=60", fields).status_code == 302
    booking = Booking.everywhere.get()
    assert booking.end_s - booking.start_s == 3600
    assert client.get(place, {"length": "45"}).status_code == 200, "another length is the default one"


def test_every_kind_of_question_is_asked_checked_and_answered(client, place, meeting):
    kinds = [
        ("text", []),
        ("number", []),
        ("select", ["a", "b"]),
        ("multiselect", ["x", {"value": "y", "label": "Y!"}]),
    ]
    for position, (kind, options) in enumerate([*kinds, ("phone", []), ("checkbox", [])]):
        Question.everywhere.create(
            organisation=meeting.organisation,
            event_type=meeting,
            key=kind,
            label=f"Your {kind}?",
            kind=kind,
            options=options,
            required=kind != "checkbox",
            position=position,
        )
    start = free(meeting)
    wrong = {"q-number": "many", "q-select": "z", "q-multiselect": ["q"], "q-phone": "call me", "q-text": ""}
    answer = book(client, place, start, **wrong)
    assert answer.status_code == 422
    assert answer.content.decode().count('class="error"') == 5
    right = {"q-number": "3", "q-select": "a", "q-multiselect": ["x", "y"], "q-phone": "+49 30 123456", "q-text": "Hi"}
    assert book(client, place, start, **right).status_code == 302
    assert Booking.everywhere.get().answers == {
        "text": "Hi",
        "number": 3,
        "select": "a",
        "multiselect": ["x", "y"],
        "phone": "+49 30 123456",
        "checkbox": False,
    }


def test_guests_come_along(client, place, meeting):
    assert book(client, place, free(meeting), guests="bo@example.org, not-an-address").status_code == 422
    assert book(client, place, free(meeting), guests="bo@example.org; cy@example.org").status_code == 302
    people = Booking.everywhere.get().event.participants.values_list("email", flat=True)
    assert {"ada@example.org", "bo@example.org", "cy@example.org"} <= set(people)


def test_what_needs_confirmation_is_only_asked_for(client, org, greta):
    asked = offer_type(org, greta, slug="ask", needs_confirmation=True)
    place = f"/{org.slug}/{greta.slug}/ask"
    html = client.get(place, {"start": free(asked)}).content.decode()
    assert "Ask for this time" in html
    answer = book(client, place, free(asked))
    assert "it still has to be confirmed" in client.get(answer["Location"]).content.decode()


# ── Seats ──


@pytest.fixture
def studio(org, greta):
    return offer_type(org, greta, name="Open studio", slug="studio", capacity=2, durations=[60])


def test_seats_are_taken_until_the_session_is_full(client, org, greta, studio):
    place, start = f"/{org.slug}/{greta.slug}/studio", free(studio)
    assert book(client, place, start).status_code == 302
    assert "1 seat left" in client.get(place, {"tz": "UTC"}).content.decode()
    assert book(client, place, start, email="bo@example.org").status_code == 302
    assert start not in starts_in(client.get(place, {"tz": "UTC"}).content.decode())
    fields = fill_in(client, place, free(studio, 1), start=start, email="cy@example.org")
    assert client.post(place, fields).status_code == 409
    assert Seat.everywhere.count() == 2
    assert Booking.everywhere.count() == 1


def test_who_gives_somebody_elses_address_learns_nothing_of_their_seat(client, org, greta, studio):
    place, start = f"/{org.slug}/{greta.slug}/studio", free(studio)
    mine = book(client, place, start)["Location"]
    again = book(client, place, start, name="Not Ada")
    assert again.status_code == 200
    assert "You have a seat already" in again.content.decode()
    assert mine not in again.content.decode()


# ── Teams and indexes ──


def team(org, *hosts, mode="any"):
    rule = GroupRule.everywhere.create(organisation=org, name="Team", mode=mode)
    for host in hosts:
        GroupMember.everywhere.create(organisation=org, rule=rule, host=host)
    return rule


def test_a_teams_page_books_whoever_is_free_and_a_members_page_that_member(client, org, greta, robin):
    chat = offer_type(org, slug="chat", rule=team(org, greta, robin))
    start = free(chat)
    for email in ("a@example.org", "b@example.org"):
        assert book(client, f"/{org.slug}/chat", start, email=email).status_code == 302
    assert set(Claim.everywhere.filter(start_s=start).values_list("host", flat=True)) == {greta.pk, robin.pk}
    place = f"/{org.slug}/{robin.slug}/chat"
    later = starts_in(client.get(place, {"tz": "UTC"}).content.decode())[3]
    book(client, place, later)
    assert Claim.everywhere.get(start_s=later).host == robin


def test_what_needs_everybody_has_no_page_of_one_host(client, org, greta, robin):
    both = offer_type(org, slug="both", rule=team(org, greta, robin, mode="all"))
    assert client.get(f"/{org.slug}/{greta.slug}/both").status_code == 404
    book(client, f"/{org.slug}/both", free(both))
    assert Claim.everywhere.filter(start_s=Booking.everywhere.get().start_s).count() == 2


def test_an_index_lists_what_is_public_and_can_be_had(client, org, greta, robin, meeting):
    offer_type(org, greta, name="Hidden thing", slug="hidden", is_public=False)
    offer_type(org, greta, name="Stopped thing", slug="stopped", is_active=False)
    offer_type(org, name="Nobody’s thing", slug="nobodys")
    offer_type(org, robin, name="Robin’s thing", slug="robins")
    whole = client.get(f"/{org.slug}").content.decode()
    assert f"/{org.slug}/{greta.slug}/first-meeting" in whole
    assert "Robin’s thing" in whole
    assert not re.search("Hidden|Stopped|Nobody’s", whole)
    own = client.get(f"/{org.slug}/{greta.slug}").content.decode()
    assert "First meeting" in own
    assert "Robin’s thing" not in own


def test_what_is_not_listed_is_there_for_whoever_has_its_address(client, org, greta):
    offer_type(org, greta, slug="quiet", is_public=False)
    answer = client.get(f"/{org.slug}/quiet")
    assert answer.status_code == 200
    assert answer["X-Robots-Tag"] == "noindex"


def test_an_index_of_nothing_says_what_that_means(client, org, greta):
    assert "offers no times to book right now" in client.get(f"/{org.slug}/{greta.slug}").content.decode()


# ── States ──


def test_what_is_stopped_and_who_is_away_say_so(client, org, greta, meeting, place):
    EventType.everywhere.update(is_active=False)
    paused = client.get(place)
    assert "takes no bookings at present" in paused.content.decode()
    assert client.post(place, {"start": "1"}).status_code == 200
    EventType.everywhere.update(is_active=True)
    type(greta).everywhere.filter(pk=greta.pk).update(is_active=False)
    for address in (place, f"/{org.slug}/{greta.slug}"):
        assert "takes no bookings at present" in client.get(address).content.decode()


def test_a_month_without_times_leads_to_the_next_free_day(client, org):
    rare = factories.host(org, weekly=[[]] * 7, name="Rare")
    later = offer_type(org, rare, slug="rare", window="open")
    far = int(now().timestamp()) // 86_400 * 86_400 + 200 * 86_400
    rare.openings.create(organisation=org, start_s=far + 36_000, end_s=far + 39_600)
    html = client.get(f"/{org.slug}/{rare.slug}/rare", {"tz": "UTC", "month": f"{now():%Y-%m}"}).content.decode()
    assert "No free time in" in html
    assert re.search(r'href="\?day=\d{4}-\d\d-\d\d[^"]*#times">Next: \w+ \d+ \w+, 2 times free', html)
    assert free(later) == far + 36_000


@pytest.mark.parametrize("path", ["/{org}/nothing", "/{org}/{host}/nothing", "/{org}/nobody/first-meeting", "/nowhere"])
def test_what_is_not_there_is_not_found(client, org, greta, meeting, path):
    answer = client.get(path.format(org=org.slug, host=greta.slug), headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_another_organisations_hosts_and_types_are_not_found(client, org, greta, meeting):
    other = factories.organisation("Elsewhere")
    assert client.get(f"/{other.slug}/{greta.slug}/{meeting.slug}").status_code == 404
    assert client.get(f"/{other.slug}/{meeting.slug}").status_code == 404


# ── Against those who do not mean well ──


def test_programs_that_fill_in_what_people_do_not_see_book_nothing(client, place, meeting):
    assert book(client, place, free(meeting), website="https://spam.example").status_code == 422
    assert not Booking.everywhere.exists()
    assert not Contact.everywhere.exists()


def test_one_person_and_one_address_book_so_often_and_no_more(client, place, meeting):
    codes = [book(client, place, free(meeting)).status_code for _ in range(11)]
    assert codes == [302] * 10 + [429]
    codes = [book(client, place, free(meeting), email=f"p{number}@example.org").status_code for number in range(11)]
    assert codes[-1] == 429
    assert Booking.everywhere.count() == 20 - 1


def test_nobody_starves_a_host_with_requests_that_wait(client, org, greta):
    asked = offer_type(org, greta, slug="ask", needs_confirmation=True)
    place = f"/{org.slug}/{greta.slug}/ask"
    codes = [book(client, place, free(asked)).status_code for _ in range(4)]
    assert codes == [302, 302, 302, 429]


def test_words_of_people_are_shown_as_words(client, org, greta):
    nasty = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    made = offer_type(org, greta, name=nasty, slug="nasty", description=nasty)
    Question.everywhere.create(organisation=org, event_type=made, key="q", label=nasty, kind="select", options=[nasty])
    for path in (f"/{org.slug}", f"/{org.slug}/nasty", f"/{org.slug}/nasty?start={free(made)}"):
        html = client.get(path).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_looking_changes_nothing(client, org, place, meeting):
    with CaptureQueriesContext(connection) as queries:
        for path in (f"/{org.slug}", place, f"{place}?start={free(meeting)}", f"/{org.slug}/first-meeting"):
            for method in (client.get, client.head, client.options):
                method(path)
    assert not [each["sql"] for each in queries if not each["sql"].startswith("SELECT")]


def test_private_things_of_the_host_stand_nowhere(client, org, place, meeting, greta):
    html = client.get(place).content.decode() + client.get(f"/{org.slug}").content.decode()
    for private in (greta.email, str(greta.pk), str(meeting.pk), str(org.pk)):
        assert private not in html


# ── Addresses, frames, headers ──


def test_no_organisation_can_take_a_word_that_other_paths_begin_with():
    own = {"public", "public-type", "public-hosts-type"}
    others = [str(entry.pattern) for entry in get_resolver().url_patterns if getattr(entry, "name", "") not in own]
    inner = [
        str(entry.pattern) + str(each.pattern)
        for entry in get_resolver().url_patterns
        for each in getattr(entry, "url_patterns", [])
    ]
    first = {re.split(r"[/<^(]", path.lstrip("^/"))[0].removesuffix("$") for path in [*others, *inner]}
    assert {word for word in first if re.fullmatch(r"[-\w]+", word)} <= public.RESERVED


@pytest.mark.parametrize("word", ["v1", "admin", "calendars", "r"])
def test_pages_of_an_organisation_with_such_a_name_do_not_shadow(client, org, word):
    type(org).objects.filter(pk=org.pk).update(slug=word)
    with pytest.raises(NotFound):
        public.organisation(word)
    assert client.get(f"/{word}/nothing/there", headers={"Accept": "text/html"}).status_code in (302, 404)


def test_public_pages_may_be_indexed_and_are_never_stored(client, place):
    answer = client.get(place)
    assert "X-Robots-Tag" not in answer
    assert answer["Cache-Control"] == "no-store"
    assert "ETag" not in answer
    assert f'<link rel="canonical" href="{settings.BASE_URL}{place}">' in answer.content.decode()


def test_only_sites_on_the_list_may_frame_the_page(client, org, place):
    closed = client.get(place)
    assert "frame-ancestors 'none'" in closed["Content-Security-Policy"]
    assert closed["X-Frame-Options"] == "DENY"
    type(org).objects.filter(pk=org.pk).update(frame_origins=["https://shop.example"])
    opened = client.get(place, {"embed": "1"})
    assert "X-Frame-Options" not in opened
    assert "frame-ancestors https://shop.example" in opened["Content-Security-Policy"]
    type(org).objects.filter(pk=org.pk).update(frame_origins=["*", "https://a.example; script-src *", "x\ny", 7])
    assert client.get(place)["Content-Security-Policy"] == closed["Content-Security-Policy"]


def test_in_a_frame_nothing_surrounds_it_and_links_stay_inside(client, org, place, meeting):
    html = client.get(place, {"embed": "1", "tz": "UTC"}).content.decode()
    assert "<footer" not in html
    links = re.findall(r'href="(\?[^"]+)"', html)
    assert links
    assert all("embed=1" in link for link in links)
    fields = fill_in(client, f"{place}?embed=1", free(meeting))
    answer = client.post(f"{place}?embed=1", fields)
    assert answer["Location"].endswith("?embed=1")
    assert "<footer" not in client.get(answer["Location"]).content.decode()


def test_american_visitors_read_twelve_hours_and_weeks_from_sunday(client, place):
    html = client.get(place, {"tz": "UTC"}, headers={"Accept-Language": "en-US,en;q=0.9"}).content.decode()
    assert re.search(r'class="time"[^>]*>\d+:\d\d [AP]M', html)
    assert re.search(r'<thead><tr><th scope="col" abbr="Sunday"', html)
    html = client.get(place, {"tz": "UTC"}, headers={"Accept-Language": "en-GB"}).content.decode()
    assert re.search(r'class="time"[^>]*>\d\d:\d\d<', html)
    assert re.search(r'<thead><tr><th scope="col" abbr="Monday"', html)


def test_the_first_load_is_light_and_asks_nobody_else(client, place):
    answer = client.get(place)
    html = answer.content.decode()
    linked = re.findall(r'(?:src|href)="([^"]+\.(?:css|js|svg))"', html)
    assert linked
    assert all(each.startswith("/static/") for each in linked)
    static = Path(settings.STATICFILES_DIRS[0])
    sizes = [len(gzip.compress((static / each.removeprefix("/static/")).read_bytes())) for each in set(linked)]
    assert len(answer.content) + sum(sizes) <= LIMIT
    assert not re.findall(r'src="https?:', html)


def test_queries_do_not_grow_with_what_is_booked(client, org, place, meeting, greta, django_assert_max_num_queries):
    for index in range(12):
        factories.booking(greta, start=free(meeting, index * 3), minutes=30)
    with django_assert_max_num_queries(16):
        client.get(place)
    for number in range(6):
        offer_type(org, greta, slug=f"more-{number}")
    with django_assert_max_num_queries(5):
        client.get(f"/{org.slug}")


def test_an_event_type_does_not_take_a_hosts_place(client, org, greta):
    with pytest.raises(Invalid):
        offers.create(org, name="Greta", slug=greta.slug, actor=SYSTEM)


# ── Languages ──

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
TEMPLATES = Path(settings.TEMPLATES[0]["DIRS"][0])


def words_of_templates():
    html = "".join(path.read_text() for path in [*(TEMPLATES / "customer").glob("*.html"), TEMPLATES / "404.html"])
    return set(re.findall(r"""{% translate ["'](.+?)["'] %}""", html))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_customers_pages_is_translated(language):
    catalogue = translation.trans_real.DjangoTranslation(language, domain="django")
    known = {str(key) for each in catalogue._catalog._catalogs for key in each}
    assert len(words_of_templates()) > 80
    assert not words_of_templates() - known


@pytest.mark.parametrize(
    ("language", "said", "direction"),
    [
        ("de", "Tag und Uhrzeit wählen", "ltr"),
        ("fr", "Choisissez un jour et une heure", "ltr"),
        ("ja", "日付と時間を選んでください", "ltr"),
        ("ar", "اختر يومًا ووقتًا", "rtl"),
    ],
)
def test_customers_read_the_page_in_their_language(client, place, language, said, direction):
    answer = client.get(place, headers={"Accept-Language": f"{language},en;q=0.5"})
    html = answer.content.decode()
    assert said in html
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert answer["Content-Language"] == language
    assert client.get(place, {"lang": "en"}, headers={"Accept-Language": language})["Content-Language"] == "en"
    chosen = client.get(place, headers={"Accept-Language": language})
    assert chosen["Content-Language"] == "en", "a language once chosen is remembered"


def test_dates_are_written_as_the_language_writes_them(client, place):
    german = client.get(place, {"tz": "UTC"}, headers={"Accept-Language": "de"}).content.decode()
    assert re.search(r'aria-label="\w+, \d+\. \w+, \d+ Zeiten frei"', german)
    japanese = client.get(place, {"tz": "UTC"}, headers={"Accept-Language": "ja"}).content.decode()
    assert re.search(r"<h3 id=\"month-title\"[^>]*>\d{4}年\d+月</h3>", japanese)
