"""Refusals with a name and a machine code. Each dialect and page spells them its own way, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class DomainError(Exception):
    """Something was refused. `code` is for machines, `message` is for people and safe to show."""

    message: str
    code: str = "refused"

    def __str__(self) -> str:
        return self.message


@dataclass
class Invalid(DomainError):
    """A value cannot be used. `field` names it as the domain does (dotted for nested values)."""

    code: str = "invalid"
    field: str = ""


@dataclass
class NotFound(DomainError):
    """There is no such thing for this tenant: a foreign one and a missing one look alike."""

    code: str = "not_found"


@dataclass
class NotAllowed(DomainError):
    """The thing is there, the actor or its present state does not permit this."""

    code: str = "not_allowed"


@dataclass
class SlotTaken(DomainError):
    """The time cannot be had. `reason` is the code `explain` gives; `next_free` holds starts in UTC seconds."""

    code: str = "slot_taken"
    reason: str = "busy"
    next_free: list[int] = field(default_factory=list)


@dataclass
class LinkClosed(DomainError):
    """A customer's link no longer leads to a choice: unknown, expired, withdrawn or declined, all alike."""

    code: str = "link_closed"
