"""Paths that lead nowhere: programs are answered in their dialect's shape, people get the page."""

from __future__ import annotations

import uuid
from types import ModuleType
from typing import Any

import pytest
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import base
from bookings.api.base import Dialect, DialectView, Refusal, mount
from bookings.pages.customer.urls import public_patterns
from config import urls as site
from tests import factories

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Other(Dialect):
    name = "other"

    def refuse(self, refusal: Refusal) -> Response:
        return Response({"other says": refusal.code}, status=refusal.status)


class Things(DialectView):
    dialect = Other()

    def get(self, request: Request) -> Response:
        return Response()


@pytest.fixture
def other(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second dialect, mounted after the first as the next ones will be, with a path that staff pages have too."""
    monkeypatch.setattr(base, "_places", list(base._places))
    view = Things.as_view()
    own = [path("v1/things/<str:thing>", view), path("v9/things", view), path("calendars/things", view)]
    urls, whole = ModuleType("other_urls"), ModuleType("whole_urls")
    urls.__dict__.update(urlpatterns=own, dialect=Things.dialect)
    before = site.urlpatterns[: -len(public_patterns)]
    whole.__dict__.update(urlpatterns=[*before, *mount(urls), *public_patterns], handler404=site.handler404)
    settings.ROOT_URLCONF = whole


def ask(where: str, method: str = "GET", **headers: str) -> Any:
    return Client().generic(method, where, headers=headers)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("where", ["/v1", "/v1/", "/v1/nothing", "/v1/scheduler_requests/", "/cronofy/v1/nothing"])
def test_under_a_dialects_paths_the_answer_is_the_dialects(db: None, where: str, method: str) -> None:
    answer = ask(where, method, Accept="*/*")
    assert (answer.status_code, answer.content) == (404, b"")  # what Cronofy answers
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("where", ["/v9/nothing", "/v1/things", "/v1/things/1/2", "/calendars/things/1", "/other/any"])
def test_every_dialect_that_is_mounted_answers_for_its_own(db: None, other: None, where: str) -> None:
    answer = ask(where)
    assert (answer.status_code, answer.json()) == (404, {"other says": "not_found"})


def test_where_dialects_share_a_beginning_the_first_one_answers(db: None, other: None) -> None:
    assert ask("/v1/nothing").content == b""


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ({"x-api-key": "pk_some"}, {"error": "CONNECTOR::OPERATION::RESOURCE_NOT_FOUND"}),
        ({"Authorization": "ApiKey some"}, {"statusCode": 404, "error": "Not Found"}),
    ],
)
@pytest.mark.parametrize("where", ["/v1/nothing", "/v1/tasks/list"])
def test_of_several_the_one_answers_whose_credentials_are_shown(
    db: None, where: str, said: dict[str, str], body: dict[str, Any]
) -> None:
    answer = ask(where, **said)
    assert answer.status_code == 404
    assert answer.json() | body == answer.json()


def test_credentials_do_not_lead_away_from_the_nearest(db: None) -> None:
    answer = ask("/v2/taskLists/list", Authorization="ApiKey some")
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource does not exist"})


@pytest.mark.parametrize("where", ["/nothing", "/v7/nothing", "/events/nothing", "/v1beta"])
def test_elsewhere_it_is_the_page(db: None, where: str) -> None:
    answer = ask(where)
    assert (answer.status_code, "There is nothing here" in answer.content.decode()) == (404, True)


@pytest.mark.parametrize("where", ["/calendars/nothing", "/v1/nothing"])
def test_a_browser_gets_the_page(db: None, other: None, where: str) -> None:
    answer = ask(where, Accept=BROWSER)
    assert (answer.status_code, "There is nothing here" in answer.content.decode()) == (404, True)


def test_a_page_that_finds_nothing_is_still_a_page(db: None, other: None) -> None:
    staff = Client()
    member = factories.staff_user(factories.organisation())
    staff.force_login(member, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = staff.get(f"/calendars/{uuid.uuid4()}/choose")
    assert (answer.status_code, "There is nothing here" in answer.content.decode()) == (404, True)
