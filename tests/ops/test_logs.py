"""Logs hold no secret of a link."""

from __future__ import annotations

import logging

from django.test import Client


def written(caplog) -> str:
    """What the configured handler would write of the records seen."""
    handler = next(each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    return "\n".join(handler.format(record) for record in caplog.records if handler.filter(record))


def test_the_token_of_a_link_is_masked_in_the_log(db, caplog):
    token = "Zm9vYmFyYmF6cXV4cXV1eDEyMzQ1"
    with caplog.at_level(logging.WARNING):
        for path in (f"/r/{token}", f"/rts/{token}", f"/r/{token}/event.ics"):
            assert Client().get(path).status_code == 404
    log = written(caplog)
    assert "/r/…" in log
    assert token not in log


def test_other_paths_stay_readable(db, caplog):
    with caplog.at_level(logging.WARNING):
        Client().get("/nowhere/at/all")
    assert "/nowhere/at/all" in written(caplog)
