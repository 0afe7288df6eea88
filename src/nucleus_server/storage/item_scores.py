"""One item's scores in all evaluations: eight bytes of each."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nucleus_server.domain import ItemScore
from nucleus_server.storage import columns, schema
from nucleus_server.storage.base import from_micros
from nucleus_server.storage.score_sources import ScoreSourceRows


class ItemScoreRows(ScoreSourceRows):
    """The part of the workspace store that looks across evaluations for one item."""

    def list_item_scores(self, dataset_id: str, reference_id: str) -> list[ItemScore]:
        """Every score that the live item with this reference id has in an evaluation of a visible test, newest first.

        Of each evaluation only the eight bytes of this item's score are read.
        """
        item = self.get_item_by_reference(dataset_id, reference_id)
        with self._read() as connection:
            found: list[ItemScore] = []
            slices = connection.execute(
                sa.select(schema.slices.c.key, schema.slices.c.n_members).where(
                    schema.slices.c.workspace_key == self._workspace_key,
                    schema.slices.c.dataset_key == item.dataset_key,
                    sa.exists().where(schema.evaluations.c.slice_key == schema.slices.c.key),
                )
            )
            for part in slices.all():
                places = np.flatnonzero(self._ordinals(connection, part.key, part.n_members) == item.ordinal)
                if len(places):
                    found += self._scores_at(connection, part.key, int(places[0]))
        return sorted(found, key=lambda score: score.created_at, reverse=True)

    def _scores_at(self, connection: Connection, slice_key: int, place: int) -> list[ItemScore]:
        chunk, offset = divmod(place, columns.CHUNK)
        chunks, names = schema.evaluation_chunks, self._evaluation_select().subquery("shown")
        rows = connection.execute(
            sa.select(
                names.c.id,
                names.c.test_id,
                names.c.function_id,
                names.c.model_id,
                names.c.model_name,
                names.c.created_at,
                schema.scenario_tests.c.name.label("test_name"),
                schema.eval_functions.c.name.label("function_name"),
                sa.func.substr(chunks.c.data, 8 * offset + 1, 8).label("data"),
            )
            .join(chunks, chunks.c.evaluation_key == names.c.key)
            .join(schema.scenario_tests, schema.scenario_tests.c.key == names.c.test_key)
            .join(schema.eval_functions, schema.eval_functions.c.key == names.c.function_key)
            .where(
                names.c.slice_key == slice_key,
                names.c.n_members > place,
                schema.scenario_tests.c.hidden_at.is_(None),
                chunks.c.name == columns.SCORE,
                chunks.c.chunk == chunk,
            )
        )
        return [
            ItemScore(
                evaluation_id=row.id,
                test_id=row.test_id,
                test_name=row.test_name,
                function_id=row.function_id,
                function_name=row.function_name,
                model_id=row.model_id,
                model_name=row.model_name,
                score=score,
                created_at=from_micros(row.created_at),
            )
            for row in rows
            if not np.isnan(score := float(np.frombuffer(row.data, dtype="<f8")[0]))
        ]
