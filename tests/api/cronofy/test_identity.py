"""Who may call, and as whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import SYSTEM
from bookings.models import AuditEntry, SchedulerRequest
from tests.api.worlds import PATH, World, problems


def host_of_the_request(world: World) -> object:
    return SchedulerRequest.objects.for_tenant(world.organisation).get().host_id


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic Ojox", "bearer\u00a0x", "Bearer " + "x" * 5000]
)
def test_without_a_known_credential_the_answer_is_an_empty_401(world: World, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = Client().post(PATH, world.body(), content_type="application/json", headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"].startswith("Bearer ")


def test_a_bad_credential_is_told_before_a_bad_body(world: World) -> None:
    assert world.post(b"{", secret="nonsense").status_code == 401


def test_a_revoked_key_no_longer_works(world: World) -> None:
    keys.revoke(world.key, actor=SYSTEM)
    assert world.post(world.body()).status_code == 401


def test_an_expired_key_no_longer_works(world: World) -> None:
    _, secret = world.issue(expires_at=now() - timedelta(seconds=1))
    assert world.post(world.body(), secret=secret).status_code == 401


def test_a_key_of_another_dialect_does_not_work_here(world: World) -> None:
    _, secret = keys.issue(world.organisation, dialect="timekit", kind="app_key", name="k", scopes=(), actor=SYSTEM)
    assert world.post(world.body(), secret=secret).status_code == 401


def test_two_keys_live_side_by_side_so_that_one_can_replace_the_other(world: World) -> None:
    _, newer = world.issue()
    assert world.post(world.body()).status_code == world.post(world.body(), secret=newer).status_code == 200


def test_the_scheme_is_read_in_any_case(world: World) -> None:
    answer = Client().post(
        PATH, world.body(), content_type="application/json", headers={"Authorization": f"bearer {world.secret}"}
    )
    assert answer.status_code == 200


def test_a_key_without_the_scope_is_refused_with_an_empty_403(world: World) -> None:
    _, secret = world.issue("requests:read")
    answer = world.post(world.body(), secret=secret)
    assert (answer.status_code, answer.content) == (403, b"")
    assert "insufficient_scope" in answer["WWW-Authenticate"]


def test_an_access_token_makes_its_own_host_the_host(world: World) -> None:
    _, token = world.issue(host=world.colleague)
    assert world.post(world.body(host=None), secret=token).status_code == 200
    assert host_of_the_request(world) == world.colleague.pk


def test_an_access_token_may_name_its_own_host(world: World) -> None:
    _, token = world.issue(host=world.host)
    assert world.post(world.body(), secret=token).status_code == 200


def test_an_access_token_may_use_a_group_rule(world: World) -> None:
    _, token = world.issue(host=world.host)
    body = world.body(host=None, scheduler_group_rule={"id": world.rule_id})
    assert world.post(body, secret=token).status_code == 200
    assert host_of_the_request(world) is None


def test_an_access_token_cannot_make_somebody_else_the_host(world: World) -> None:
    _, token = world.issue(host=world.colleague)
    assert world.post(world.body(), secret=token).status_code == 403
    assert world.post(world.body(host=None), secret=token, Cronofy_Impersonate=world.sub).status_code == 403


def test_the_access_token_of_a_host_who_left_no_longer_works(world: World) -> None:
    _, token = world.issue(host=world.colleague)
    world.colleague.is_active = False
    world.colleague.save()
    assert world.post(world.body(host=None), secret=token).status_code == 401


def test_an_organisations_token_needs_a_host_like_a_client_secret(world: World) -> None:
    _, token = keys.issue(world.organisation, dialect="cronofy", kind="access_token", name="o", scopes=(), actor=SYSTEM)
    assert problems(world.post(world.body(host=None), secret=token)) == {"host": ["errors.required"]}
    assert world.post(world.body(), secret=token).status_code == 200


def test_impersonating_makes_that_account_the_host(world: World) -> None:
    answer = world.post(world.body(host=None), Cronofy_Impersonate=world.colleague_sub)
    assert answer.status_code == 200
    assert host_of_the_request(world) == world.colleague.pk


def test_impersonating_leaves_both_identities_in_the_audit_trail(world: World) -> None:
    world.post(world.body(host=None), Cronofy_Impersonate=world.colleague_sub)
    entry = AuditEntry.objects.for_tenant(world.organisation).get(action="request.sent")
    assert (entry.api_key_id, entry.actor) == (world.key.pk, "key CRM")
    assert world.colleague_sub in entry.acting_as
    assert world.colleague.name in entry.acting_as


def test_naming_a_host_is_not_impersonating(world: World) -> None:
    world.post(world.body())
    assert AuditEntry.objects.for_tenant(world.organisation).get(action="request.sent").acting_as == ""


def test_a_key_without_that_scope_cannot_impersonate(world: World) -> None:
    _, secret = world.issue("requests:write")
    answer = world.post(world.body(host=None), secret=secret, Cronofy_Impersonate=world.sub)
    assert (answer.status_code, answer.content) == (403, b"")


@pytest.mark.parametrize("named", ["host", "scheduler_group_rule"])
def test_impersonating_and_naming_a_host_contradict_each_other(world: World, named: str) -> None:
    ways = {"host": {"sub": world.sub}, "scheduler_group_rule": {"id": world.rule_id}}
    body = world.body(host=None) | {named: ways[named]}
    assert problems(world.post(body, Cronofy_Impersonate=world.sub)) == {named: ["errors.invalid"]}


def test_a_foreign_host_is_as_unknown_as_a_missing_one(world: World, elsewhere: World) -> None:
    missing = world.post(world.body(host={"sub": "acc_" + "0" * 24}))
    foreign = world.post(world.body(host={"sub": elsewhere.sub}))
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)


def test_a_foreign_group_rule_is_as_unknown_as_a_missing_one(world: World, elsewhere: World) -> None:
    missing, foreign = (
        world.post(world.body(host=None, scheduler_group_rule={"id": each}))
        for each in ("sgr_" + "0" * 24, elsewhere.rule_id)
    )
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)


def test_nobody_is_impersonated_across_organisations(world: World, elsewhere: World) -> None:
    for sub in (elsewhere.sub, "acc_" + "0" * 24, "nonsense", "é"):
        answer = world.post(world.body(host=None), Cronofy_Impersonate=sub)
        assert (answer.status_code, answer.content) == (403, b"")
    assert not SchedulerRequest.everywhere.exists()


def test_the_id_of_another_kind_of_thing_is_not_a_host(world: World) -> None:
    assert problems(world.post(world.body(host={"sub": world.rule_id}))) == {"host.sub": ["errors.invalid"]}
