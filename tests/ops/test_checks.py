"""What `manage.py check` says about this code and about an installation."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.installations import Installation

DEPLOYED = {"CONVENE_BASE_URL": "https://book.example.com", "CONVENE_TRUST_PROXY": "1"}
DEPLOY = ("check", "--deploy", "--fail-level", "WARNING", "--database", "default")


def test_a_deployment_by_the_book_has_nothing_to_complain_about(tmp_path: Path) -> None:
    Installation(tmp_path / "data", settings=DEPLOYED).manage(*DEPLOY)


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("CONVENE_HOSTS", "*", "convene.W001"),
        ("CONVENE_TRUST_PROXY", "0", "convene.W002"),
        ("CONVENE_LINK_KEY", "short", "convene.E001"),
        ("CONVENE_DATA_KEYS", f"1={base64.b64encode(b'short').decode()}", "convene.E002"),
        ("SECRET_KEY", "short", "security.W009"),
        ("CONVENE_DEBUG", "1", "security.W018"),
        ("CONVENE_BASE_URL", "http://book.example.com", "security.W008"),
    ],
)
def test_each_weakness_of_a_deployment_is_named(tmp_path: Path, setting: str, value: str, complaint: str) -> None:
    installation = Installation(tmp_path / "data", settings=DEPLOYED | {setting: value})
    assert complaint in installation.manage(*DEPLOY, fails=True).stderr


def test_a_database_that_other_users_can_read_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    installation = Installation(data, settings=DEPLOYED)
    installation.manage("migrate", "-v0", "--skip-checks")
    data.chmod(0o755)
    assert "convene.W003" in installation.manage(*DEPLOY, fails=True).stderr
