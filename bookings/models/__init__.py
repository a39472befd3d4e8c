"""Tables: nouns only. Whatever writes them lives in bookings.domain."""

from .audit import AuditEntry, IdempotencyKey
from .bookings import Booking, Contact, SchedulerRequest, Seat
from .calendars import Account, Calendar
from .events import Event, Participant
from .feeds import Feed
from .hooks import Hook
from .hosts import Host, Opening, Override, Schedule
from .ledger import Busy, Claim
from .limits import Tally
from .offers import EventType, GroupMember, GroupRule, Question
from .outbox import Message, Mirror, PushAttempt
from .tenancy import (
    ApiKey,
    ExternalRef,
    Grant,
    Installation,
    Membership,
    Organisation,
    TenantManager,
    TenantModel,
    TenantRequired,
)

__all__ = [
    "Account",
    "ApiKey",
    "AuditEntry",
    "Booking",
    "Busy",
    "Calendar",
    "Claim",
    "Contact",
    "Event",
    "EventType",
    "ExternalRef",
    "Feed",
    "Grant",
    "GroupMember",
    "GroupRule",
    "Hook",
    "Host",
    "IdempotencyKey",
    "Installation",
    "Membership",
    "Message",
    "Mirror",
    "Opening",
    "Organisation",
    "Override",
    "Participant",
    "PushAttempt",
    "Question",
    "Schedule",
    "SchedulerRequest",
    "Seat",
    "Tally",
    "TenantManager",
    "TenantModel",
    "TenantRequired",
]
