"""Hours of a week as people type and read them: “9:00–12:30, 13–17”."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Block = tuple[int, int]

_NOTHING = {"", "-", "–", "closed"}
_BETWEEN = re.compile(r"\s*(?:-|–|—|−|to|until|bis)\s*", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?", re.IGNORECASE | re.ASCII)


def parse(text: str) -> list[Block]:
    """Blocks of a day in minutes, in order. Raises ValueError with words for people."""
    if text.strip().casefold() in _NOTHING:
        return []
    found = sorted(_block(part) for part in re.split(r"[,;\n]+", text) if part.strip())
    for (_start, end), (start, _end) in pairwise(found):
        if start < end:
            raise ValueError(_("These hours overlap."))
    return found


def spell(blocks: Iterable[Sequence[int]]) -> str:
    """9:00–12:30, 13:00–17:00; nothing for a day without hours."""
    return ", ".join(f"{clock(start)}–{clock(end)}" for start, end in blocks)


def clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def _block(part: str) -> Block:
    ends = _BETWEEN.split(part.strip())
    if len(ends) != 2:
        raise ValueError(_("Write hours such as 9:00–12:00, 13:00–17:00."))
    start, end = _minute(ends[0]), _minute(ends[1])
    end = end or 1440
    if start >= end:
        raise ValueError(_("Hours end after they begin, within one day."))
    return start, end


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    half = (found[3] or "").lower() if found else ""
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 24 or minute > 59 or hour * 60 + minute > 1440:
        raise ValueError(_("Write hours such as 9:00–12:00, 13:00–17:00."))
    return hour * 60 + minute


class BlocksField(forms.CharField):
    """Hours of one day; cleans to a list of blocks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=400, **options)
        self.widget.attrs |= {"placeholder": gettext_lazy("Closed"), "autocomplete": "off", "class": "hours-text"}
        self.widget.attrs.pop("maxlength", None)

    def clean(self, value: Any) -> list[Block]:
        text = super().clean(value)
        try:
            return parse(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


def day_fields() -> dict[str, forms.Field]:
    """Fields day_0 (Monday) to day_6."""
    name = lazy(lambda index: str(WEEKDAYS[index]), str)
    return {f"day_{index}": BlocksField(label=name(index)) for index in range(7)}


def spelled_days(weekly: Sequence[Sequence[Sequence[int]]]) -> dict[str, str]:
    """What the day fields show of stored hours."""
    return {f"day_{index}": spell(blocks) for index, blocks in enumerate(weekly)}


def cleaned_days(cleaned: Mapping[str, Any]) -> list[list[list[int]]]:
    """The hours typed into the day fields, as they are stored."""
    return [[list(block) for block in cleaned[f"day_{index}"]] for index in range(7)]


def copied_down(data: Any, index: str) -> Any:
    """What was typed, with one day's hours on all days below it as well."""
    data = data.copy()
    if index.isascii() and index.isdigit() and int(index) < 7:
        for below in range(int(index) + 1, 7):
            data[f"day_{below}"] = data.get(f"day_{index}", "")
    return data
