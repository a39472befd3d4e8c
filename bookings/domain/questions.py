"""What customers are asked while they book an event type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.text import slugify

from bookings.formats.lines import clean
from bookings.models import EventType, Question

from .audit import Actor, record
from .errors import Invalid

MOST = 50
MOST_OPTIONS = 100


@dataclass(frozen=True)
class Asked:
    """A question as it should be. `key` names it in the answers; one without gets a key after its label."""

    label: str
    kind: str = Question.Kind.TEXT
    required: bool = False
    options: tuple[str, ...] = ()
    key: str = ""

    @property
    def is_choice(self) -> bool:
        return self.kind in (Question.Kind.SELECT, Question.Kind.MULTISELECT)


@transaction.atomic
def ask(event_type: EventType, questions: Sequence[Asked], *, actor: Actor) -> None:
    """Ask these, in this order, and nothing else from now on. Answers that were given stay with their bookings.

    Raises Invalid (field questions).
    """
    wanted = _checked(questions)
    before = [question.label for question in event_type.questions.all()]
    had = {question.key: question for question in event_type.questions.all()}
    event_type.questions.exclude(key__in=[each.key for each in wanted]).delete()
    for position, each in enumerate(wanted):
        row = had.get(each.key) or Question(
            organisation_id=event_type.organisation_id, event_type=event_type, key=each.key
        )
        row.label, row.kind, row.required, row.position = each.label, each.kind, each.required, position
        row.options = list(each.options) if each.is_choice else []
        row.save()
    after = [each.label for each in wanted]
    if before != after:
        record(actor, "event_type.questions_changed", event_type, before={"asked": before}, after={"asked": after})


def _checked(questions: Sequence[Asked]) -> list[Asked]:
    """Each with a tidy label and a key that is its own."""
    if len(questions) > MOST:
        raise Invalid(f"At most {MOST} questions are possible.", field="questions")
    taken = {each.key for each in questions if each.key}
    found = []
    for each in questions:
        _check(each)
        key = each.key or _free_key(each.label, taken)
        taken.add(key)
        options = tuple(filter(None, (clean(option).strip() for option in each.options)))
        found.append(Asked(clean(each.label).strip(), each.kind, each.required, options, key))
    if len({each.key for each in found}) < len(found):
        raise Invalid("Each question is asked once.", field="questions")
    return found


def _check(each: Asked) -> None:
    if not clean(each.label).strip():
        raise Invalid("A question needs words.", field="questions")
    if len(each.label) > 300:
        raise Invalid("A question has at most 300 characters.", field="questions")
    if each.kind not in Question.Kind.values:
        raise Invalid(f"Possible are: {', '.join(Question.Kind.values)}.", field="questions")
    if each.is_choice and not any(option.strip() for option in each.options):
        raise Invalid("Say what there is to choose from.", field="questions")
    if len(each.options) > MOST_OPTIONS:
        raise Invalid(f"At most {MOST_OPTIONS} answers are possible.", field="questions")


def _free_key(label: str, taken: set[str]) -> str:
    stem = slugify(label)[:50] or "question"
    number, key = 1, stem
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key
