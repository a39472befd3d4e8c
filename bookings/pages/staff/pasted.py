"""Recipients from a pasted list, each line told for itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

MOST_LINES = 100
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


@dataclass(frozen=True)
class Line:
    """One line with something in it. `error` says why nobody can be written to; it is "" when somebody can."""

    number: int
    text: str
    email: str = ""
    name: str = ""
    error: str = ""


def read_lines(text: str) -> list[Line]:
    """Names and addresses as mail programs and spreadsheets give them: the address anywhere, the rest is the name."""
    found: list[Line] = []
    seen: dict[str, int] = {}
    for number, each in enumerate(text.splitlines(), start=1):
        if each.strip():
            line = _line(number, each.strip(), seen)
            found.append(line)
            seen.setdefault(line.email.casefold(), number)
    return found


def _line(number: int, text: str, seen: dict[str, int]) -> Line:
    addresses = _ADDRESS.findall(text)
    if not addresses:
        return Line(number, text, error=_("No e-mail address is in this line."))
    if len(addresses) > 1:
        return Line(number, text, error=_("More than one e-mail address is in this line."))
    email = addresses[0].rstrip(".")
    try:
        validate_email(email)
    except ValidationError:
        return Line(number, text, error=_("“%(address)s” is not an e-mail address.") % {"address": email})
    if email.casefold() in seen:
        return Line(
            number, text, error=_("The same address as in line %(number)d.") % {"number": seen[email.casefold()]}
        )
    return Line(number, text, email, re.sub(r"[\s<>\"(),;\t]+", " ", text.replace(addresses[0], " ")).strip()[:200])
