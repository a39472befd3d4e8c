"""Somebody signed in at an organisation with one host."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import factories


@pytest.fixture
def org():
    return factories.organisation("Harbour Studio")


@pytest.fixture
def host(org):
    return factories.host(org, weekly=factories.ALWAYS, timezone="Europe/Berlin", name="Greta Hoffmann")


@pytest.fixture
def staff(org) -> Client:
    client = Client()
    client.force_login(factories.staff_user(org), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client
