"""One item's scores in all evaluations: eight bytes of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import EvaluationStatus, EvaluationSummary, Item, ItemScore, SliceMember
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import from_micros
from nucleus_server.storage.kept_columns import Place
from nucleus_server.storage.score_sources import ScoreSourceRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IN_BATCH = 1_000
_VALUES = ("column1", "column2", "column3", "column4")  # as both databases call what VALUES makes
_Names = dict[int, tuple[str, str]]
"""Row key → public id and name."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemScoreColumns:
    """One item's score in every completed evaluation that has it among its members, newest evaluation first.

    As columns, because an item in a hundred tests of fifty models has five thousand.

    Attributes:
        evaluation_ids: [n] public ids.
        evaluation_keys, test_keys, function_keys, model_keys: int64 [n].
        created_at: int64 [n], microseconds since the epoch.
        scores: float64 [n], NaN where the evaluation has no score of it.
    """

    evaluation_ids: list[str]
    evaluation_keys: NDArray[np.int64]
    test_keys: NDArray[np.int64]
    function_keys: NDArray[np.int64]
    model_keys: NDArray[np.int64]
    created_at: NDArray[np.int64]
    scores: NDArray[np.float64]


class ItemScoreRows(ScoreSourceRows):
    """The part of the workspace store that looks across evaluations for one item."""

    def list_item_scores(self, dataset_id: str, reference_id: str) -> list[ItemScore]:
        """Every score that the live item with this reference id has in an evaluation of a visible test, newest first."""
        found = self.item_score_columns(self.get_item_by_reference(dataset_id, reference_id))
        with self._read() as connection:
            tests = self._names(connection, schema.scenario_tests)
            functions = self._names(connection, schema.eval_functions)
            models = self._names(connection, schema.models)
        keys = zip(found.test_keys.tolist(), found.function_keys.tolist(), found.model_keys.tolist(), strict=True)
        return [
            ItemScore(id_, *tests[test], *functions[function], *models[model], score, from_micros(created_at))
            for id_, (test, function, model), created_at, score in zip(
                found.evaluation_ids, keys, found.created_at.tolist(), found.scores.tolist(), strict=True
            )
            if score == score
        ]

    def item_score_columns(self, item: Item) -> ItemScoreColumns:
        """The item's score in every completed evaluation of a visible test whose members it is one of.

        Of each evaluation only the eight bytes of this item's score are read. Evaluations without a score of it are
        there too, so that an older score is not taken for the newest result.
        """
        rows: list[tuple[Any, ...]] = []
        with self._read() as connection:
            places = self._places(connection, item)
            for start in range(0, len(places), _IN_BATCH):
                found = connection.execute(self._scores_at(places[start : start + _IN_BATCH])).all()
                rows += map(tuple, found)
        rows.sort(key=lambda row: (row[1], row[2]), reverse=True)
        numbers = np.array([row[1:6] for row in rows], dtype=np.int64).reshape(-1, 5)
        return ItemScoreColumns(
            evaluation_ids=[row[0] for row in rows],
            evaluation_keys=numbers[:, 1],
            test_keys=numbers[:, 2],
            function_keys=numbers[:, 3],
            model_keys=numbers[:, 4],
            created_at=numbers[:, 0],
            scores=np.frombuffer(b"".join(row[6] for row in rows), dtype="<f8"),
        )

    def evaluation_summaries(self, evaluation_keys: Collection[int]) -> dict[int, EvaluationSummary]:
        """These completed evaluations by their keys."""
        table, models = schema.evaluations, schema.models
        names = ("key", "id", "test_key", "function_key", "model_key", "slice_key")
        numbers = ("n_members", "n_deleted", "n_scored", "result", "is_weighted")
        query = (
            sa.select(*(table.c[name] for name in (*names, *numbers)), models.c.id, models.c.name)
            .join(models, models.c.key == table.c.model_key)
            .where(table.c.workspace_key == self._workspace_key, table.c.status == EvaluationStatus.COMPLETED.value)
        )
        wanted = list(evaluation_keys)
        found = {}
        with self._read() as connection:
            for start in range(0, len(wanted), _IN_BATCH):
                some = query.where(table.c.key.in_(wanted[start : start + _IN_BATCH]))
                for (
                    *head,
                    n_members,
                    n_deleted,
                    n_scored,
                    result,
                    is_weighted,
                    model_id,
                    model_name,
                ) in connection.execute(some).all():
                    key, id_, test_key, function_key, model_key, slice_key = head
                    found[key] = EvaluationSummary(
                        key=key,
                        id=id_,
                        test_key=test_key,
                        function_key=function_key,
                        model_key=model_key,
                        model_id=model_id,
                        model_name=model_name,
                        status=EvaluationStatus.COMPLETED,
                        slice_key=slice_key,
                        n_members=n_members,
                        n_deleted=n_deleted,
                        n_scored=n_scored,
                        result=result,
                        is_weighted=is_weighted,
                    )
        return found

    def _places(self, connection: Connection, item: Item) -> list[tuple[int, int, int, int]]:
        """Where the item is: the slice's key, its place there, its chunk, and where its score begins there, from 1."""
        slices, table = schema.slices, schema.evaluations
        rows = connection.execute(
            sa.select(slices.c.key, slices.c.n_members).where(
                slices.c.workspace_key == self._workspace_key,
                slices.c.dataset_key == item.dataset_key,
                slices.c.member == SliceMember.ITEM.value,
                sa.exists().where(table.c.slice_key == slices.c.key),
            )
        ).all()
        places = []
        for slice_key, n_members in rows:
            place = Place(self._workspace_key, "ordinal", slice_key, n_members)
            ordinals = self._database.kept.get(place, lambda: self._ordinals(connection, slice_key, n_members))  # noqa: B023
            found = np.flatnonzero(ordinals == item.ordinal)
            if len(found):
                chunk, offset = divmod(int(found[0]), columns.CHUNK)
                places.append((slice_key, int(found[0]), chunk, 8 * offset + 1))
        return places

    def _scores_at(self, places: list[tuple[int, int, int, int]]) -> sa.Select[Any]:
        table, chunks, tests = schema.evaluations, schema.evaluation_chunks, schema.scenario_tests
        # As text: of a hundred places SQLAlchemy's own VALUES take longer to compile than the query takes to run.
        values = ", ".join(f"({a:d}, {b:d}, {c:d}, {d:d})" for a, b, c, d in places)
        where = sa.text(f"VALUES {values}").columns(*(sa.column(name, sa.Integer) for name in _VALUES)).cte("places")
        slice_key, place, chunk, start = (where.c[name] for name in _VALUES)
        return (
            sa.select(
                table.c.id,
                table.c.created_at,
                table.c.key,
                table.c.test_key,
                table.c.function_key,
                table.c.model_key,
                sa.func.substr(chunks.c.data, start, 8),
            )
            .select_from(where)
            .join(
                table,
                sa.and_(table.c.slice_key == slice_key, table.c.n_members > place, table.c.member_list_key.is_(None)),
            )
            .join(
                chunks,
                sa.and_(
                    chunks.c.evaluation_key == table.c.key,
                    chunks.c.name == columns.SCORE,
                    chunks.c.chunk == chunk,
                ),
            )
            .where(
                table.c.workspace_key == self._workspace_key,
                table.c.status == EvaluationStatus.COMPLETED.value,
                sa.exists().where(tests.c.key == table.c.test_key, tests.c.hidden_at.is_(None)),
            )
        )

    def _names(self, connection: Connection, table: sa.Table) -> _Names:
        """Of all rows of the workspace, hidden ones too."""
        rows = connection.execute(
            sa.select(table.c.key, table.c.id, table.c.name).where(table.c.workspace_key == self._workspace_key)
        ).all()
        return {key: (id_, name) for key, id_, name in rows}
