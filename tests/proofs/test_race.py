"""Nobody is booked twice, on either engine, however many ask at once. Judged from the tables alone."""

from __future__ import annotations

import json
import sys

from tests.proofs.conftest import Engine

PROCESSES, ATTEMPTS = 32, 20

OVERLAPS = """
    SELECT count(*) FROM bookings_claim a JOIN bookings_claim b
    ON a.host_id = b.host_id AND a.id < b.id AND a.start_s < b.end_s AND b.start_s < a.end_s
    WHERE a.lane = 0 AND b.lane = 0 AND a.state IN ('hold', 'booked') AND b.state IN ('hold', 'booked')
"""
LIVE = "SELECT count(*) FROM bookings_booking WHERE state = 'confirmed'"
WITHOUT_CLAIM = """
    SELECT count(*) FROM bookings_booking b WHERE b.event_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM bookings_claim c WHERE c.booking_id = b.id AND c.start_s = b.start_s AND c.end_s = b.end_s)
"""
CLAIMS_OF_NOBODY = "SELECT count(*) FROM bookings_claim WHERE booking_id IS NULL"
TIED_TO_REQUEST = """
    SELECT max(n) FROM (SELECT count(*) AS n FROM bookings_booking
    WHERE scheduler_request_id IS NOT NULL GROUP BY scheduler_request_id) AS each_request
"""
EXPECTED = {"booked", "refused", "same link: booked", "same link: refused"}


def test_thirty_two_processes_never_book_a_host_twice(engine: Engine) -> None:
    command = [sys.executable, "-m", "tests.proofs.race", str(PROCESSES), str(ATTEMPTS)]
    done = engine.installation.run(command)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    print(engine.name, report)
    assert set(report["seen"]) <= EXPECTED, "nothing but bookings and refusals: no deadlock, no locked database"
    assert report["attempts"] == PROCESSES * ATTEMPTS
    assert report["seen"]["booked"] >= 20
    assert report["seen"]["same link: booked"] >= 1
    assert engine.value(OVERLAPS) == 0
    assert engine.value(LIVE) == report["seen"]["booked"] + 1, "what was promised is kept; the shared link counts once"
    assert engine.value(WITHOUT_CLAIM) == 0
    assert engine.value(CLAIMS_OF_NOBODY) == 0
    assert engine.value(TIED_TO_REQUEST) == 1
