"""What the operator can do: try again, read again, withdraw, issue and revoke, change what is offered."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from bookings.domain import audit, keys, requests
from bookings.models import ApiKey, AuditEntry, EventType, GroupRule, Host, Mirror, Question, Schedule, SchedulerRequest
from tests import factories


def act(client: Client, name: str, thing: object, **more: object):
    url = reverse(f"admin:bookings_{thing._meta.model_name}_changelist")
    return client.post(url, {"action": name, "_selected_action": [str(thing.pk)], **more}, follow=True)


def told(page) -> str:
    return " ".join(str(message) for message in get_messages(page.wsgi_request)) or page.content.decode()


def test_retry_makes_a_refused_mirror_due_at_once(operator, world):
    page = act(operator, "retry", world.mirror)
    assert "will be tried again now" in told(page)
    mirror = Mirror.everywhere.get(pk=world.mirror.pk)
    assert (mirror.state, mirror.next_attempt_s, mirror.attempt) == (Mirror.State.IDLE, 0, 0)
    assert AuditEntry.everywhere.filter(object_id=mirror.pk, actor="operator").exists()


def test_resync_makes_an_account_due_at_once(operator, world):
    world.account.next_pull_at = now().replace(year=2090)
    world.account.save()
    page = act(operator, "resync", world.account)
    assert "will be read again now" in told(page)
    world.account.refresh_from_db()
    assert world.account.next_pull_at <= now()


@pytest.mark.parametrize(("kind", "action"), [("mirror", "retry_this"), ("account", "resync_this")])
def test_an_object_s_own_page_asks_before_it_acts(kind, action, operator, world):
    thing = getattr(world, kind)
    url = reverse(f"admin:bookings_{kind}_{action}", args=[thing.pk])
    assert operator.get(url).status_code == 200
    assert not AuditEntry.everywhere.filter(object_id=thing.pk, actor="operator").exists()
    answer = operator.post(url, {"_form_submitted": "True"})
    assert answer["HX-Redirect"].endswith(f"{thing.pk}/change/")
    assert AuditEntry.everywhere.filter(object_id=thing.pk, actor="operator").exists()


def test_a_booking_can_be_cancelled_with_a_reason(operator, world):
    url = reverse("admin:bookings_booking_cancel_this", args=[world.booking.pk])
    operator.post(url, {"_form_submitted": "True", "reason": "Burst pipe"})
    world.booking.refresh_from_db()
    assert (world.booking.state, world.booking.cancel_reason) == ("cancelled", "Burst pipe")
    assert not world.booking.claims.exclude(state="released").exists()


def test_an_onlooker_is_not_offered_actions_on_an_object_s_page(client, world):
    onlooker = get_user_model().objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_booking"))
    client.force_login(onlooker)
    page = client.get(reverse("admin:bookings_booking_change", args=[world.booking.pk]))
    assert page.status_code == 200
    assert "Cancel booking" not in page.content.decode()
    url = reverse("admin:bookings_booking_cancel_this", args=[world.booking.pk])
    assert client.post(url, {"_form_submitted": "True"}).status_code == 403


def test_a_request_can_be_withdrawn(operator, world):
    waiting = requests.send(
        world.organisation, recipient_email="d@example.org", summary="Another", actor=audit.SYSTEM, host=world.host
    )
    act(operator, "withdraw", waiting)
    waiting.refresh_from_db()
    assert waiting.state == SchedulerRequest.State.WITHDRAWN


def test_an_issued_key_is_shown_once_and_works(operator, world):
    page = operator.post(
        reverse("admin:bookings_apikey_add"),
        {
            "organisation": world.organisation.pk,
            "name": "New site",
            "dialect": "cronofy",
            "kind": "client_secret",
            "host": "",
            "scopes": ["requests:write"],
            "expires_at_0": "",
            "expires_at_1": "",
        },
    )
    assert page.status_code == 200
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    key = keys.find(secret, "cronofy")
    assert key is not None
    assert key.name == "New site"
    for url in (
        reverse("admin:bookings_apikey_changelist"),
        reverse("admin:bookings_apikey_change", args=[key.pk]),
        reverse("admin:index"),
    ):
        html = operator.get(url).content.decode()
        assert secret not in html
        assert key.digest not in html
    assert ApiKey.everywhere.filter(name="New site").count() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dialect": "timekit"}, "This API has no keys of that kind."),
        ({"kind": "access_token"}, "A key of this kind stands for one host: say which."),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "This has passed already."),
    ],
)
def test_a_key_that_could_never_be_used_is_not_made(operator, world, changes, message):
    asked = {"organisation": str(world.organisation.pk), "name": "X", "dialect": "cronofy", "kind": "client_secret"}
    answer = operator.post(reverse("admin:bookings_apikey_add"), asked | changes)
    assert message in answer.content.decode()
    assert not ApiKey.everywhere.filter(name="X").exists()


def test_a_key_is_not_bound_to_a_foreign_host(operator, world):
    foreign = factories.host()
    page = operator.post(
        reverse("admin:bookings_apikey_add"),
        {
            "organisation": world.organisation.pk,
            "name": "Crossed",
            "dialect": "cronofy",
            "kind": "access_token",
            "host": foreign.pk,
        },
    )
    assert "belongs to another organisation" in page.content.decode()
    assert not ApiKey.everywhere.filter(name="Crossed").exists()


def test_a_revoked_key_opens_nothing(operator, world):
    key, secret = keys.issue(
        world.organisation, dialect="cronofy", kind="client_secret", name="Old", scopes=[], actor=audit.SYSTEM
    )
    act(operator, "revoke", key)
    assert keys.find(secret, "cronofy") is None


def test_working_hours_are_typed_as_hours(operator, world):
    schedule = world.host.schedule
    url = reverse("admin:bookings_schedule_change", args=[schedule.pk])
    days = dict.fromkeys(("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), "")
    typed = {"organisation": world.organisation.pk, "name": "Mornings", "monday": "13:00-17:00, 09:00-12:00", **days}
    operator.post(url, typed)
    schedule.refresh_from_db()
    assert schedule.weekly == [[[540, 720], [780, 1020]], [], [], [], [], [], []]
    trail = AuditEntry.everywhere.get(object_id=schedule.pk, action="changed by operator")
    assert trail.actor == "operator"


@pytest.mark.parametrize("text", ["nine to five", "17:00-09:00", "09:00-25:00", "09:00-12:00, 11:00-13:00", "9-5"])
def test_hours_that_cannot_be_are_refused_beside_their_day(text, operator, world):
    schedule = world.host.schedule
    before = schedule.weekly
    url = reverse("admin:bookings_schedule_change", args=[schedule.pk])
    page = operator.post(url, {"organisation": world.organisation.pk, "name": "Hours", "monday": text})
    assert page.status_code == 200
    assert page.context["adminform"].form.errors["monday"]
    assert text in page.content.decode()
    schedule.refresh_from_db()
    assert schedule.weekly == before


def test_a_new_host_is_bookable_before_anything_is_connected(operator, world):
    schedule = Schedule.everywhere.filter(organisation=world.organisation).first()
    answer = operator.post(
        reverse("admin:bookings_host_add"),
        {
            "organisation": world.organisation.pk,
            "kind": "person",
            "name": "Grace",
            "email": "grace@example.org",
            "slug": "grace",
            "timezone": "Europe/Berlin",
            "schedule": schedule.pk,
            "room_url": "video.example.org/grace",
            "stale_after_minutes": 1440,
            "is_active": "on",
            "overrides-TOTAL_FORMS": 0,
            "overrides-INITIAL_FORMS": 0,
        },
    )
    assert answer.status_code == 302, answer.context["errors"]
    made = Host.everywhere.get(slug="grace")
    assert made.booking_calendar is not None
    assert made.room_url == "https://video.example.org/grace"


def test_a_question_belongs_to_the_organisation_of_its_event_type(operator, world):
    question = Question.everywhere.get(organisation=world.organisation)
    event_type = question.event_type
    url = reverse("admin:bookings_eventtype_change", args=[event_type.pk])
    page = operator.get(url)
    form = page.context["adminform"].form
    typed = {name: _typed(form[name].value()) for name in form.fields} | {
        "questions-TOTAL_FORMS": 2,
        "questions-INITIAL_FORMS": 1,
        "questions-0-id": question.pk,
        "questions-0-event_type": event_type.pk,
        "questions-0-label": "Topic",
        "questions-0-key": "topic",
        "questions-0-kind": "text",
        "questions-0-position": 0,
        "questions-0-options": "[]",
        "questions-1-event_type": event_type.pk,
        "questions-1-label": "Size",
        "questions-1-key": "size",
        "questions-1-kind": "number",
        "questions-1-position": 1,
        "questions-1-options": "[]",
    }
    answer = operator.post(url, typed)
    assert answer.status_code == 302, answer.context["errors"]
    assert Question.everywhere.get(key="size").organisation == world.organisation


def _typed(value: object) -> object:
    return "" if value is None or value is False else value


@pytest.mark.parametrize(
    ("kind", "field", "value", "refusal"),
    [
        ("host", "timezone", "Mars/Olympus", "not a time zone we know"),
        ("event_type", "durations", "[]", "required"),
        ("event_type", "durations", '["30"]', "at least one"),
        ("event_type", "limits", '{"year": 3}', "How many at most"),
        ("event_type", "alerts", "{}", "minutes before the start"),
        ("event_type", "buffer_before", "1441", "24 hours at most"),
        ("event_type", "buffer_after", "1441", "24 hours at most"),
        ("event_type", "window_days", "1099", "three years"),
        ("event_type", "group_rule", "foreign", "another organisation"),
        ("host", "schedule", "foreign", "another organisation"),
        ("host", "holiday_country", "XX", "ISO 3166"),
    ],
)
def test_what_could_not_work_is_refused_beside_its_field(kind, field, value, refusal, operator, world):
    thing = world.host if kind == "host" else EventType.everywhere.get(organisation=world.organisation)
    elsewhere = factories.host()
    foreign = {
        "schedule": elsewhere.schedule_id,
        "group_rule": GroupRule.everywhere.create(organisation=elsewhere.organisation, name="Theirs").pk,
    }
    url = reverse(f"admin:bookings_{thing._meta.model_name}_change", args=[thing.pk])
    form = operator.get(url).context["adminform"].form
    typed = {name: _typed(form[name].value()) for name in form.fields}
    empty = {f"{rows}-{count}_FORMS": 0 for rows in ("overrides", "questions") for count in ("TOTAL", "INITIAL")}
    page = operator.post(url, typed | empty | {field: foreign[field] if value == "foreign" else value})
    assert page.status_code == 200
    assert refusal in str(page.context["adminform"].form.errors[field])


def test_everybody_signs_in_at_the_same_door(client, db):
    answer = client.get(reverse("admin:index"), follow=True)
    path, _ = answer.redirect_chain[-1]
    assert path.startswith(reverse("account_login"))
    assert "next=/admin/" in path


def test_a_staff_member_who_is_no_operator_stays_outside(client, world):
    client.force_login(factories.staff_user(world.organisation))
    answer = client.get(reverse("admin:bookings_account_changelist"), follow=True)
    assert answer.status_code == 403


def test_an_operator_without_the_permission_cannot_act(client, world):
    onlooker = get_user_model().objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_mirror"))
    client.force_login(onlooker)
    page = client.get(reverse("admin:bookings_mirror_changelist"))
    assert "Try again now" not in page.content.decode()
    act(client, "retry", world.mirror)
    assert Mirror.everywhere.get(pk=world.mirror.pk).state == Mirror.State.FAILED


def test_only_the_admin_s_pages_may_evaluate_scripts(operator, world):
    assert "unsafe-eval" in operator.get(reverse("admin:index"))["Content-Security-Policy"]
    outside = Client().get(reverse("account_login"))["Content-Security-Policy"]
    assert "unsafe" not in outside
