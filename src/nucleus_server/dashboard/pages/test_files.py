"""A scenario test as one file: what its page says, frozen, with its histories drawn."""

from __future__ import annotations

from datetime import datetime

from nucleus_server.dashboard.contexts import FileHistory, Frame, TestFile
from nucleus_server.dashboard.history_drawing import draw_history
from nucleus_server.dashboard.pages.exports import PATIENCE_S, imprint
from nucleus_server.dashboard.pages.histories import change_rows, history_chart
from nucleus_server.dashboard.pages.rules import power_part
from nucleus_server.dashboard.pages.scenario_tests import test_page
from nucleus_server.errors import Conflict
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.comparing import compare_with_baseline
from nucleus_server.services.result_history import result_history


def test_file(
    services: AppServices, ws: WorkspaceStore, frame: Frame, test_id: str, address: str, now: datetime
) -> TestFile:
    """The test as it is judged now, with all of its evaluations.

    Raises:
        Conflict: Intervals or verdicts are being computed: a file that is kept holds no half of an answer.
    """
    histories = [
        result_history(ws, test_id, entry.function.id, wait_s=PATIENCE_S) for entry in ws.list_test_functions(test_id)
    ]
    compared = compare_with_baseline(ws, test_id, wait_s=PATIENCE_S)
    n_missing = sum(len(history.points) - history.n_computed for history in histories)
    n_missing += sum(pair is None for pair in compared.values())
    if n_missing:
        raise Conflict(
            f"the test's file is not complete: {n_missing:,} intervals and verdicts are being computed. Ask for it again in a "
            "moment.",
            code="report_not_complete",
        )
    shown = []
    for history in histories:
        if history.points:
            chart = history_chart(history)
            shown.append(FileHistory(chart, draw_history(chart.spec), change_rows(history)))
    return TestFile(
        imprint=imprint(ws, f"{address}/tests/{test_id}", now),
        test=test_page(services, ws, frame, test_id, address, page_size=None),
        histories=tuple(shown),
        power=power_part(ws, test_id).power,
    )
