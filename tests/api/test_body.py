"""Hostile and careless bodies: always a 4xx that says what is wrong, quickly, and nothing is made."""

from __future__ import annotations

import gzip
import json
import logging
import time
import urllib.parse

import pytest

from bookings.models import SchedulerRequest
from tests.api.worlds import PATH, World, problems


def quoted(text: str) -> bytes:
    """A body whose summary is this JSON text, unchecked."""
    return b'{"event":{"summary":' + text.encode() + b"}}"


HOSTILE = {
    "nothing but text": b"hello",
    "half an object": b'{"event":',
    "a form": b"summary=Lunch&email=a%40example.org",
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "two objects": b"{}{}",
    "single quotes": b"{'a': 1}",
    "100,000 arrays deep": b"[" * 100_000,
    "100,000 arrays deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "33 objects deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "an endless string of escapes": b'{"a":"' + b'\\"' * 120_000,
    "NUL, escaped": quoted(r'"a\u0000b"'),
    "NUL, raw": quoted('"a\x00b"'),
    "NUL in a key": b'{"a\\u0000b": 1}',
    "a lone surrogate": quoted(r'"\ud800"'),
    "a lone surrogate in a key": b'{"\\udc00": 1}',
    "an integer above int8": quoted("9223372036854775808"),
    "an integer below int8": quoted("-9223372036854775809"),
    "an integer of 5,000 digits": quoted("9" * 5000),
    "NaN": quoted("NaN"),
    "Infinity": quoted("-Infinity"),
    "a float above all floats": quoted("1e400"),
    "a control character": quoted('"a\nb"'),
    "invalid UTF-8": quoted('"x"').replace(b"x", b"\xff"),
    "UTF-16": json.dumps({"event": {}}).encode("utf-16"),
    "1,001 keys": json.dumps({str(number): 1 for number in range(1001)}).encode(),
    "1,001 keys, spread": json.dumps({"a": [{"b": 1} for _ in range(1001)]}).encode(),
    "a long key": json.dumps({"k" * 256: 1}).encode(),
    "a text over 8 KB": json.dumps({"event": {"summary": "x" * 8193}}).encode(),
    "a description over 64 KB": json.dumps({"event": {"description": "x" * 65_537}}).encode(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_refused_in_the_dialects_shape(world: World, content: bytes) -> None:
    started = time.monotonic()
    answer = world.post(content)
    assert time.monotonic() - started < 2
    assert answer.status_code == 422
    assert set(problems(answer)) == {"request"}
    assert not SchedulerRequest.everywhere.exists()


def test_a_body_of_300_kb_is_too_large(world: World) -> None:
    answer = world.post(b'{"a": "' + b"x" * 300 * 1024 + b'"}')
    assert (answer.status_code, problems(answer)) == (413, {"request": ["errors.too_large"]})


@pytest.mark.parametrize("charset", ["bogus", "utf-16", "utf-7", "idna", "base64", "x" * 300])
def test_a_charset_that_is_not_on_the_list_is_refused(world: World, charset: str) -> None:
    answer = world.post(json.dumps(world.body()).encode(), Content_Type=f"application/json; charset={charset}")
    assert (answer.status_code, problems(answer)) == (415, {"request": ["errors.unsupported"]})


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, identity"])
def test_a_compressed_body_is_refused_without_being_opened(world: World, encoding: str) -> None:
    bomb = gzip.compress(b"{" + b" " * 10_000_000 + b"}")
    answer = world.post(bomb, Content_Encoding=encoding)
    assert (answer.status_code, problems(answer)) == (415, {"request": ["errors.unsupported"]})


@pytest.mark.parametrize(
    "label",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json;charset=utf8;;",
        "application/vnd.api+json",
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "multipart/form-data; boundary=x",
        "nonsense",
        ";",
        "",
    ],
)
def test_json_is_read_whatever_its_label(world: World, label: str) -> None:
    assert world.post(json.dumps(world.body()).encode(), Content_Type=label).status_code == 200


def test_latin_1_is_read_where_it_is_declared(world: World) -> None:
    body = json.dumps(world.body(event={"summary": "Über uns"}), ensure_ascii=False).encode("latin-1")
    assert world.post(body, Content_Type="application/json; charset=iso-8859-1").status_code == 200
    assert SchedulerRequest.everywhere.get().summary == "Über uns"


def test_a_byte_order_mark_is_forgiven(world: World) -> None:
    assert world.post(b"\xef\xbb\xbf" + json.dumps(world.body()).encode()).status_code == 200


def test_a_key_given_twice_keeps_its_last_value(world: World) -> None:
    body = json.dumps(world.body()).encode()[:-1] + b', "event": {"summary": "Later"}}'
    assert world.post(body).status_code == 200
    assert SchedulerRequest.everywhere.get().summary == "Later"


def test_no_body_is_an_empty_object(world: World) -> None:
    for content in (b"", b"  \r\n"):
        assert set(problems(world.post(content))) == {"recipients", "event", "host"}


def test_a_description_of_64_kb_fits(world: World) -> None:
    description = "é" * 32_768
    assert world.post(world.body(event={"summary": "x", "description": description})).status_code == 200
    assert SchedulerRequest.everywhere.get().description == description


def test_a_form_sent_instead_of_json_is_told_so(world: World) -> None:
    content = urllib.parse.urlencode({"email": "a@example.org"}).encode()
    answer = world.post(content, Content_Type="application/x-www-form-urlencoded")
    assert "not JSON" in answer.json()["errors"]["request"][0]["description"]


def test_a_body_is_never_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.post(world.body(event={"summary": "plutonium"}))
    world.post(b'{"plutonium": NaN}')
    world.post(world.body(event={"summary": "plutonium" * 200}))
    assert "plutonium" not in caplog.text
    assert world.secret not in caplog.text


def test_a_fault_of_ours_is_told_in_the_dialects_shape_and_logged_without_the_body(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.api.cronofy.wire.created", lambda *_: 1 / 0)
    answer = world.post(world.body(event={"summary": "plutonium"}))
    assert (answer.status_code, problems(answer)) == (500, {"request": ["errors.error"]})
    assert "ZeroDivisionError" in caplog.text
    assert "plutonium" not in caplog.text
    assert not SchedulerRequest.everywhere.exists()


def test_a_query_string_changes_nothing(world: World) -> None:
    for query in ("format=html", "a=%00", "%ff"):
        assert world.post(world.body(), f"{PATH}?{query}").status_code == 200
