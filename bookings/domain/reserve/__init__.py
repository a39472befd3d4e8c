"""The one writer of bookings: takes the hosts' locks, asks availability again, writes claim, event, booking and outbox.

Every verb is one short transaction without network, mail or rendering. The database's own guard stands below it.
"""

from bookings.domain.ledger import Wish
from bookings.domain.reserve.changing import (
    cancel,
    complete,
    confirm,
    decline,
    describe,
    invalidate,
    mark_no_show,
    move,
    supersede,
)
from bookings.domain.reserve.handing import hand_over
from bookings.domain.reserve.seats import leave_seat, take_seat
from bookings.domain.reserve.series import SeriesTaken, book_series, cancel_series
from bookings.domain.reserve.taking import book, hold, release
from bookings.domain.reserve.writing import terms_of

__all__ = [
    "SeriesTaken",
    "Wish",
    "book",
    "book_series",
    "cancel",
    "cancel_series",
    "complete",
    "confirm",
    "decline",
    "describe",
    "hand_over",
    "hold",
    "invalidate",
    "leave_seat",
    "mark_no_show",
    "move",
    "release",
    "supersede",
    "take_seat",
    "terms_of",
]
