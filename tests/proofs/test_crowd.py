"""Whatever happens at once, time is given to one only. Judged from the tables alone, on either engine."""

from __future__ import annotations

import json
import sys

from tests.proofs.conftest import Engine
from tests.proofs.test_race import OVERLAPS

PROCESSES, ATTEMPTS, SEATS = 32, 10, 10

LIVE_WITHOUT_TIME = """
    SELECT count(*) FROM bookings_booking b WHERE b.state IN ('held', 'confirmed') AND NOT EXISTS (
        SELECT 1 FROM bookings_claim c WHERE c.booking_id = b.id AND c.state = 'booked'
        AND c.start_s = b.start_s AND c.end_s = b.end_s)
"""
DEAD_WITH_TIME = """
    SELECT count(*) FROM bookings_booking b JOIN bookings_claim c ON c.booking_id = b.id
    WHERE b.state NOT IN ('held', 'confirmed') AND c.state IN ('hold', 'booked')
"""
SEATS_TAKEN = """
    SELECT count(DISTINCT s.number) * 1000 + count(*)
    FROM bookings_seat s JOIN bookings_booking b ON b.id = s.booking_id
    WHERE s.cancelled_at IS NULL AND b.state = 'confirmed'
"""
SESSIONS = "SELECT count(*) FROM bookings_booking WHERE seats_taken > 0"
UNSEEN_CONFLICTS = """
    SELECT count(*) FROM bookings_booking b JOIN bookings_claim c ON c.booking_id = b.id AND c.state = 'booked'
    JOIN bookings_busy y ON y.host_id = c.host_id AND y.start_s < c.end_s AND c.start_s < y.end_s
    WHERE b.state IN ('held', 'confirmed') AND CAST(b.conflict AS text) = '{}'
"""


def test_no_crowd_of_bookings_moves_seats_holds_and_events_breaks_the_ledger(empty_installation: Engine) -> None:
    engine = empty_installation
    engine.installation.manage("migrate", "--skip-checks", "-v0")
    done = engine.installation.run([sys.executable, "-m", "tests.proofs.crowd", str(PROCESSES), str(ATTEMPTS)])
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    print(engine.name, report)
    assert set(report["seen"]) <= {"done", "refused", "seat"}, "no deadlock, no locked database, no other error"
    assert report["seen"]["done"] > PROCESSES
    assert engine.value(OVERLAPS) == 0
    assert engine.value(LIVE_WITHOUT_TIME) == 0
    assert engine.value(DEAD_WITH_TIME) == 0
    assert report["seen"]["seat"] == SEATS
    assert engine.value(SEATS_TAKEN) == SEATS * 1000 + SEATS
    assert engine.value(SESSIONS) == 1
    assert engine.value(UNSEEN_CONFLICTS) == 0, "an event that landed on a booking is flagged on it"
