"""Whatever happens in whatever order: once all is well, every calendar shows what it should, once.

`CONVENE_PUSH_RUNS=500 pytest tests/proofs/test_push_property.py` looks longer; `CONVENE_PUSH_SEED` starts elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.proofs.interleavings import Run, put_everything_back
from tests.providers.matrix import services
from tests.providers.matrix.columns import Column, Hub, allow
from tests.servers import CalDavServer, radicale

RUNS = int(os.environ.get("CONVENE_PUSH_RUNS", "8"))
SEED = int(os.environ.get("CONVENE_PUSH_SEED", "1"))
COLUMNS: tuple[type[Column], ...] = (
    services.GoogleColumn,
    services.MicrosoftColumn,
    services.CalDavColumn,
    services.CronofyColumn,
    *services.OTHERS,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        yield running


@pytest.fixture(scope="module")
def hub(server: CalDavServer) -> Iterator[Hub]:
    services.DavDouble.upstream = server
    made = Hub(*services.doubles())
    made.plug()
    yield made
    made.unplug()


@pytest.mark.parametrize("seed", range(SEED, SEED + RUNS))
def test_after_any_history_every_calendar_shows_what_it_should(
    db: None, hub: Hub, server: CalDavServer, settings: Any, seed: int
) -> None:
    for name, value in allow(hub).items():
        setattr(settings, name, value)
    column = COLUMNS[seed % len(COLUMNS)]
    run = Run(column(hub).connect(), seed)
    print(f"seed {seed}: {column.name}")
    try:
        with transaction.atomic():
            run.go()
            run.heal()
            run.check()
            run.check_mails()
            put_everything_back(run.at)
            run.heal()
            run.check()
    except AssertionError as error:
        raise AssertionError(f"seed {seed} at {column.name}: {error}\n{' '.join(run.told)}") from error
    finally:
        server.forget_calendars()
