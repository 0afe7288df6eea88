"""What a test's or a dataset's owner decides beside criteria: what blocks a release, tags, and what makes members alike."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import INHERITED, ClusterBy, ClusterChoice, Json, TestSettings
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, to_json
from nucleus_server.storage.criteria import CriterionRows


class TestSettingRows(CriterionRows):
    """The part of the workspace store that keeps settings of tests and the cluster keys of datasets."""

    def test_settings(self, test_id: str) -> TestSettings:
        """The settings in force."""
        with self._read() as connection:
            return self._settings(connection, test_id)

    def set_test_settings(
        self,
        test_id: str,
        *,
        is_blocking: bool | None = None,
        tags: Sequence[str] | None = None,
        cluster: ClusterChoice | None = None,
    ) -> TestSettings:
        """Change what is given, in one step; what is as it was leaves no entry in the audit log."""
        with self._write() as connection:
            test = self._owned_test(connection, test_id, "change its settings")
            before = self._settings(connection, test_id)
            after = TestSettings(
                test_id=test_id,
                is_blocking=before.is_blocking if is_blocking is None else is_blocking,
                tags=before.tags if tags is None else tuple(sorted(set(tags))),
                cluster=before.cluster if cluster is None else cluster,
            )
            if after == before:
                return before
            connection.execute(
                schema.scenario_tests.update()
                .where(schema.scenario_tests.c.key == test.key)
                .values(is_blocking=after.is_blocking, tags=to_json(after.tags))
            )
            if after.cluster != before.cluster:
                self._add_cluster_choice(connection, after.cluster, test_key=test.key)
            self._audit(
                connection, "scenario_test.set", test_id, {"before": _settings(before), "after": _settings(after)}
            )
            return after

    def cluster_choice(self, dataset_id: str) -> ClusterChoice:
        """What was set for the dataset; INHERIT if nothing was."""
        with self._read() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset")
            return self._cluster_choice(connection, schema.cluster_choices.c.dataset_key == dataset.key)

    def set_dataset_cluster(self, dataset_id: str, choice: ClusterChoice) -> ClusterChoice:
        """Set what makes members of the dataset alike; only its owner or an admin may."""
        with self._write() as connection:
            dataset = self._row_by_id(connection, schema.datasets, dataset_id, "dataset", lock=True)
            self._require_owner(dataset.owner_key, "dataset", "set its cluster key")
            before = self._cluster_choice(connection, schema.cluster_choices.c.dataset_key == dataset.key)
            if before != choice:
                self._add_cluster_choice(connection, choice, dataset_key=dataset.key)
                self._audit(
                    connection,
                    "dataset.set_cluster",
                    dataset_id,
                    {"before": _cluster(before), "after": _cluster(choice)},
                )
            return choice

    def cluster_choices(self) -> tuple[dict[int, ClusterChoice], dict[int, ClusterChoice]]:
        """What is set in the whole workspace: dataset key → choice, and test key → choice."""
        table = schema.cluster_choices
        newest = (
            sa.select(sa.func.max(table.c.key))
            .where(table.c.workspace_key == self._workspace_key)
            .group_by(table.c.dataset_key, table.c.test_key)
        )
        with self._read() as connection:
            rows = connection.execute(sa.select(table).where(table.c.key.in_(newest))).all()
        datasets = {row.dataset_key: _to_choice(row) for row in rows if row.dataset_key is not None}
        return datasets, {row.test_key: _to_choice(row) for row in rows if row.test_key is not None}

    def _settings(self, connection: Connection, test_id: str) -> TestSettings:
        test = self._test(connection, test_id)
        choice = self._cluster_choice(connection, schema.cluster_choices.c.test_key == test.key)
        return TestSettings(test_id, test.is_blocking, test.tags, choice)

    def _cluster_choice(self, connection: Connection, condition: sa.ColumnElement[bool]) -> ClusterChoice:
        table = schema.cluster_choices
        row = connection.execute(sa.select(table).where(condition).order_by(table.c.key.desc()).limit(1)).one_or_none()
        return INHERITED if row is None else _to_choice(row)

    def _add_cluster_choice(
        self,
        connection: Connection,
        choice: ClusterChoice,
        *,
        dataset_key: int | None = None,
        test_key: int | None = None,
    ) -> None:
        self._insert(
            connection,
            schema.cluster_choices,
            dataset_key=dataset_key,
            test_key=test_key,
            by=choice.by.value,
            metadata_key=choice.key,
            user_key=self.actor.user_key,
            created_at=self._now(),
        )


def _to_choice(row: AnyRow) -> ClusterChoice:
    return ClusterChoice(ClusterBy(row.by), row.metadata_key)


def _cluster(choice: ClusterChoice) -> Json:
    return {"by": choice.by.value, "key": choice.key}


def _settings(settings: TestSettings) -> Json:
    return {"is_blocking": settings.is_blocking, "tags": list(settings.tags), "cluster": _cluster(settings.cluster)}
