"""Every writing method of the workspace store as an action: what it needs first, and the call itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nucleus_server.domain import (
    ClusterBy,
    ClusterChoice,
    Comparison,
    Dataset,
    Direction,
    EvalFunction,
    Level,
    Mode,
    Model,
    NewItem,
    ReleaseStatus,
    Role,
    ScenarioTest,
    ScoreUpload,
    Slice,
    UploadPart,
    Waiver,
)
from nucleus_server.storage import LeasedJob, NewEvaluation, NewUpload, Store, UploadPlan, WorkspaceStore

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def new_items(*reference_ids: str) -> list[NewItem]:
    """Items by URL."""
    return [NewItem(ref, {"n": i}, location=f"https://example.com/{ref}.jpg") for i, ref in enumerate(reference_ids)]


@dataclass(frozen=True)
class World:
    """A small workspace: a dataset of six items, a slice of four, a model, a function and a test of them."""

    dataset: Dataset
    slice: Slice
    model: Model
    function: EvalFunction
    test: ScenarioTest


def make_world(ws: WorkspaceStore, name: str = "world") -> World:
    """Build one; the names of all its parts begin with `name`."""
    dataset = ws.create_dataset(f"{name}-dataset")
    ws.append_items(dataset.id, new_items("a", "b", "c", "d", "e", "f"), update=False)
    members = ws.create_slice(dataset.id, f"{name}-slice", reference_ids=["d", "a", "b", "c"])
    model = ws.create_model(f"{name}-model", f"{name}-model-ref")
    function = make_function(ws, f"{name}-function")
    test = ws.create_scenario_test(f"{name}-test", members.id, [(function.id, {})])
    return World(ws.get_dataset(dataset.id), members, model, function, test)


def make_function(ws: WorkspaceStore, name: str, direction: Direction = Direction.HIGHER_IS_BETTER) -> EvalFunction:
    """An external function on items with scores in [0, 1]."""
    return ws.create_eval_function(name, level=Level.ITEM, direction=direction, score_min=0.0, score_max=1.0)


def new_evaluation(world: World, scores: list[float], weights: list[float] | None = None) -> NewEvaluation:
    """Checked results for the world's slice, NaN where a member has none."""
    column = np.array(scores)
    used = np.ones(len(column)) if weights is None else np.array(weights)
    is_scored = ~np.isnan(column)
    weight_sum = float(used[is_scored].sum())
    return NewEvaluation(
        test_id=world.test.id,
        function_id=world.function.id,
        model_id=world.model.id,
        level=Level.ITEM,
        n_members=len(column),
        n_deleted=0,
        n_scored=int(is_scored.sum()),
        result=float((column * used)[is_scored].sum() / weight_sum),
        weight_sum=weight_sum,
        scores=column,
        weights=None if weights is None else used,
    )


Action = Callable[[WorkspaceStore], Callable[[WorkspaceStore], object]]
"""Prepares as an admin, and returns the call to make as whoever is tested."""


def _update_items(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    return lambda w: w.append_items(world.dataset.id, new_items("x", "a", "x"), update=True, as_job=True)


def _append_signed(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    ws.put_signed_upload(world.dataset.id, "request", "0" * 64, 10, LATER)
    return lambda w: w.append_items(
        world.dataset.id, new_items("x"), update=False, as_job=True, signed_request_id="request"
    )


def _delete_local_item(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    ws.add_media("1" * 64, 10, "image/png")
    ws.append_items(world.dataset.id, [NewItem("local", {}, media_digest="1" * 64)], update=False)
    return lambda w: w.delete_item(world.dataset.id, "local")


def _set_baseline(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
    return lambda w: w.set_baseline_model(world.test.id, world.model.id)


def _revoke_key(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    key = ws.create_key("spare", digest=b"spare", hint="nv_s")
    return lambda w: w.revoke_key(key.id)


def _set_role(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    user = ws.create_user("new", Role.MEMBER)
    return lambda w: w.set_user_role(user.id, Role.VIEWER)


def _add_function(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world, second = make_world(ws), make_function(ws, "second")
    return lambda w: w.add_test_function(world.test.id, second.id)


def _delete_evaluated(ws: WorkspaceStore, what: str) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
    calls: dict[str, Callable[[WorkspaceStore], object]] = {
        "test": lambda w: w.delete_scenario_test(world.test.id),
        "slice": lambda w: w.delete_slice(world.slice.id),
        "model": lambda w: w.delete_model(world.model.id),
        "function": lambda w: w.delete_eval_function(world.function.id),
        "dataset": lambda w: w.delete_dataset(world.dataset.id),
    }
    return calls[what]


def _delete_unused(ws: WorkspaceStore, what: str) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    if what == "test":
        ws.set_threshold(world.test.id, world.function.id, 0.5)
        return lambda w: w.delete_scenario_test(world.test.id)
    if what == "slice":
        unused = ws.create_slice(world.dataset.id, "unused", reference_ids=["a"])
        return lambda w: w.delete_slice(unused.id)
    model = ws.create_model("unused", "unused")
    return lambda w: w.delete_model(model.id)


FIRST_PART = "a" * 64


def make_plan(world: World, **changes: Any) -> UploadPlan:
    """An upload of the world's model by its function, for the whole dataset unless `test_id` is given."""
    return UploadPlan(world.dataset.id, world.model.id, (world.function.id,), **changes)


def committed_upload(ws: WorkspaceStore, world: World, *, fence: int = 7, **changes: Any) -> ScoreUpload:
    """A staged upload of one part that a worker has taken up."""
    upload, _ = ws.begin_upload(make_plan(world, **changes), FIRST_PART)
    ws.put_upload_part(upload.id, UploadPart(0, FIRST_PART, 10, 6))
    ws.commit_upload(upload.id, 1, hashlib.sha256(FIRST_PART.encode()).hexdigest())
    ws.retry_upload(upload.id, fence)
    return ws.get_upload(upload.id)


def _staged(ws: WorkspaceStore, what: str) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    upload, _ = ws.begin_upload(make_plan(world), FIRST_PART)
    part = UploadPart(0, FIRST_PART, 10, 6)
    if what == "put":
        return lambda w: w.put_upload_part(upload.id, part)
    ws.put_upload_part(upload.id, part)
    ws.put_upload_part(upload.id, UploadPart(1, "b" * 64, 10, 6))  # of a longer upload that was interrupted
    if what == "give up":
        return lambda w: w.give_up_upload(upload.id)
    return lambda w: w.commit_upload(upload.id, 1, hashlib.sha256(FIRST_PART.encode()).hexdigest())


def _committed(ws: WorkspaceStore, what: str) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    upload = committed_upload(ws, world)
    calls: dict[str, Callable[[WorkspaceStore], object]] = {
        "retry": lambda w: w.retry_upload(upload.id, 8),
        "reject": lambda w: w.reject_upload(upload.id),
        "dry run": lambda w: w.finish_dry_run(upload.id, {"a": 1}),
    }
    return calls[what]


def _cancel(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    upload = committed_upload(ws, make_world(ws))
    assert upload.job_id is not None
    job_id = upload.job_id
    return lambda w: w.cancel_job(job_id)


def _fill(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    upload = ws.open_upload(make_plan(world), 4)
    return lambda w: w.fill_evaluation(new_evaluation(world, [1, 0, 1, 1]), upload.id, upload.created_at)


BY_DRIVE = ClusterChoice(ClusterBy.METADATA, "drive")


def make_waiver(ws: WorkspaceStore, world: World, model_id: str | None = None) -> Waiver:
    """A waiver of the world's function on its test."""
    return ws.create_waiver(
        world.test.id, world.function.id, model_id=model_id, reason="known", owner="Ada", expires_at=LATER
    )


def _release(ws: WorkspaceStore, what: str) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    release = ws.create_release("new", world.model.id, {"test_ids": [world.test.id]})
    snapshot = [{"test_id": world.test.id}]
    if what == "decide":
        return lambda w: w.decide_release(release.id, ReleaseStatus.REJECTED, "no", report={}, snapshot=snapshot)
    ws.decide_release(release.id, ReleaseStatus.APPROVED, "", report={}, snapshot=snapshot)
    return lambda w: w.promote_release(release.id, [world.test.id])


def _grow_evaluated_slice(ws: WorkspaceStore) -> Callable[[WorkspaceStore], object]:
    world = make_world(ws)
    ws.record_evaluation(new_evaluation(world, [1, 0, 1, 1]))
    return lambda w: w.append_to_slice(world.slice.id, ["e", "a"])


ACTIONS: dict[str, Action] = {
    "create_dataset": lambda ws: lambda w: w.create_dataset("new", item_metadata_schema={"type": "object"}),
    "delete_dataset": lambda ws: _delete_evaluated(ws, "dataset"),
    "append_items": _update_items,
    "append_items signed": _append_signed,
    "delete_item": _delete_local_item,
    "add_media": lambda ws: lambda w: w.add_media("2" * 64, 10, "image/png"),
    "put_signed_upload": lambda ws: (
        lambda world: lambda w: w.put_signed_upload(world.dataset.id, "request", "0" * 64, 10, LATER)
    )(make_world(ws)),
    "create_slice": lambda ws: (
        lambda world: lambda w: w.create_slice(world.dataset.id, "new", reference_ids=["b", "a", "b"])
    )(make_world(ws)),
    "create_slice by ordinals": lambda ws: (
        lambda world: lambda w: w.create_slice(world.dataset.id, "new", ordinals=np.array([4, 1]))
    )(make_world(ws)),
    "append_to_slice evaluated": _grow_evaluated_slice,
    "append_to_slice": lambda ws: (lambda world: lambda w: w.append_to_slice(world.slice.id, ["e", "a"]))(
        make_world(ws)
    ),
    "delete_slice": lambda ws: _delete_evaluated(ws, "slice"),
    "delete_slice unused": lambda ws: _delete_unused(ws, "slice"),
    "create_model": lambda ws: lambda w: w.create_model("new", "new", metadata={"a": [1]}, tags=["t"]),
    "delete_model": lambda ws: _delete_evaluated(ws, "model"),
    "delete_model unused": lambda ws: _delete_unused(ws, "model"),
    "create_eval_function": lambda ws: lambda w: make_function(w, "new"),
    "delete_eval_function": lambda ws: _delete_evaluated(ws, "function"),
    "create_scenario_test": lambda ws: (
        lambda world: lambda w: w.create_scenario_test("new", world.slice.id, [(world.function.id, {"a": 1})])
    )(make_world(ws)),
    "delete_scenario_test": lambda ws: _delete_evaluated(ws, "test"),
    "delete_scenario_test unused": lambda ws: _delete_unused(ws, "test"),
    "add_test_function": _add_function,
    "set_threshold": lambda ws: (
        lambda world: lambda w: w.set_threshold(world.test.id, world.function.id, 0.5, Comparison.GREATER_THAN)
    )(make_world(ws)),
    "set_baseline_model": _set_baseline,
    "record_evaluation": lambda ws: (
        lambda world: lambda w: w.record_evaluation(new_evaluation(world, [1, 0, float("nan"), 1], [1, 0.5, 1, 0]))
    )(make_world(ws)),
    "record_evaluation with its upload": lambda ws: (
        lambda world: lambda w: w.record_evaluation(new_evaluation(world, [1, 0, 1, 1]), NewUpload(4, {"a": 1}))
    )(make_world(ws)),
    "fill_evaluation": _fill,
    "set_eval_function_properties": lambda ws: (
        lambda world: (
            lambda w: w.set_eval_function_properties(world.function.id, score_range=(0.0, 5.0), texts={"unit": "m"})
        )
    )(make_world(ws)),
    "begin_upload": lambda ws: (lambda world: lambda w: w.begin_upload(make_plan(world), FIRST_PART))(make_world(ws)),
    "put_upload_part": lambda ws: _staged(ws, "put"),
    "commit_upload": lambda ws: _staged(ws, "commit"),
    "give_up_upload": lambda ws: _staged(ws, "give up"),
    "reject_upload": lambda ws: _committed(ws, "reject"),
    "retry_upload": lambda ws: _committed(ws, "retry"),
    "finish_dry_run": lambda ws: _committed(ws, "dry run"),
    "keep_rejected": lambda ws: (
        lambda world: lambda w: w.keep_rejected(make_plan(world), UploadPart(0, FIRST_PART, 10, 6))
    )(make_world(ws)),
    "open_upload": lambda ws: (lambda world: lambda w: w.open_upload(make_plan(world), 6))(make_world(ws)),
    "set_criterion": lambda ws: (
        lambda world: lambda w: w.set_criterion(world.test.id, world.function.id, mode=Mode.NON_INFERIOR, margin=0.1)
    )(make_world(ws)),
    "set_test_settings": lambda ws: (
        lambda world: lambda w: w.set_test_settings(world.test.id, is_blocking=True, tags=["b", "a"], cluster=BY_DRIVE)
    )(make_world(ws)),
    "set_dataset_cluster": lambda ws: (lambda world: lambda w: w.set_dataset_cluster(world.dataset.id, BY_DRIVE))(
        make_world(ws)
    ),
    "create_release": lambda ws: (
        lambda world: lambda w: w.create_release("new", world.model.id, {"test_ids": [world.test.id]})
    )(make_world(ws)),
    "decide_release": lambda ws: _release(ws, "decide"),
    "promote_release": lambda ws: _release(ws, "promote"),
    "create_waiver": lambda ws: (lambda world: lambda w: make_waiver(w, world))(make_world(ws)),
    "revoke_waiver": lambda ws: (lambda waiver: lambda w: w.revoke_waiver(waiver.id))(make_waiver(ws, make_world(ws))),
    "cancel_job": lambda ws: _cancel(ws),
    "create_user": lambda ws: lambda w: w.create_user("new", Role.MEMBER),
    "set_user_role": _set_role,
    "set_user_active": lambda ws: (lambda user: lambda w: w.set_user_active(user.id, False))(
        ws.create_user("out", Role.MEMBER)
    ),
    "rename_workspace": lambda ws: lambda w: w.rename_workspace("renamed"),
    "create_key": lambda ws: lambda w: w.create_key("new", digest=b"new", hint="nv_n"),
    "revoke_key": _revoke_key,
}


StoreAction = Callable[[Store, WorkspaceStore], Callable[[], object]]
"""Prepares, and returns a call that writes outside of any workspace's store."""


def _leased(store: Store, ws: WorkspaceStore) -> LeasedJob:
    ws.delete_dataset(ws.create_dataset("d").id)
    job = store.jobs.lease(lease_s=60)
    assert job is not None
    return job


def _redeem(store: Store, ws: WorkspaceStore) -> Callable[[], object]:
    store.add_login_link(b"link", ws.actor.user_id, LATER)
    return lambda: store.redeem_login_link(b"link")


def _lease(store: Store, ws: WorkspaceStore) -> Callable[[], object]:
    ws.delete_dataset(ws.create_dataset("d").id)
    return lambda: store.jobs.lease(lease_s=60)


def _sweep(store: Store, ws: WorkspaceStore) -> Callable[[], object]:
    dataset = ws.create_dataset("d")
    ws.put_signed_upload(dataset.id, "r", "3" * 64, 10, datetime(2000, 1, 1, tzinfo=UTC))
    ws.put_signed_upload(dataset.id, "s", "4" * 64, 10, datetime(2000, 1, 1, tzinfo=UTC))
    return lambda: store.jobs.sweep_media(lambda workspace_id, digest: None)


def _ensure_admin(store: Store, ws: WorkspaceStore) -> Callable[[], object]:
    workspace = store.find_workspace("default")
    assert workspace is not None
    return lambda: store.ensure_admin(workspace, "second", key_digest=b"second", hint="nv_", key_name="k")


STORE_ACTIONS: dict[str, StoreAction] = {
    "create_workspace": lambda store, ws: lambda: store.create_workspace("new"),
    "ensure_admin": _ensure_admin,
    "touch_key": lambda store, ws: lambda: store.touch_key(ws.list_keys()[0].id),
    "add_login_link": lambda store, ws: lambda: store.add_login_link(b"new", ws.actor.user_id, LATER),
    "redeem_login_link": _redeem,
    "jobs.lease": _lease,
    "jobs.finish": lambda store, ws: (lambda job: lambda: store.jobs.finish(job, {"a": 1}))(_leased(store, ws)),
    "jobs.fail": lambda store, ws: (lambda job: lambda: store.jobs.fail(job, "why"))(_leased(store, ws)),
    "jobs.sweep_media": _sweep,
}
