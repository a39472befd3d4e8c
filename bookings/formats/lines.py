"""iCalendar text as components and content lines (RFC 5545 3.1, 3.4), within limits.

Reading is ours, because feeds and servers send what the grammar forbids and one bad line must not cost the calendar:
the library raises for the whole file, keeps time zones it meets for the whole process, and its TEXT escaping turns a
backslash before N into a line break. Writing uses the library's parameters and folding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_BYTES = 5 * 1024 * 1024
MAX_COMPONENTS = 20_000
MAX_DEPTH = 8
MAX_LINE = 64 * 1024

ESSENTIAL = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID"})
"""Properties without which an event would be misread; the others may be lost."""

_FOLD = re.compile(r"\r?\n[ \t]")
_FOLD_BYTES = re.compile(rb"\r?\n[ \t]")
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_ONE_VALUE = r"(?:\"[^\"]*\"|[^\";:,]*)"
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*([A-Za-z0-9-]{{1,100}})[ \t]*=[ \t]*({_ONE_VALUE})((?:,{_ONE_VALUE})*)")
_QUOTED_LIST = re.compile(r"\"[^\"]*\"|[^\",]+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CARETS = re.compile(r"\^([n'^])")
# All but tab and line feed: they carry nothing and PostgreSQL refuses some. Surrogates cannot be encoded.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Malformed(ValueError):
    """There is nothing here that could be read as a calendar, or it is beyond the limits."""


class Line(NamedTuple):
    """One content line: upper-case names, parameters decoded (several values joined by commas), the value raw."""

    name: str
    params: dict[str, str]
    value: str


@dataclass
class Component:
    """What stands between BEGIN and END. `faults` say what is wrong with its shape, for people."""

    name: str
    lines: list[Line] = field(default_factory=list)
    parts: list[Component] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[Line]:
        return [line for line in self.lines if line.name == name]

    def first(self, name: str) -> Line | None:
        return next((line for line in self.lines if line.name == name), None)

    def text(self, name: str) -> str:
        """The unescaped TEXT value of a property, empty when missing."""
        line = self.first(name)
        return unescape(line.value) if line else ""


def clean(text: str) -> str:
    """The text without control characters (tab and line feed stay) and without what UTF-8 cannot hold."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escape(text: str) -> str:
    """A TEXT value (RFC 5545 3.3.11)."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def unescape(value: str) -> str:
    """What a TEXT value says. An escape the RFC does not know stands for its own character, backslash kept."""
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda match: _UNESCAPED.get(match[1], match[0]), value)


_UNESCAPED = {"n": "\n", "N": "\n", "\\": "\\", ",": ",", ";": ";"}


def read(source: str | bytes) -> list[Component]:
    """The outermost components of a file. Broken lines are left out, broken nesting is mended and noted as a fault.

    :raises Malformed: over 5 MB or 20,000 components, or without a single component.
    """
    if len(source) > MAX_BYTES:
        raise Malformed("The calendar is larger than 5 MB.")
    builder = _Builder()
    for text in _unfolded(source).split("\n"):
        builder.take(text)
    if not (found := builder.finish()):
        raise Malformed("This is not an iCalendar file.")
    return found


class _Builder:
    def __init__(self) -> None:
        self.roots: list[Component] = []
        self.open: list[Component] = []
        self.count = 0
        self.too_deep = 0

    def take(self, text: str) -> None:
        marker = text[:6].upper()
        if marker == "BEGIN:":
            self._begin(text[6:].strip().upper())
        elif text[:4].upper() == "END:":
            self._end(text[4:].strip().upper())
        elif self.open and not self.too_deep and text:
            self._line(text)

    def finish(self) -> list[Component]:
        for left in self.open:
            left.faults.append("It is cut off before its end.")
        return self.roots

    def _begin(self, name: str) -> None:
        self.count += 1
        if self.count > MAX_COMPONENTS:
            raise Malformed("The calendar has more than 20,000 components.")
        if name == "VEVENT" and any(each.name == "VEVENT" for each in self.open):
            # The END was lost: what follows is an event of its own.
            self._close("VEVENT", "It is cut off before its end.")
        if len(self.open) >= MAX_DEPTH:
            self.too_deep += 1
            event = next((each for each in self.open if each.name == "VEVENT"), self.open[-1])
            event.faults = ["It is nested too deeply."]
            return
        component = Component(name)
        (self.open[-1].parts if self.open else self.roots).append(component)
        self.open.append(component)

    def _end(self, name: str) -> None:
        if self.too_deep:
            self.too_deep -= 1
        elif any(each.name == name for each in self.open):
            self._close(name, "")

    def _close(self, name: str, fault: str) -> None:
        self.too_deep = 0
        while self.open:
            closed = self.open.pop()
            if closed.name == name:
                if fault:
                    closed.faults.append(fault)
                return
            closed.faults.append("It is cut off before its end.")

    def _line(self, text: str) -> None:
        if len(text) <= MAX_LINE and (line := parse_line(text)):
            self.open[-1].lines.append(line)
        elif (match := _NAME.match(text)) and match[0].upper() in ESSENTIAL:
            # Left out, a rule or an end would turn busy time into free time.
            self.open[-1].faults.append(f"{match[0].upper()} cannot be read.")


def parse_line(text: str) -> Line | None:
    """One unfolded content line, or None when it is none."""
    head, colon, value = text.partition(":")
    if colon and ";" not in head:
        name = head.strip()
        return Line(name.upper(), {}, value) if _NAME.fullmatch(name) else None
    match = _NAME.match(text)
    if not match:
        return None
    name, at, params = match[0], match.end(), {}
    while found := _PARAMETER.match(text, at):
        values = [found[2], *_QUOTED_LIST.findall(found[3])]
        params[found[1].upper()] = ",".join(map(_parameter, values))
        at = found.end()
    rest = text[at:].lstrip(" \t")
    if not rest.startswith(":"):
        return None
    value = rest[1:]
    if ":" in value and "TZID" in params:
        # Exchange leaves a zone called tzone://Microsoft/Utc without quotes; a time has no colon.
        more, _, value = value.rpartition(":")
        params["TZID"] += f":{more.partition(';')[0]}"
    return Line(name.upper(), params, value)


def _parameter(value: str) -> str:
    """A parameter value without quotes and with the escapes of RFC 6868 undone."""
    plain = value.strip().strip('"')
    return _CARETS.sub(lambda match: {"n": "\n", "'": '"', "^": "^"}[match[1]], plain) if "^" in plain else plain


def _unfolded(source: str | bytes) -> str:
    text = _decoded(source) if isinstance(source, bytes) else source.removeprefix("\ufeff")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return _CONTROLS.sub("", _FOLD.sub("", text))


def _decoded(data: bytes) -> str:
    """UTF-8 as the RFC demands, UTF-16 where a byte order mark says so, else what old Windows programs wrote."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    # Some programs fold in the middle of a character, so unfolding comes first.
    plain = _FOLD_BYTES.sub(b"", data.removeprefix(b"\xef\xbb\xbf"))
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return plain.decode("cp1252", errors="replace")
