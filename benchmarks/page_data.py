"""What the pages show, and the pages: a test of all items of a fixture, a suite of many tests, a long history, much work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

import nucleus
from benchmarks.bench import Bench
from benchmarks.items import Fixture
from benchmarks.seeding import seed_work
from benchmarks.server import Serving, Store

_SHARED = 10
"""Items that every test of the suite has."""


class Sizes(NamedTuple):
    """How many tests, models, items, evaluations of one test, and jobs and entries of the audit log each."""

    n_tests: int
    n_models: int
    n_items: int
    n_evaluations: int
    n_work: int


def sizes(bench: Bench) -> Sizes:
    """Of the suite."""
    return Sizes(10, 5, 1_000, 20, 300) if bench.is_quick else Sizes(100, 50, 10_000, 1_000, 3_000)


@dataclass(frozen=True)
class Visit:
    """A page, or a part of one that htmx asks for.

    Attributes:
        way: Which page, for people.
        part: The id of the element that htmx asks for; empty for whole pages.
        is_painted: Whether a browser measures its first paint too.
    """

    way: str
    path: str
    part: str = ""
    is_painted: bool = False


def pages_of_many_items(bench: Bench, serving: Serving, fixture: Fixture) -> list[Visit]:
    """Three models on one test of all the fixture's items, with weights, and what is shown of them."""
    client = serving.client()
    dataset = client.get_dataset(fixture.dataset_id)
    function = client.validate.create_external_eval_function("shown")
    test = client.validate.create_scenario_test("shown", fixture.slice_id, [function])
    folder = bench.inputs(fixture.n)
    ids = (folder / "ids.txt").read_text().split()
    scores, weights = np.load(folder / "scores.npy"), np.load(folder / "weights.npy")
    models = []
    for place in range(3):
        models.append(client.create_model(f"shown {place}", f"shown-{place}"))
        changed = np.clip(scores + np.random.default_rng(place).normal(0.001 * place, 0.05, fixture.n), 0, 1)
        table = pl.DataFrame({"item_ref_id": ids, "score": changed, "weight": weights})
        dataset.upload_scores({function: "score"}, models[-1], table, weight="weight")
    test.get_eval_functions()[0].set_threshold(0.5)
    test.set_baseline_model(models[0].id)
    half = dataset.create_slice("half", ids[: fixture.n // 2])
    baseline, candidate, _ = (evaluation.id for evaluation in test.get_eval_history())
    evaluation, compare = f"/evaluations/{candidate}", f"/compare/{baseline}/{candidate}"
    several = f"/tests/{test.id}/compare?baseline={models[0].id}&models={models[1].id},{models[2].id}"
    return [
        Visit("evaluation, worst first", evaluation, is_painted=True),
        Visit("evaluation, page 1000 of the worst", f"{evaluation}?page=1000"),
        Visit("evaluation, by reference id", f"{evaluation}?order=a-z"),
        Visit("evaluation, scores from 0.4 to 0.6", f"{evaluation}?min=0.4&max=0.6"),
        Visit("evaluation, items of one metadata value", f"{evaluation}?where=group%3D3"),
        Visit("evaluation, part of a reference id", f"{evaluation}?id=ab12"),
        Visit("evaluation, broken down by a metadata key", f"{evaluation}?by=group"),
        Visit("evaluation, the list alone", f"{evaluation}?order=best", "items"),
        Visit("comparison of two", compare),
        Visit("comparison of two, its list alone", f"{compare}?sort=against", "items"),
        Visit("comparison of two, scores of both", f"{compare}/scatter", "scatter"),
        Visit("comparison of two, metadata that moved", f"{compare}/moved", "moved"),
        Visit("comparison of two, by a metadata key", f"{compare}?by=group"),
        Visit("comparison of three", several),
        Visit("test", f"/tests/{test.id}"),
        Visit("dataset", f"/datasets/{dataset.id}"),
        Visit("metadata of a dataset", f"/datasets/{dataset.id}/metadata"),
        Visit("slice", f"/slices/{fixture.slice_id}"),
        Visit("difference of two slices", f"/slices/{half.id}/difference?with={fixture.slice_id}"),
        Visit("item", _item_path(dataset, ids[7])),
    ]


def pages_of_many_tests(bench: Bench, store: Store, serving: Serving) -> list[Visit]:
    """A suite of tests with models, of which one has many evaluations, jobs, and an audit log."""
    n_tests, n_models, n_items, n_long, n_work = sizes(bench)
    client = serving.client()
    ids = (bench.inputs(n_items) / "ids.txt").read_text().split()
    dataset = client.create_dataset("suite")
    dataset.append({"reference_id": ids, "place": list(range(n_items)), "group": [i % 7 for i in range(n_items)]})
    function = client.validate.create_external_eval_function("suite")
    shared, own = ids[:_SHARED], (n_items - _SHARED) // n_tests
    tests = []
    for i in range(n_tests):
        first = _SHARED + i * own
        members = dataset.create_slice(f"slice {i}", shared + ids[first : first + own])
        tests.append(client.validate.create_scenario_test(f"test {i}", members.id, [function]))
        tests[-1].get_eval_functions()[0].set_threshold(0.5)
        tests[-1].set_tags([f"tag {i % 5}"])
    models = []
    for i in range(n_models):
        models.append(client.create_model(f"model {i}", f"model-{i}"))
        scores = np.random.default_rng(i).uniform(0.3, 0.71, n_items)
        dataset.upload_scores({function: "score"}, models[-1], pl.DataFrame({"item_ref_id": ids, "score": scores}))
    for test in tests:
        test.set_baseline_model(models[0].id)
    release = client.validate.create_release("release 1", models[-1], models[0])
    long = client.validate.create_external_eval_function("long")
    members = dataset.create_slice("long", ids[:200])
    history = client.validate.create_scenario_test("long history", members.id, [long])
    history.get_eval_functions()[0].set_threshold(0.5)
    for i in range(n_long):
        model = client.create_model(f"long {i}", f"long-{i}")
        scores = np.random.default_rng(i).uniform(0.3, 0.7, 200)
        dataset.upload_scores({long: "score"}, model, pl.DataFrame({"item_ref_id": ids[:200], "score": scores}))
    seed_work(store.database_url, n_work)
    suite = f"models={models[-1].id},{models[-2].id}&baseline={models[0].id}"
    evaluation = tests[0].get_eval_history()[-1]
    return [
        Visit("release matrix", "/", is_painted=True),
        Visit("release matrix, only failing", "/?failing=1"),
        Visit("release matrix, only changed, of a tag", "/?changed=1&tag=tag%201"),
        Visit("release matrix, by a word", "/?q=test+1"),
        Visit("test", f"/tests/{tests[0].id}"),
        Visit("test with a long history", f"/tests/{history.id}"),
        Visit("its history", f"/tests/{history.id}/history/{long.id}", "history"),
        Visit("its history, all results", f"/tests/{history.id}/history/{long.id}?show=all", "history"),
        Visit("models over the suite", f"/compare?{suite}"),
        Visit("models over the suite, items that got worse", f"/compare/worse?{suite}", "worse"),
        Visit("evaluation of a small test", f"/evaluations/{evaluation.id}"),
        Visit("item of all tests", _item_path(dataset, ids[0])),
        Visit("datasets", "/datasets"),
        Visit("evaluation functions", "/functions"),
        Visit("evaluation function", f"/functions/{function.id}"),
        Visit("models ranked", "/models"),
        Visit("models ranked, asked which can be told apart", "/models?separate=yes"),
        Visit("which models can be told apart", "/models/separation?separate=yes", "separation"),
        Visit("model", f"/models/{models[-1].id}"),
        Visit("uploads", "/uploads"),
        Visit("jobs", "/jobs"),
        Visit("jobs, page 50", "/jobs?page=50"),
        Visit("settings", "/settings"),
        Visit("audit log", "/audit"),
        Visit("audit log, one object", f"/audit?object={tests[0].id}"),
        Visit("releases", "/releases"),
        Visit("release", f"/releases/{release.id}"),
        Visit("release report", f"/report?model={models[-1].id}&baseline={models[0].id}"),
        Visit("waivers", "/waivers"),
    ]


def _item_path(dataset: nucleus.Dataset, reference_id: str) -> str:
    return f"/datasets/{dataset.id}/items/{dataset.refloc(reference_id)['item'].dataset_item_id}"
