"""What decoding and id join cost within an upload of an official body: the application in this process, two parts of it timed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import phases
from benchmarks.clients.raw_upload import official_body
from benchmarks.seeding import seed_items
from nucleus_server.api import codec
from nucleus_server.services.reference_index import ReferenceIndex
from nucleus_server.storage import WorkspaceStore
from tests.support.api import running_api

_TRIES = 3


def split(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Seconds of CPU: `decode_s`, and `join_s` with the reading of the stored ids; the middle of three uploads each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'nucleus.db'}"
        with running_api(url, folder / "data") as api:
            dataset_id = api.client().create_dataset("split").id
        ids = Path(job["inputs"]) / "ids.txt"
        seed_items(folder / "nucleus.db", dataset_id, ids)
        decoding, reading, looking_up = (
            _Timed(codec, "decode_results"),
            _Timed(WorkspaceStore, "reference_ids"),
            _Timed(ReferenceIndex, "ordinals_of"),
        )
        with running_api(url, folder / "data") as api:
            client = api.client()
            members = client.get_dataset(dataset_id).create_slice("all", ids.read_text().split())
            function = client.validate.create_external_eval_function("split")
            test = client.validate.create_scenario_test("split", members.id, [function])
            named = {"test_id": test.id, "function_id": function.id, "slice_id": members.id}
            for timed in (decoding, reading, looking_up):
                timed.spent_s.clear()
            for i in range(_TRIES):
                model = client.create_model(f"split {i}", f"split {i}")
                response = api.post("validate/scenario_test/upload_results", official_body(job | named, model.id))
                assert response.status_code == 200, response.text
        return {"decode_s": decoding.middle(), "join_s": reading.middle() + looking_up.middle()}


class _Timed:
    """Notes down what each call of a function costs its thread."""

    def __init__(self, owner: Any, name: str) -> None:
        self.spent_s: list[float] = []
        function: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                self.spent_s.append(time.thread_time() - start)

        setattr(owner, name, timed)

    def middle(self) -> float:
        """The middle of what was noted, once for each upload."""
        assert len(self.spent_s) == _TRIES, f"expected one call an upload, got {len(self.spent_s)}"
        return sorted(self.spent_s)[_TRIES // 2]


if __name__ == "__main__":
    phases.run(split)
