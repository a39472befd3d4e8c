"""Reading a request's body: JSON whatever its label says, inside limits that keep every later step safe."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.http import parse_header_parameters

from bookings.api.refusals import Refusal

DEEPEST = 32
MOST_KEYS = 1_000
LONGEST_TEXT = 8 * 1024  # bytes of UTF-8
LONGEST_DESCRIPTION = 64 * 1024
LONGEST_KEY = 255
LARGEST_INTEGER = 2**63 - 1  # what a database's int8 holds
CHARSETS = {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1"}

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def read(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in a request's body; `{}` when there is no body.

    Taken on every method, and under any Content-Type: clients of all five dialects send JSON as text/plain, as a form
    or without a label, and some send `{}` with GET. The name of a key given twice keeps its last value. Raises Refusal:
    400 for what is not a JSON object or breaks a limit, 413 over the size, 415 for compression or an unknown charset.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refusal(415, "unsupported", "Send the body uncompressed.")
    charset = _charset(request.META.get("CONTENT_TYPE") or "")
    content = request.body
    if not content.strip():
        return {}
    value = _parse(content, charset)
    if not isinstance(value, dict):
        raise _malformed("The body must be a JSON object.")
    _Census().count(value, "")
    return value


def _charset(content_type: str) -> str:
    if len(content_type) > LONGEST_KEY:
        raise Refusal(415, "unsupported", "The Content-Type is not understood.")
    try:
        parameters = parse_header_parameters(content_type)[1]
    except ValueError:
        parameters = {"charset": "unreadable"}
    named = str(parameters.get("charset", "utf-8")).strip(" '\"").lower()
    if named not in CHARSETS:
        raise Refusal(415, "unsupported", "Send the body as UTF-8.")
    return named


def _parse(content: bytes, charset: str) -> Any:
    _check_depth(content)
    try:
        text = content.decode("utf-8-sig" if charset.startswith("utf") else charset)
        return json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_constant)
    except UnicodeDecodeError:
        raise _malformed("The body is not valid UTF-8.") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None


def _check_depth(content: bytes) -> None:
    """Refuse deep nesting before the parser recurses into it."""
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(content):
        first = match.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > DEEPEST:
                raise _malformed(f"The body is nested more than {DEEPEST} deep.")
        elif first in b"]}":
            depth -= 1


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST_INTEGER:
        raise _malformed("A number in the body is too large.")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _malformed("A number in the body is too large.")
    return value


def _constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not a JSON number.")


class _Census:
    """Walks a parsed body once. Its depth is bounded by then."""

    def __init__(self) -> None:
        self.keys = 0

    def count(self, value: Any, name: str) -> None:
        if isinstance(value, dict):
            self._names(value)
            for key, item in value.items():
                self.count(item, key)
        elif isinstance(value, list):
            for item in value:
                self.count(item, name)
        elif isinstance(value, str):
            _check_text(value, LONGEST_DESCRIPTION if name == "description" else LONGEST_TEXT)

    def _names(self, value: dict[str, Any]) -> None:
        self.keys += len(value)
        if self.keys > MOST_KEYS:
            raise _malformed(f"The body has more than {MOST_KEYS} keys.")
        for key in value:
            _check_text(key, LONGEST_KEY)


def _check_text(text: str, longest: int) -> None:
    if "\x00" in text:
        raise _malformed("A text in the body holds a NUL character.")
    if _SURROGATE.search(text):
        raise _malformed("A text in the body holds half of a character (a lone surrogate).")
    if len(text.encode()) > longest:
        raise _malformed(f"A text in the body is longer than {longest} bytes.")


def _malformed(message: str) -> Refusal:
    return Refusal(400, "malformed", message)
