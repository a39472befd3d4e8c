"""Booking graphs: the states a booking goes through here, and the actions that take it from one to the next
(developers.timekit.io/reference/instant-graph and …/confirm-decline-graph)."""

from __future__ import annotations

from bookings.models import Booking

INSTANT, CONFIRM_DECLINE = "instant", "confirm_decline"
GROUP_OWNER, GROUP_CUSTOMER = "group_owner", "group_customer"
FIRST_ACTION = {INSTANT: "confirm", CONFIRM_DECLINE: "create", GROUP_CUSTOMER: "confirm"}
"""The graphs that bookings can be made with, and the action that makes them."""

COMPLETES_AFTER = 3600
"""Seconds after its end at which a confirmed booking counts as completed."""

TENTATIVE, CONFIRMED, COMPLETED = "tentative", "confirmed", "completed"
_STATES: dict[str, str] = {
    Booking.State.REQUESTED: TENTATIVE,
    Booking.State.HELD: TENTATIVE,
    Booking.State.CONFIRMED: CONFIRMED,
    Booking.State.IN_PROGRESS: CONFIRMED,
    Booking.State.COMPLETED: COMPLETED,
    Booking.State.NO_SHOW: COMPLETED,
    Booking.State.DECLINED: "declined",
    Booking.State.CANCELLED: "cancelled",
    Booking.State.RESCHEDULED: "rescheduled_by_customer",
    Booking.State.INVALID: "error",
    Booking.State.ERROR: "error",
}
LEADS_TO = {
    "confirm": CONFIRMED,
    "decline": "declined",
    "cancel": "cancelled",
    "cancel_by_customer": "cancelled_by_customer",
    "complete": COMPLETED,
    "reschedule_by_customer": "rescheduled_by_customer",
}
"""The state each action leads to."""
_POSSIBLE = {
    TENTATIVE: ["decline", "confirm"],
    CONFIRMED: ["cancel", "cancel_by_customer", "complete", "reschedule_by_customer"],
}


def state_of(booking: Booking, now: float) -> str:
    """A confirmed booking completes by itself an hour after its end."""
    state = _STATES[booking.state]
    if state == "cancelled" and booking.cancelled_by == Booking.By.INVITEE:
        return "cancelled_by_customer"
    return COMPLETED if state == CONFIRMED and booking.end_s + COMPLETES_AFTER <= now else state


def possible_actions(state: str) -> list[str]:
    return list(_POSSIBLE.get(state, ()))


def is_final(state: str) -> bool:
    """Whether nothing more can be done: what the vendor calls a completed booking."""
    return state not in _POSSIBLE


def graph_of(booking: Booking, told: str) -> str:
    """The graph a booking was made with; for one that was made elsewhere, the one that its life looks like."""
    if told in FIRST_ACTION:
        return told
    if booking.event_type is not None and booking.event_type.capacity > 1:
        return GROUP_OWNER
    asked = booking.event_type is not None and booking.event_type.needs_confirmation
    waits = booking.state in (Booking.State.REQUESTED, Booking.State.HELD, Booking.State.DECLINED)
    return CONFIRM_DECLINE if asked or waits else INSTANT


def states_meaning(state: str) -> list[str]:
    """Our states that may be called so here; what else decides is left to the caller."""
    wanted = "cancelled" if state == "cancelled_by_customer" else state
    found = [ours for ours, theirs in _STATES.items() if theirs == wanted]
    return [*found, Booking.State.CONFIRMED, Booking.State.IN_PROGRESS] if state == COMPLETED else found
