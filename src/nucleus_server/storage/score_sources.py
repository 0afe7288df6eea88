"""Scores that were uploaded already, which a test that came later can be filled from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nucleus_server.domain import EvaluationStatus, UploadStatus
from nucleus_server.storage import schema
from nucleus_server.storage.base import AnyRow, from_micros
from nucleus_server.storage.score_columns import ScoreColumnRows


@dataclass(frozen=True, slots=True)
class ScoreSource:
    """Scores of one model by one function that were uploaded already: a column, or the evaluation of another test.

    Attributes:
        column_key: The column's key; None if it is an evaluation.
        evaluation_id: The evaluation's id; None if it is a column.
        min_coverage: The share of a test's members that must have a score, in [0, 1].
    """

    function_id: str
    model_id: str
    upload_id: str | None
    uploaded_at: datetime
    min_coverage: float
    column_key: int | None = None
    evaluation_id: str | None = None


class ScoreSourceRows(ScoreColumnRows):
    """The part of the workspace store that finds scores for tests that came later."""

    def list_sources(self, test_id: str) -> list[ScoreSource]:
        """What was uploaded by the functions of this test on items of its dataset, for visible models, newest first."""
        with self._read() as connection:
            test = self._row_by_id(connection, schema.scenario_tests, test_id, "scenario test")
            found = [
                ScoreSource(
                    function_id=row.function_id,
                    model_id=row.model_id,
                    upload_id=row.upload_id,
                    uploaded_at=from_micros(row.created_at),
                    min_coverage=1.0 if row.column_key is None else row.min_coverage,
                    column_key=row.column_key,
                    evaluation_id=row.evaluation_id,
                )
                for query in (_column_sources(test), _evaluation_sources(test))
                for row in connection.execute(query)
            ]
        return sorted(found, key=lambda source: source.uploaded_at, reverse=True)


def _column_sources(test: AnyRow) -> sa.Select[Any]:
    column, uploads = schema.score_columns, schema.score_uploads
    dataset_key = sa.select(schema.slices.c.dataset_key).where(schema.slices.c.key == test.slice_key)
    return (
        sa.select(
            schema.eval_functions.c.id.label("function_id"),
            schema.models.c.id.label("model_id"),
            uploads.c.id.label("upload_id"),
            uploads.c.created_at,
            uploads.c.min_coverage,
            column.c.key.label("column_key"),
            sa.null().label("evaluation_id"),
        )
        .select_from(column)
        .join(uploads, uploads.c.key == column.c.upload_key)
        .join(schema.eval_functions, schema.eval_functions.c.key == column.c.function_key)
        .join(schema.models, schema.models.c.key == uploads.c.model_key)
        .join(schema.test_functions, schema.test_functions.c.function_key == column.c.function_key)
        .where(
            schema.test_functions.c.test_key == test.key,
            uploads.c.dataset_key == dataset_key.scalar_subquery(),
            uploads.c.status == UploadStatus.COMPLETED.value,
            schema.models.c.hidden_at.is_(None),
            schema.eval_functions.c.hidden_at.is_(None),
        )
    )


def _evaluation_sources(test: AnyRow) -> sa.Select[Any]:
    """Evaluations of other tests that came by uploads for those tests alone."""
    evaluation, links, uploads, slices = (
        schema.evaluations,
        schema.upload_evaluations,
        schema.score_uploads,
        schema.slices,
    )
    dataset_key = sa.select(slices.c.dataset_key).where(slices.c.key == test.slice_key)
    return (
        sa.select(
            schema.eval_functions.c.id.label("function_id"),
            schema.models.c.id.label("model_id"),
            uploads.c.id.label("upload_id"),
            evaluation.c.created_at,
            sa.null().label("min_coverage"),
            sa.null().label("column_key"),
            evaluation.c.id.label("evaluation_id"),
        )
        .select_from(evaluation)
        .join(slices, slices.c.key == evaluation.c.slice_key)
        .join(schema.eval_functions, schema.eval_functions.c.key == evaluation.c.function_key)
        .join(schema.models, schema.models.c.key == evaluation.c.model_key)
        .join(schema.test_functions, schema.test_functions.c.function_key == evaluation.c.function_key)
        .join(links, links.c.evaluation_key == evaluation.c.key, isouter=True)
        .join(uploads, uploads.c.key == links.c.upload_key, isouter=True)
        .where(
            schema.test_functions.c.test_key == test.key,
            slices.c.dataset_key == dataset_key.scalar_subquery(),
            evaluation.c.test_key != test.key,
            evaluation.c.status == EvaluationStatus.COMPLETED.value,
            evaluation.c.member_list_key.is_(None),
            sa.or_(uploads.c.key.is_(None), uploads.c.test_key == evaluation.c.test_key),
            schema.models.c.hidden_at.is_(None),
            schema.eval_functions.c.is_external,
            schema.eval_functions.c.hidden_at.is_(None),
        )
    )
