"""Text that is fit for the header of a mail."""

from __future__ import annotations

import re
from email.utils import formataddr, parseaddr

from bookings.formats.lines import clean

LONGEST = 200

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s+")


def one_line(text: str, longest: int = LONGEST) -> str:
    """Without control characters, line ends and marks that turn the direction of what follows; and without what mail
    programs would decode (RFC 2047) to the same."""
    plain = _SPACE.sub(" ", _BIDI.sub("", clean(text))).strip().replace("=?", "= ?")
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def named(name: str, address: str) -> str:
    """`Name <address>`, each safe; without a name the address alone."""
    spoken = one_line(name.replace("<", " ").replace(">", " "), 100)
    return formataddr((spoken, address)) if spoken else address


def address_of(text: str) -> str:
    """The bare address in `Name <address>`."""
    return parseaddr(text)[1]
