"""Hostile values in every text, every id and every parameter: refused or carried as text, never a failure here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bookings.api.morph import wire
from tests.api.morph.worlds import PATH, World, ahead, iso, refused

CASES = json.loads((Path(__file__).parents[2] / "oracles" / "hostile.json").read_text())["cases"]
TEXTS = [case for case in CASES if isinstance(case.get("value"), str)]
ODD = [
    *(
        "",
        " ",
        "null",
        "undefined",
        "0",
        "-1",
        "../../etc/passwd",
        "%",
        "%00",
        "%ff",
        "a/b",
        "[]",
        "{}",
        "[object Object]",
    ),
    *("\u202e", "🚗" * 500, "x" * 3000, "'; DROP TABLE bookings_booking; --", "1e309", "NaN", "\x7f", "\r\n"),
]


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["id"])
def test_hostile_text_is_refused_or_carried_as_text(world: World, case: dict) -> None:
    text = case["value"]
    body = world.body(
        title=text,
        description=text,
        externalAttendees=[{"email": "a@example.org", "firstName": text, "lastName": text, "phoneNumber": text}],
        answers={"topic": text, text[:200] or "x": [text]},
    )
    answer = world.call("POST", PATH, body)
    if answer.status_code == 201:
        fields = world.fields(answer.json()["id"])
        assert (fields["answers"]["topic"], fields["description"]) == (text, text)
        return
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    alone = world.call("POST", PATH, world.body(description=text, answers={"topic": text}))
    assert alone.status_code in (201, 400)
    if alone.status_code == 201:
        assert world.fields(alone.json()["id"])["answers"] == {"topic": text}
    assert world.call("POST", PATH, world.body(externalAttendees=[{"email": text}])).status_code == 400


@pytest.mark.parametrize("text", [*ODD, *(case["value"] for case in TEXTS[:20])], ids=lambda text: repr(text)[:30])
def test_hostile_ids_and_parameters_are_answered(world: World, text: str) -> None:
    odd = quote(text, safe="")
    paths = [
        f"{PATH}/{odd}",
        f"{PATH}?cursor={odd}&q={odd}",
        f"{PATH}?filters={odd}",
        f"{PATH}?filters[startTime][gte]={odd}",
        f"{PATH}?limit={odd}",
        f"{PATH}?sort={odd}&fields={odd}&expand={odd}",
        f"/v1/resources/schedulingEventType/{odd}",
        f"/v1/resources/schedulingSlot?filters[eventType]={odd}",
        f"/v1/resources/schedulingSlot?filters[timezone]={odd}",
        f"/v1/resources/schedulingSlot/res_{odd}",
        f"/v1/resources/genericUser/{odd}",
        f"/v1/resources/genericUser?q={odd}",
        f"/v1/resources/{odd}",
        f"/v1/models/{odd}/fields",
        f"/v1/connections/calendly/{odd}",
        f"/v1/connections/{odd}/x",
        f"/v1/connectors/{odd}",
    ]
    for path in paths:
        assert world.call("GET", path).status_code < 500, path
    for body in ({"eventType": {"id": text}}, {"organizer": {"id": text}}, {"attendees": [{"id": text}]}):
        assert refused(world.call("POST", PATH, world.body(**body))) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    for owner in (text, "x" + text):
        printable = "".join(each for each in owner if each.isprintable() and each.isascii())
        assert world.call("GET", PATH, x_owner_id=printable).status_code < 500


@pytest.mark.parametrize(
    "year", ["0000", "0001", "0002", "1599", "1899", "1969", "1970", "2037", "2039", "2200", "9998", "9999"]
)
def test_every_year_is_answered(world: World, year: str) -> None:
    resource_id = world.create()
    for text in (f"{year}-01-01T00:00:00+23:59", f"{year}-12-31T23:59:59-23:59", f"{year}-06-15T12:00:00Z"):
        assert refused(world.call("POST", PATH, world.body(startTime=text)))[0] in (400, 409)
        assert refused(world.call("PATCH", f"{PATH}/{resource_id}", {"startTime": text}))[0] in (400, 409)
        answer = world.call("GET", f"{PATH}?filters[startTime][gte]={quote(text)}")
        assert answer.status_code in (200, 400)
        answer = world.call("GET", f"{PATH}?filters[startTime][lt]={quote(text)}")
        assert answer.status_code in (200, 400)


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "", "x", [], [[]], [None], {}, {"id": None}, {"a": {"b": []}}])
def test_any_json_value_in_any_field_is_answered(world: World, value: Any) -> None:
    names = ("startTime", "endTime", "duration", "title", "description", "status", "eventType", "organizer")
    resource_id = world.create()
    for name in (*names, "attendees", "externalAttendees", "answers"):
        assert world.call("POST", PATH, world.body(startTime=iso(ahead(9))) | {name: value}).status_code < 500
        assert world.call("PATCH", f"{PATH}/{resource_id}", {name: value}).status_code < 500


def test_the_webhook_is_spelled_as_the_vendor_spells_it(world: World) -> None:
    whole = world.read(world.create())
    headers, body = wire.webhook("calendly", world.owner, "created", whole, "7f2f1a52")
    assert headers == {"x-conector-id": "calendly", "x-owner-id": world.owner, "x-idempotency-key": "7f2f1a52"}
    assert body == {"event": "schedulingEvent::created", "data": whole}
