"""Reading and refusing recurrence rules."""

from __future__ import annotations

import pytest

from bookings.engine.recurrence import RuleError, parse_rule, validate_written


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("RRULE:FREQ=DAILY", "FREQ=DAILY"),
        ("freq=weekly;byday=we,mo", "FREQ=WEEKLY;BYDAY=MO,WE"),
        ("FREQ=DAILY;INTERVAL=1;WKST=MO", "FREQ=DAILY"),
        ("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=OMIT", "FREQ=YEARLY"),
        ("FREQ=MONTHLY;BYDAY=-1FR,+2TU;", "FREQ=MONTHLY;BYDAY=2TU,-1FR"),
        ("FREQ=DAILY;UNTIL=20270301", "FREQ=DAILY;UNTIL=20270301"),
        ("FREQ=DAILY;UNTIL=20270301T100000", "FREQ=DAILY;UNTIL=20270301T100000"),
        ("FREQ=DAILY;UNTIL=20270301T100000Z", "FREQ=DAILY;UNTIL=20270301T100000Z"),
        ("FREQ=YEARLY;COUNT=3;BYMONTH=3,1;WKST=SU", "FREQ=YEARLY;COUNT=3;BYMONTH=1,3;WKST=SU"),
        (
            "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=FORWARD;BYMONTHDAY=31",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=31",
        ),
    ],
)
def test_a_rule_has_one_canonical_text(text: str, canonical: str) -> None:
    rule = parse_rule(text)
    assert str(rule) == canonical
    assert parse_rule(str(rule)) == rule
    assert hash(parse_rule(canonical)) == hash(rule)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "syntax"),
        ("RRULE:", "syntax"),
        ("FREQ", "syntax"),
        ("FREQ=", "syntax"),
        ("FREQ=DAILY;;COUNT=2", "syntax"),
        ("COUNT=5", "freq"),
        ("FREQ=SOMETIMES", "freq"),
        ("FREQ=DAILY;FREQ=DAILY", "repeated_part"),
        ("FREQ=DAILY;X-EVIL=1", "unknown_part"),
        ("FREQ=DAILY;BYEASTER=0", "unknown_part"),
        ("FREQ=DAILY;INTERVAL=0", "value"),
        ("FREQ=DAILY;INTERVAL=-1", "value"),
        ("FREQ=DAILY;INTERVAL=99999999999", "value"),
        ("FREQ=DAILY;INTERVAL=1.5", "value"),
        ("FREQ=DAILY;COUNT=0", "value"),
        ("FREQ=DAILY;COUNT=\u0663", "value"),
        ("FREQ=DAILY;UNTIL=20270230", "value"),
        ("FREQ=DAILY;UNTIL=tomorrow", "value"),
        ("FREQ=DAILY;UNTIL=20270101T250000Z", "value"),
        ("FREQ=DAILY;BYHOUR=24", "value"),
        ("FREQ=DAILY;BYMONTH=0", "value"),
        ("FREQ=DAILY;BYMONTH=-1", "value"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "value"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "value"),
        ("FREQ=MONTHLY;BYDAY=0MO", "value"),
        ("FREQ=MONTHLY;BYDAY=99MO", "value"),
        ("FREQ=MONTHLY;BYDAY=XX", "value"),
        ("FREQ=YEARLY;BYWEEKNO=54", "value"),
        ("FREQ=WEEKLY;WKST=XX", "value"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "combination"),
        ("FREQ=WEEKLY;BYDAY=1MO", "combination"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "combination"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "combination"),
        ("FREQ=DAILY;BYYEARDAY=1", "combination"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "combination"),
        ("FREQ=DAILY;BYSETPOS=1", "combination"),
        ("RSCALE=HEBREW;FREQ=YEARLY", "rscale"),
        ("FREQ=YEARLY;BYYEARDAY=" + ",".join(["1"] * 4000), "too_long"),
    ],
)
def test_what_is_not_a_rule_is_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse_rule(text)
    assert refusal.value.code == code
    assert str(refusal.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FREQ=SECONDLY;COUNT=2", "freq"),
        ("FREQ=MINUTELY;COUNT=2", "freq"),
        ("FREQ=DAILY;INTERVAL=1001", "interval"),
        ("FREQ=DAILY;COUNT=731", "count"),
    ],
)
def test_people_may_write_less_than_calendars_may_send(text: str, code: str) -> None:
    with pytest.raises(RuleError) as refusal:
        validate_written(parse_rule(text))
    assert refusal.value.code == code


@pytest.mark.parametrize("text", ["FREQ=HOURLY;INTERVAL=1000", "FREQ=DAILY;COUNT=730", "FREQ=WEEKLY;BYDAY=MO"])
def test_ordinary_rules_may_be_written(text: str) -> None:
    validate_written(parse_rule(text))
