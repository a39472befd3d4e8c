"""The README is true: its settings are the settings there are, its commands the commands there are."""

from __future__ import annotations

import re

import pytest
from django.urls import Resolver404, resolve

from bookings.api.base import Missing
from bookings.models import ApiKey
from bookings.pages.staff.key_words import PAIR, kinds_of
from bookings.pages.staff.switching import Place, code
from tests.installations import ROOT

README = (ROOT / "README.md").read_text()


def test_every_setting_is_told_and_every_told_setting_exists() -> None:
    settings = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', settings))
    told = set(re.findall(r"^\| `([A-Z_]+)`", README, re.MULTILINE))
    assert read == told


def test_every_folder_it_names_is_there() -> None:
    table = README.partition("## Where things live")[2]
    named = re.findall(r"`((?:\w+/)+)`", table)
    assert len(named) >= 10
    assert [name for name in named if not (ROOT / name).is_dir()] == []


def test_every_picture_it_shows_is_there() -> None:
    shown = re.findall(r'!\[[^]]*\]\(([^)]+)\)|<img[^>]+src="([^"]+)"', README)
    assert [name for pair in shown for name in pair if name and not (ROOT / name).is_file()] == []


# ── Switch from … ──

SWITCHING = README.partition("## Switch from a scheduling API")[2].partition("\n## ")[0]
SECTIONS = dict(re.findall(r"### Switch from (\w+).*?\n(.*?)(?=\n### |\Z)", SWITCHING, re.DOTALL))
DIALECTS = [str(dialect) for dialect in ApiKey.Dialect]


def section(dialect: str) -> str:
    return next(text for name, text in SECTIONS.items() if name.lower() == dialect)


def paths(text: str) -> list[str]:
    return re.findall(r"`(/[^`]+)`", text)


def is_answered(path: str) -> bool:
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return getattr(view, "view_class", None) is not Missing


def test_it_has_a_section_for_each_api() -> None:
    assert sorted(name.lower() for name in SECTIONS) == sorted(DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_its_lines_to_change_are_those_that_the_page_of_a_key_shows(dialect: str) -> None:
    first = kinds_of(dialect)[0].value
    key = ApiKey(dialect=dialect, kind="secret_key" if first == PAIR else first)
    shown = code(key, Place("https://book.example.com", {}, {}))[0].text
    assert re.search(r"```\w+\n(.*?)\n```", section(dialect), re.DOTALL)[1] == shown


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_it_says_is_answered_is_and_what_is_not_is_not(dialect: str) -> None:
    answered, _, unanswered = section(dialect).partition("Unanswered:")
    told = paths(answered)
    assert {f"/api/{dialect}", f"/api/{dialect}/schema"} < set(told)
    assert [path for path in told if not is_answered(path)] == []
    assert [path for path in paths(unanswered) if is_answered(path)] == []
