"""The README is true: its settings are the settings there are, its commands the commands there are."""

from __future__ import annotations

import re

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
