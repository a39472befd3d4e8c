"""Staff say who takes a meeting, read why the last ones went where they went, and look after the team."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from bookings.domain import groups, offers, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_event_type, of_group, offer
from bookings.models import AuditEntry, GroupRule, Host, Membership
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(host):
    names = ("Ben Baker", "Cleo Cole")
    return [host, *(factories.host(host.organisation, weekly=factories.ALWAYS, name=name) for name in names)]


def fields(*hosts, **changes):
    data = {"name": "Sales", "mode": "any", "fairness_days": "30"}
    return data | {f"in-{host.pk}": "on" for host in hosts} | changes


def saved(staff, data) -> GroupRule:
    answer = staff.post("/teams/new", data)
    assert answer.status_code == 302, answer.context["form"].errors
    return GroupRule.everywhere.get()


def made(people, **settings) -> GroupRule:
    parts = [groups.Part(each) for each in people]
    return groups.create(
        people[0].organisation, **{"name": "Sales", "mode": "any", "parts": parts, "actor": SYSTEM} | settings
    )


# ── Group rules ──


def test_an_empty_list_teaches_what_group_rules_are(staff, host):
    assert "Make your first group rule" in staff.get("/teams").content.decode()


def test_priorities_shares_and_caps_are_saved_and_told_in_sentences(staff, people):
    host, ben, cleo = people
    weights = {f"priority-{host.pk}": "10", f"weight-{ben.pk}": "200", f"cap-{cleo.pk}": "2"}
    rule = saved(staff, fields(*people, fairness_days="14", **weights))
    assert [(part.host, part.priority, part.weight, part.cap_per_day) for part in groups.parts_of(rule)] == [
        (host, 10, 100, None),
        (ben, 0, 200, None),
        (cleo, 0, 100, 2),
    ]
    assert staff.get(f"/teams/{rule.pk}").context["sentence"] == (
        "One of Greta Hoffmann, Ben Baker or Cleo Cole takes each meeting: whoever is free. Greta Hoffmann is asked "
        "first. Bookings are shared Greta Hoffmann 100, Ben Baker 200 and Cleo Cole 100. When several are free, it "
        "goes to who had the fewest in the last 14 days. Cleo Cole takes at most 2 a day. Who moves a booking keeps "
        "the same host."
    )
    assert AuditEntry.everywhere.filter(object_id=rule.pk, action="group_rule.created").exists()


def test_a_number_of_people_and_all_of_them_are_offered_when_so_many_are_free(staff, people):
    org = people[0].organisation
    early = factories.host(org, weekly=[[[600, 660]]] * 7, name="Early", timezone="Europe/Berlin")
    late = factories.host(org, weekly=[[[630, 720]]] * 7, name="Late", timezone="Europe/Berlin")
    alle = staff.post("/teams/preview", fields(early, late, mode="all")).context
    assert alle["preview"].days[0].times == ["10:30"]
    some = staff.post("/teams/preview", fields(early, late, mode="some", required="1")).context
    assert some["preview"].days[0].times == ["10:00", "10:30", "11:00", "11:30"]
    assert not GroupRule.everywhere.exists()
    rule = saved(staff, fields(early, late, mode="all"))
    assert staff.get(f"/teams/{rule.pk}").context["preview"] == alle["preview"]


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"mode": "nobody"}, "mode", "Select a valid choice"),
        ({"mode": "some", "required": ""}, "required", "Say how many are needed."),
        ({"mode": "some", "required": "9"}, "required", "There are 3 people"),
        ({"fairness_days": "0"}, "fairness_days", "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(staff, people, changes, field, message):
    answer = staff.post("/teams/new", fields(*people, **changes))
    assert answer.status_code == 422
    assert message in " ".join(answer.context["form"].errors[field])
    assert not GroupRule.everywhere.exists()


def test_a_group_of_nobody_is_refused(staff, host):
    answer = staff.post("/teams/new", fields())
    assert answer.status_code == 422
    assert "Choose who is in the group." in answer.content.decode()


def test_who_leaves_a_group_is_in_it_no_more(staff, people):
    rule = made(people)
    staff.post(f"/teams/{rule.pk}", fields(*people[:2], name="Sales"))
    assert {part.host for part in groups.parts_of(rule)} == set(people[:2])


def test_the_last_bookings_say_why_they_went_to_whom(staff, people):
    rule = made(people)
    kind = offers.create(rule.organisation, name="Talk", actor=SYSTEM)
    offers.give(kind, group_rule=rule, actor=SYSTEM)
    terms = of_event_type(kind)
    wish = reserve.Wish("Talk", "UTC", event_type=kind, group_rule=rule)
    booking = reserve.book(rule.organisation, terms, offer(terms, 0, 2**40).starts[0], wish, actor=SYSTEM)
    name = Host.everywhere.get(pk=booking.assignment["hosts"][0]).name
    page = staff.get(f"/teams/{rule.pk}").content.decode()
    assert f"{name}: first by priority, then by the fewest bookings for the share in 30 days" in page
    assert "had 0" in page
    assert f"{name}: first by priority" in staff.get(f"/bookings/{booking.pk}").content.decode()


def test_a_rule_in_use_is_not_deleted_but_explained(staff, people):
    rule = made(people)
    kind = offers.create(rule.organisation, name="Talk", actor=SYSTEM)
    offers.give(kind, group_rule=rule, actor=SYSTEM)
    html = staff.get(f"/teams/{rule.pk}/delete").content.decode()
    assert "Let somebody else host them first." in html
    staff.post(f"/teams/{rule.pk}/delete")
    assert GroupRule.everywhere.exists()
    offers.give(kind, group_rule=None, actor=SYSTEM)
    staff.post(f"/teams/{rule.pk}/delete")
    assert not GroupRule.everywhere.exists()


def test_rules_of_other_organisations_are_not_there(staff, host):
    foreign = factories.host(name="Alien")
    rule = made([foreign])
    assert "Sales" not in staff.get("/teams").content.decode()
    assert staff.get(f"/teams/{rule.pk}").status_code == 404
    assert staff.post(f"/teams/{rule.pk}/delete").status_code == 404
    answer = staff.post("/teams/new", fields(foreign))
    assert answer.status_code == 422
    assert of_group(rule, minutes=30).hosts == (foreign,)


@pytest.mark.parametrize("many", [2, 15])
def test_pages_cost_the_same_number_of_queries_however_much_there_is(staff, host, many, django_assert_max_num_queries):
    people = [factories.host(host.organisation, name=f"Host {index}") for index in range(many)]
    for _index in range(many):
        rule = made(people)
    with django_assert_max_num_queries(7):
        staff.get("/teams")
    with django_assert_max_num_queries(19):
        staff.get(f"/teams/{rule.pk}")
    with django_assert_max_num_queries(7):
        staff.get("/team")


# ── The team ──


@pytest.fixture
def owner(org) -> Client:
    client = Client()
    user = factories.staff_user(org, role=Membership.Role.OWNER, username="owner")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_somebody_invited_chooses_a_password_by_the_link_and_is_in(owner, org, host, client):
    data = {"email": "Lena@Example.org", "name": "Lena Fischer", "role": "admin", "is_host": "on"}
    html = owner.post("/team/invite", data).content.decode()
    member = Membership.everywhere.get(user__email__iexact="lena@example.org")
    assert (member.role, member.organisation) == ("admin", org)
    lena = Host.everywhere.get(user=member.user)
    assert (lena.name, lena.email) == ("Lena Fischer", "Lena@Example.org")
    link = re.search(r'value="http://[^/]+(/accounts/[^"]+)"', html).group(1)
    page = client.get(link, follow=True)
    passwords = {"password1": factories.PASSWORD, "password2": factories.PASSWORD}
    client.post(page.redirect_chain[-1][0], passwords)
    assert client.login(username=member.user.username, password=factories.PASSWORD)
    assert client.get("/team").status_code == 200


def test_who_has_an_account_gets_no_link_but_is_a_member(owner, org, host):
    elsewhere = factories.staff_user(factories.organisation(), username="kim")
    html = owner.post("/team/invite", {"email": "KIM@example.org", "role": "staff"}).content.decode()
    assert "They have an account already" in html
    assert "/accounts/password" not in html
    assert Membership.everywhere.filter(user=elsewhere, organisation=org).exists()
    again = owner.post("/team/invite", {"email": "kim@example.org", "role": "staff", "name": "Kept"})
    assert again.status_code == 422
    assert "is a member already" in again.content.decode()
    assert "Kept" in again.content.decode()


def test_no_link_is_made_for_who_could_sign_in(owner, org, host):
    member = Membership.everywhere.get(user=factories.staff_user(org, username="kim"))
    page = owner.post(f"/team/members/{member.pk}/link", follow=True).content.decode()
    assert "This person has an account" in page
    assert "/accounts/password/reset/key" not in page


def test_only_owners_and_admins_change_the_team(staff, org, host):
    member = Membership.everywhere.get(user=factories.staff_user(org, username="kim"))
    assert "Invite somebody" not in staff.get("/team").content.decode()
    for path in ("invite", "hosts", f"hosts/{host.pk}/deactivate", f"hosts/{host.pk}/activate"):
        assert staff.post(f"/team/{path}", {"email": "x@example.org", "role": "owner"}).status_code == 403
    for path in ("link", "role", "remove"):
        assert staff.post(f"/team/members/{member.pk}/{path}", {"role": "owner"}).status_code == 403
    assert not get_user_model().objects.filter(email="x@example.org").exists()


def test_an_admin_makes_no_owner_and_the_last_owner_stays(org, host, owner):
    admin = Client()
    admin.force_login(
        factories.staff_user(org, role="admin", username="adam"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    own = Membership.everywhere.get(user__username="owner")
    adam = Membership.everywhere.get(user__username="adam")
    for path, data in ((f"{adam.pk}/role", {"role": "owner"}), (f"{own.pk}/remove", {}), (f"{own.pk}/role", {})):
        admin.post(f"/team/members/{path}", data)
    owner.post(f"/team/members/{own.pk}/role", {"role": "staff"})
    owner.post(f"/team/members/{own.pk}/remove")
    assert dict(Membership.everywhere.values_list("user__username", "role")) == {"owner": "owner", "adam": "admin"}
    owner.post(f"/team/members/{adam.pk}/role", {"role": "staff"})
    adam.refresh_from_db()
    assert adam.role == "staff"
    owner.post(f"/team/members/{adam.pk}/remove")
    assert not Membership.everywhere.filter(pk=adam.pk).exists()


def test_a_room_is_added_with_hours_to_begin_with(owner, org, host):
    data = {"name": "Big room", "kind": "resource", "email": "", "timezone": "Europe/Berlin"}
    page = owner.post("/team/hosts", data, follow=True).content.decode()
    assert "Monday to Friday 9:00–17:00 in Berlin." in page
    assert Host.everywhere.get(name="Big room").kind == "resource"
    again = owner.post("/team/hosts", data | {"name": "", "email": "kept@example.org"})
    assert again.status_code == 422
    assert "kept@example.org" in again.content.decode()


def test_deactivating_tells_of_bookings_and_of_types_that_end_with_it(owner, org, host):
    team = offers.Team((offers.Member(host),))
    kind = offers.create(org, name="Portfolio talk", actor=SYSTEM, team=team)
    terms = of_event_type(kind)
    reserve.book(org, terms, offer(terms, 0, 2**40).starts[0], reserve.Wish("Talk", "UTC"), actor=SYSTEM)
    html = owner.get(f"/team/hosts/{host.pk}/deactivate").content.decode()
    assert "One booking is still to come and stays." in html
    assert "Portfolio talk" in html
    owner.post(f"/team/hosts/{host.pk}/deactivate")
    assert not Host.everywhere.get(pk=host.pk).is_active
    owner.post(f"/team/hosts/{host.pk}/activate")
    assert Host.everywhere.get(pk=host.pk).is_active


def test_the_team_of_others_is_not_there(owner, org, host):
    alien = factories.host(name="Alien")
    member = Membership.everywhere.get(user=factories.staff_user(alien.organisation, username="kim"))
    assert "Alien" not in owner.get("/team").content.decode()
    assert owner.post(f"/team/hosts/{alien.pk}/deactivate").status_code == 404
    for path in ("link", "role", "remove"):
        assert owner.post(f"/team/members/{member.pk}/{path}", {"role": "staff"}).status_code == 404
