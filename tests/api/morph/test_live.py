"""A live server: the published client @runmorph/cloud, and many callers in one moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests import node
from tests.api.live import Live

PATH = "/v1/resources/schedulingEvent"
_INTEGRITY = "sha512-q8UgyjPJUmEVN0FOk5O+SBt6mF2a7P/mcgDPwlY9GGL4R+KiKsd4icC2bNR9jfaVgSwXiXevig2TlALhp+7D6w=="
_DAY = 86_400


def ahead(days: int, minutes: int = 0) -> str:
    """A time at which the demo's host works, on a coming day."""
    midnight = (int(time.time()) // _DAY + days) * _DAY
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(midnight + 9 * 3600 + minutes * 60))


def client(server: Live, lines: str) -> Any:
    """What lines print that use `morph`, a client with both keys, `browser`, one with the public key only, and `at`,
    which names the demo's connection."""
    folder = node.package("@runmorph/cloud", "0.0.7", _INTEGRITY)
    keys = server.demo["morph"]
    script = f"""
      const {{ Morph }} = require({str(folder / "dist" / "index.js")!r});
      const morph = Morph({{ publicKey: {keys["public_key"]!r}, secretKey: {keys["secret_key"]!r} }});
      const browser = Morph({{ publicKey: {keys["public_key"]!r} }});
      const at = {{ connectorId: {keys["connector_id"]!r}, ownerId: {keys["owner_id"]!r} }};
      (async () => {{ {lines} }})();
    """
    return node.run(script, MORPH_CLOUD_API_BASE_URL=server.url)


@pytest.mark.node
def test_the_client_books_reads_changes_lists_and_cancels(server: Live) -> None:
    told = client(
        server,
        f"""
        const events = morph.connections(at).resources("schedulingEvent");
        const asked = {{ startTime: "{ahead(20)}", title: "From Node", externalAttendees: [
          {{ email: "ada@example.org", firstName: "Ada", lastName: "Lovelace" }}], answers: {{}} }};
        const made = await events.create(asked);
        const whole = await events.create({{ ...asked, startTime: "{ahead(20, 60)}" }}, {{ returnResource: true }});
        const taken = await events.create(asked);
        const id = made.data.id;
        const read = await events.retrieve(id, {{ fields: ["title", "status"] }});
        const changed = await events.update(id, {{ title: "Renamed", status: "planned" }});
        const list = await events.list({{ limit: 500, filters: {{ status: "planned" }} }});
        const removed = await events.delete(id);
        const missing = await events.retrieve("nothing");
        print({{ made, whole, taken, read, changed, list, removed: removed === undefined, missing,
                 after: await events.retrieve(id) }});
        """,
    )
    assert told["made"]["data"]["object"] == "resourceRef"
    assert told["whole"]["data"]["object"] == "resource"
    assert told["whole"]["data"]["fields"]["externalAttendees"][0]["lastName"] == "Lovelace"
    # Version 0.0.7 puts the transport's error into a second one.
    assert told["taken"]["error"]["code"]["code"] == "CONNECTOR::OPERATION::BAD_REQUEST"
    assert told["read"]["data"]["fields"] == {"title": "From Node", "status": "planned"}
    assert told["changed"]["data"] == told["made"]["data"]
    assert told["made"]["data"]["id"] in [each["id"] for each in told["list"]["data"]]
    assert told["list"]["next"] is None
    assert told["removed"] is True
    assert told["missing"]["error"]["code"]["code"] == "CONNECTOR::OPERATION::RESOURCE_NOT_FOUND"
    assert told["after"]["data"]["fields"]["status"] == "canceled"


@pytest.mark.node
def test_the_client_makes_a_session_and_a_browser_uses_it(server: Live) -> None:
    told = client(
        server,
        f"""
        const made = await morph.sessions().create({{ connection: {{ ...at, operations: ["schedulingEvent::create"] }},
                                                     expiresIn: 600 }});
        const lent = browser.connections({{ sessionToken: made.data.sessionToken }});
        const booked = await lent.resources("schedulingEvent").create(
          {{ startTime: "{ahead(21)}", externalAttendees: [], answers: {{}} }});
        print({{ made, booked, connection: await lent.retrieve(), connector: await lent.getConnector(),
                 asked: await lent.authorize({{ redirectUrl: "https://app.example.org/", mode: "connect" }}),
                 types: await lent.resources("schedulingEventType").list(),
                 fields: await lent.models("schedulingEvent").listFields({{ limit: 3 }}),
                 nobody: await browser.connections({{ sessionToken: "nonsense" }}).retrieve() }});
        """,
    )
    assert told["made"]["data"]["object"] == "session"
    assert told["booked"]["data"]["model"] == "schedulingEvent"
    assert told["connection"]["data"]["status"] == "authorized"
    assert told["connection"]["data"]["operations"] == ["schedulingEvent::create"]
    assert told["connector"]["data"]["name"] == "Calendly"
    assert told["asked"]["data"]["status"] == "authorized"
    assert told["types"]["data"][0]["model"] == "schedulingEventType"
    assert len(told["fields"]["data"]) == 3
    assert told["fields"]["next"]
    assert told["nobody"]["error"]["code"]["code"] == "MORPH::SESSION::TOKEN_VALIDATION_FAILED"


@pytest.mark.node
def test_the_client_manages_connections_of_its_own_names(server: Live) -> None:
    told = client(
        server,
        """
        const mine = morph.connections({ connectorId: "calendly", ownerId: "user_" + Date.now() });
        const made = await mine.create({ operations: ["schedulingEvent::create"] });
        const changed = await mine.update({ operations: [] });
        const read = await mine.retrieve();
        const asked = await mine.authorize();
        const refused = await mine.resources("schedulingEvent").list();
        await mine.delete();
        print({ made, changed, read, asked, refused, gone: await mine.retrieve(),
                connector: await morph.connections(at).getConnector() });
        """,
    )
    assert told["made"]["data"]["status"] == "unauthorized"
    assert told["changed"]["data"]["operations"] == []
    assert told["read"]["data"] == told["changed"]["data"]
    assert told["asked"]["data"]["status"] == "awaitingAuthorization"
    assert told["asked"]["data"]["authorizationUrl"].startswith(f"{server.url}/connect/")
    assert told["refused"]["error"]["code"] == "MORPH::CONNECTION::PROXY::UNAUTHORIZED"
    assert told["gone"]["error"]["code"]["code"] == "MORPH::CONNECTION::NOT_FOUND"
    assert told["connector"]["data"]["id"] == "calendly"


def test_of_many_who_want_the_same_time_one_gets_it(server: Live) -> None:
    keys = server.demo["morph"]
    headers = {
        "x-api-key": keys["public_key"],
        "x-api-secret": keys["secret_key"],
        "x-connector-id": keys["connector_id"],
        "x-owner-id": keys["owner_id"],
    }
    body = {"startTime": ahead(22), "externalAttendees": [{"email": "ada@example.org"}], "answers": {}}

    def post(_: int) -> requests.Response:
        return requests.post(server.url + PATH, json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(16)))
    assert sorted(each.status_code for each in answers) == [201] + [409] * 15
    assert {each.json()["error"] for each in answers if each.status_code == 409} == {
        "CONNECTOR::OPERATION::BAD_REQUEST"
    }
