"""Releases with their decisions, and waivers."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import JobType, Json, Release, ReleaseStatus, UploadStatus, Waiver
from nucleus_server.errors import Conflict, InvalidInput
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros, optional_moment, to_json, to_micros
from nucleus_server.storage.ids import new_id
from nucleus_server.storage.matrix import MatrixRows


class ReleaseRows(MatrixRows):
    """The part of the workspace store that keeps releases and waivers."""

    def create_release(self, name: str, model_id: str, options: Json) -> Release:
        """Ask whether a model may be released."""
        release_id = new_id("rel")
        with self._write() as connection:
            model = self._row_by_id(connection, schema.models, model_id, "model")
            self._insert(
                connection,
                schema.releases,
                id=release_id,
                name=name,
                model_key=model.key,
                status=ReleaseStatus.OPEN.value,
                options=to_json(options),
                user_key=self.actor.user_key,
                created_at=self._now(),
            )
            self._audit(connection, "release.create", release_id, {"name": name, "model": model_id})
            return self._release(connection, release_id)

    def get_release(self, release_id: str) -> Release:
        """The release with this id."""
        with self._read() as connection:
            return self._release(connection, release_id)

    def list_releases(self, *, status: ReleaseStatus | None = None, limit: int = 100) -> list[Release]:
        """Releases, newest first, without their reports and snapshots."""
        table = schema.releases
        query = _release_select(self._workspace_key).order_by(table.c.key.desc()).limit(limit)
        if status is not None:
            query = query.where(table.c.status == status.value)
        with self._read() as connection:
            return [_to_release(row, with_report=False) for row in connection.execute(query)]

    def find_decided_release(self, *, before: Release | None = None, is_approved: bool = False) -> Release | None:
        """The release that was decided (or approved) last, before another one was if that is given; None if none was."""
        table = schema.releases
        decided = [ReleaseStatus.APPROVED] if is_approved else [ReleaseStatus.APPROVED, ReleaseStatus.REJECTED]
        query = _release_select(self._workspace_key).where(table.c.status.in_([status.value for status in decided]))
        if before is not None:
            query = query.where(table.c.key != before.key)
            if before.decided_at is not None:
                query = query.where(table.c.decided_at < to_micros(before.decided_at))
        with self._read() as connection:
            row = connection.execute(
                query.order_by(table.c.decided_at.desc(), table.c.key.desc()).limit(1)
            ).one_or_none()
            return None if row is None else _to_release(row)

    def count_running_uploads(self, test_ids: Collection[str], model_ids: Collection[str]) -> int:
        """Uploads of scores of these models that are being stored, and fillings of these tests that are not done."""
        uploads, jobs = schema.score_uploads, schema.jobs
        with self._read() as connection:
            n_uploads: int = connection.execute(
                sa.select(sa.func.count())
                .select_from(uploads)
                .join(schema.models, schema.models.c.key == uploads.c.model_key)
                .where(
                    uploads.c.workspace_key == self._workspace_key,
                    uploads.c.status == UploadStatus.COMMITTING.value,
                    uploads.c.is_dry_run.is_(False),
                    schema.models.c.id.in_(model_ids),
                )
            ).scalar_one()
            payloads = connection.execute(
                sa.select(jobs.c.payload).where(
                    jobs.c.workspace_key == self._workspace_key,
                    jobs.c.finished_at.is_(None),
                    jobs.c.type == JobType.FILL_SCENARIO_TEST.value,
                )
            ).scalars()
            return n_uploads + sum(json.loads(payload)["test_id"] in test_ids for payload in payloads)

    def last_approved_models(self) -> dict[str, str]:
        """Test id → id of the model of the newest approved release whose suite holds the test."""
        table = schema.releases
        query = (
            _release_select(self._workspace_key)
            .where(table.c.status == ReleaseStatus.APPROVED.value, schema.models.c.hidden_at.is_(None))
            .order_by(table.c.decided_at, table.c.key)
        )
        found: dict[str, str] = {}
        with self._read() as connection:
            for row in connection.execute(query):
                found.update(dict.fromkeys(json.loads(row.options)["test_ids"], row.model_id))
        return found

    def decide_release(
        self, release_id: str, status: ReleaseStatus, note: str, *, report: Json, snapshot: Sequence[Json]
    ) -> Release:
        """Approve or reject an open release, for good, and freeze what the decision was made on."""
        table = schema.releases
        with self._write() as connection:
            release = self._row_by_id(connection, table, release_id, "release", lock=True)
            if release.status != ReleaseStatus.OPEN.value:
                raise Conflict(
                    f"release {release.name!r} was {release.status} already: a decision is final; create another release",
                    code="release_decided",
                )
            connection.execute(
                table.update()
                .where(table.c.key == release.key)
                .values(
                    status=status.value,
                    note=note,
                    report=to_json(report),
                    snapshot=to_json(list(snapshot)),
                    decided_by_key=self.actor.user_key,
                    decided_at=self._now(),
                )
            )
            self._audit(connection, f"release.{status.value}", release_id, {"name": release.name, "note": note})
            return self._release(connection, release_id)

    def promote_release(self, release_id: str, test_ids: Sequence[str]) -> Release:
        """Make the model of an approved release the baseline of these tests, all of them or none.

        Raises:
            Conflict: The release is not approved.
            PermissionDenied: A test belongs to somebody else; only an admin may promote over all of them.
        """
        table = schema.releases
        with self._write() as connection:
            release = self._row_by_id(connection, table, release_id, "release", lock=True)
            if release.status != ReleaseStatus.APPROVED.value:
                raise Conflict(
                    f"expected an approved release, got one that is {release.status}: approve it first",
                    code="release_not_approved",
                )
            before = {}
            for test_id in test_ids:
                row = self._owned_test(connection, test_id, "change its baseline")
                before[test_id] = self._test(connection, test_id).baseline_model_id
                self._insert(
                    connection,
                    schema.baselines,
                    test_key=row.key,
                    model_key=release.model_key,
                    user_key=self.actor.user_key,
                    created_at=self._now(),
                )
            connection.execute(table.update().where(table.c.key == release.key).values(promoted_at=self._now()))
            self._audit(connection, "release.promote", release_id, {"name": release.name, "baselines_before": before})
            return self._release(connection, release_id)

    def create_waiver(
        self,
        test_id: str,
        function_id: str,
        *,
        model_id: str | None,
        reason: str,
        owner: str,
        expires_at: datetime,
    ) -> Waiver:
        """Accept a known regression of one model, or of any, until the moment given, which lies ahead."""
        waiver_id = new_id("wv")
        with self._write() as connection:
            if to_micros(expires_at) <= self._now():
                raise InvalidInput(
                    f"expected a waiver to expire in the future, got {expires_at.isoformat()}", code="waiver_expired"
                )
            test = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
            entry = self._test_function(connection, test.key, test_id, function_id)
            model_key = None
            if model_id is not None:
                model_key = self._row_by_id(connection, schema.models, model_id, "model").key
            self._insert(
                connection,
                schema.waivers,
                id=waiver_id,
                test_key=test.key,
                function_key=entry.function.key,
                model_key=model_key,
                reason=reason,
                owner=owner,
                expires_at=to_micros(expires_at),
                user_key=self.actor.user_key,
                created_at=self._now(),
            )
            self._audit(
                connection,
                "waiver.create",
                waiver_id,
                {
                    "test": test_id,
                    "function": function_id,
                    "model": model_id,
                    "reason": reason,
                    "owner": owner,
                    "expires_at": expires_at.isoformat(),
                },
            )
            return self._waiver(connection, waiver_id)

    def revoke_waiver(self, waiver_id: str) -> Waiver:
        """End a waiver before it expires; revoking it again changes nothing."""
        table = schema.waivers
        with self._write() as connection:
            row = self._row_by_id(connection, table, waiver_id, "waiver", lock=True)
            if row.revoked_at is None:
                connection.execute(
                    table.update()
                    .where(table.c.key == row.key)
                    .values(revoked_at=self._now(), revoked_by_key=self.actor.user_key)
                )
                self._audit(connection, "waiver.revoke", waiver_id)
            return self._waiver(connection, waiver_id)

    def list_waivers(self, *, is_active: bool | None = None) -> list[Waiver]:
        """Waivers of tests that were not deleted, newest first; `is_active` limits them to those in force, or not."""
        query = _waiver_select(self._workspace_key).order_by(schema.waivers.c.key.desc())
        with self._read() as connection:
            found = [_to_waiver(row, self._now()) for row in connection.execute(query)]
        return [w for w in found if is_active is None or (w.status == "active") is is_active]

    def _release(self, connection: Connection, release_id: str) -> Release:
        self._row_by_id(connection, schema.releases, release_id, "release")
        return _to_release(
            connection.execute(_release_select(self._workspace_key).where(schema.releases.c.id == release_id)).one()
        )

    def _waiver(self, connection: Connection, waiver_id: str) -> Waiver:
        row = connection.execute(
            _waiver_select(self._workspace_key, with_hidden=True).where(schema.waivers.c.id == waiver_id)
        ).one()
        return _to_waiver(row, self._now())


def _release_select(workspace_key: int) -> sa.Select[Any]:
    deciders = schema.users.alias("deciders")
    return (
        sa.select(
            schema.releases,
            schema.models.c.id.label("model_id"),
            schema.models.c.name.label("model_name"),
            schema.users.c.name.label("user_name"),
            deciders.c.name.label("decided_by"),
        )
        .join(schema.models, schema.models.c.key == schema.releases.c.model_key)
        .join(schema.users, schema.users.c.key == schema.releases.c.user_key)
        .join(deciders, deciders.c.key == schema.releases.c.decided_by_key, isouter=True)
        .where(schema.releases.c.workspace_key == workspace_key)
    )


def _to_release(row: AnyRow, *, with_report: bool = True) -> Release:
    return Release(
        key=row.key,
        id=row.id,
        name=row.name,
        model_id=row.model_id,
        model_name=row.model_name,
        status=ReleaseStatus(row.status),
        options=json.loads(row.options),
        snapshot=json.loads(row.snapshot) if with_report and row.snapshot is not None else None,
        report=json.loads(row.report) if with_report and row.report is not None else None,
        user_name=row.user_name,
        created_at=from_micros(row.created_at),
        decided_by=row.decided_by,
        decided_at=optional_moment(row.decided_at),
        note=row.note,
        promoted_at=optional_moment(row.promoted_at),
    )


def _waiver_select(workspace_key: int, *, with_hidden: bool = False) -> sa.Select[Any]:
    table, tests = schema.waivers, schema.scenario_tests
    query = (
        sa.select(
            table,
            tests.c.id.label("test_id"),
            tests.c.name.label("test_name"),
            schema.eval_functions.c.id.label("function_id"),
            schema.eval_functions.c.name.label("function_name"),
            schema.models.c.id.label("model_id"),
            schema.models.c.name.label("model_name"),
            schema.users.c.name.label("user_name"),
        )
        .join(tests, tests.c.key == table.c.test_key)
        .join(schema.eval_functions, schema.eval_functions.c.key == table.c.function_key)
        .join(schema.models, schema.models.c.key == table.c.model_key, isouter=True)
        .join(schema.users, schema.users.c.key == table.c.user_key)
        .where(table.c.workspace_key == workspace_key)
    )
    return query if with_hidden else query.where(tests.c.hidden_at.is_(None))


def _to_waiver(row: AnyRow, now: int) -> Waiver:
    status = "active" if row.expires_at > now else "expired"
    return Waiver(
        key=row.key,
        id=row.id,
        test_key=row.test_key,
        test_id=row.test_id,
        test_name=row.test_name,
        function_key=row.function_key,
        function_id=row.function_id,
        function_name=row.function_name,
        model_key=row.model_key,
        model_id=row.model_id,
        model_name=row.model_name,
        reason=row.reason,
        owner=row.owner,
        expires_at=from_micros(row.expires_at),
        status=status if row.revoked_at is None else "revoked",
        user_name=row.user_name,
        created_at=from_micros(row.created_at),
    )
