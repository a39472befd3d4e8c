"""Signing in and passwords: our own pages, and nothing else of the library behind them."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db

UNOFFERED = [
    "",
    "signup/",
    "email/",
    "reauthenticate/",
    "confirm-email/",
    "confirm-email/abc/",
    "login/code/confirm/",
    "password/set/",
]


@pytest.mark.parametrize("path", UNOFFERED)
@pytest.mark.parametrize("signed_in", [True, False])
def test_what_has_no_page_of_ours_is_not_there(staff: Client, path: str, signed_in: bool) -> None:
    assert (staff if signed_in else Client()).get(f"/accounts/{path}").status_code == 404


def test_every_page_that_is_there_looks_like_ours(staff: Client) -> None:
    anybody = Client()
    pages = [anybody.get(f"/accounts/{path}") for path in ("login/", "inactive/", "password/reset/")]
    pages += [anybody.get(f"/accounts/password/reset/{path}/") for path in ("done", "key/done", "key/abc-def")]
    pages += [staff.get(f"/accounts/{path}/") for path in ("logout", "password/change")]
    for page in pages:
        assert page.status_code == 200, page.request["PATH_INFO"]
        assert 'class="sign-in"' in page.content.decode(), page.request["PATH_INFO"]


def test_a_password_is_reset_by_the_link_in_the_mail(client: Client, org) -> None:
    member = factories.staff_user(org)
    client.post("/accounts/password/reset/", {"email": member.email})
    link = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[0].body)[0]
    form = client.get(link, follow=True).redirect_chain[-1][0]
    new = "a horse of another colour"
    done = client.post(form, {"password1": new, "password2": new}, follow=True)
    assert done.redirect_chain[-1][0] == "/accounts/password/reset/key/done/"
    entered = client.post("/accounts/login/", {"login": member.username, "password": new})
    assert (entered.status_code, entered["Location"]) == (302, "/")


def test_a_reset_for_an_address_that_nobody_has_looks_the_same_and_sends_nothing(client: Client) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "nobody@example.org"}, follow=True)
    assert answer.redirect_chain == [("/accounts/password/reset/done/", 302)]
    assert mail.outbox == []


def test_a_member_changes_the_password(staff: Client) -> None:
    new = "a horse of another colour"
    form = {"oldpassword": factories.PASSWORD, "password1": new, "password2": new}
    assert staff.post("/accounts/password/change/", form).status_code == 302
    assert staff.get("/").status_code == 200


def test_somebody_switched_off_is_told_so_after_the_right_password(client: Client, org) -> None:
    member = factories.staff_user(org)
    member.is_active = False
    member.save()
    form = {"login": member.username, "password": factories.PASSWORD}
    answer = client.post("/accounts/login/", form, follow=True)
    assert "This account is switched off" in answer.content.decode()


def test_who_tries_too_often_is_told_so_on_a_page_of_ours(client: Client) -> None:
    cache.clear()
    answers = [client.post("/accounts/login/", {"login": "nobody", "password": "guess"}) for _ in range(31)]
    cache.clear()
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert 'class="sign-in"' in answers[-1].content.decode()
    assert "Wait a minute" in answers[-1].content.decode()
