"""What the server's decoding of an official body and its id join cost, the server's own functions called in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from benchmarks import phases
from benchmarks.clients import columns
from benchmarks.clients.raw_upload import official_body
from nucleus_server.api import codec
from nucleus_server.services.reference_index import ReferenceIndex
from nucleus_server.storage.columns import CHUNK, pack_texts, unpack_texts


def split(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Seconds of CPU of the decoder and of the join, stored ids included; the middle of three tries."""
    body = official_body(job, "model")
    stored = pl.Series(columns.reference_ids(job), dtype=pl.String)
    chunks = [pack_texts(stored.slice(start, CHUNK)) for start in range(0, len(stored), CHUNK)]
    sent = codec.decode_results(body, lambda level: None).reference_ids

    def join() -> None:
        found = ReferenceIndex(unpack_texts(chunks)).ordinals_of(
            pl.Series(sent, dtype=pl.String), np.arange(len(sent), dtype=np.int64)
        )
        assert (found == np.arange(len(sent))).all()

    return {"decode_s": _cpu_s(lambda: codec.decode_results(body, lambda level: None)), "join_s": _cpu_s(join)}


def _cpu_s(work: Callable[[], object]) -> float:
    tries = []
    for _ in range(3):
        start = time.process_time()
        work()
        tries.append(time.process_time() - start)
    return sorted(tries)[1]


if __name__ == "__main__":
    phases.run(split)
