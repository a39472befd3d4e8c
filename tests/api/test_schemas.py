"""Each dialect's OpenAPI schema: complete, true of what is answered, and no way to an error of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from config.wsgi import application
from tests.api.surfaces import SURFACES, Place, Surface, make_place

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("CONVENE_SCHEMA_EXAMPLES", "4"))
CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]
NAMES = [surface.name for surface in SURFACES]


@pytest.fixture
def place() -> Iterator[Place]:
    """The application is called in this process, inside the test's transaction: it must not close the connection."""
    cache.clear()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield make_place()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def schema_of(name: str) -> dict[str, Any]:
    answer = Client().get(f"/api/{name}/schema", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_describes_every_operation_and_how_to_identify_oneself(name: str) -> None:
    told = schema_of(name)
    assert told["openapi"].startswith("3.1")
    assert told["info"]["title"]
    assert told["components"]["securitySchemes"]
    operations = [each for path in told["paths"].values() for each in path.values() if isinstance(each, dict)]
    assert operations
    for operation in operations:
        assert operation.get("summary"), operation["operationId"]
        assert any(status.startswith("2") for status in operation["responses"]), operation["operationId"]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_has_a_page_that_loads_nothing_from_elsewhere(name: str) -> None:
    page = Client().get(f"/api/{name}")
    assert page.status_code == 200
    assert "https://" not in page.content.decode().replace("https://github.com/tfranzel/drf-spectacular", "")
    assert "'self'" in page["Content-Security-Policy"]


@pytest.mark.parametrize("surface", SURFACES, ids=lambda each: each.name)
def test_whatever_a_schema_allows_is_answered_as_it_says(place: Place, surface: Any) -> None:
    client: Surface = surface(place)
    schema = schemathesis.openapi.from_dict(schema_of(client.name))
    schema.app = application
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def run(case: Any) -> None:
            cache.clear()
            answer = case.call(headers=client.headers)
            case.validate_response(answer, checks=CHECKS)

        run()
