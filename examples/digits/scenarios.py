"""The part that talks to Nucleus: items, slices, functions, tests, results. A second run finds all of it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from examples.digits.classifiers import Classifier, Image
from nucleus import EACH_ITEM, Dataset, DatasetItem, Model, NucleusClient
from nucleus.validate import Comparisons, EvaluationResult, ExternalEvalFunction, ScenarioTest

_DATASET = "Handwritten digits"
_SCALE = 12
_CONFUSED = (3, 5, 8, 9)


@dataclass(frozen=True)
class Scenario:
    """A slice that means something, and the accuracy that a release must reach on it."""

    name: str
    contains: Callable[[Image], bool]
    least_accuracy: float


SCENARIOS = (
    Scenario("All digits", lambda image: image.variant == "original", 0.96),
    Scenario(
        "Easily confused: 3, 5, 8, 9", lambda image: image.variant == "original" and image.digit in _CONFUSED, 0.96
    ),
    Scenario("Shifted by one pixel", lambda image: image.variant == "shifted", 0.60),
    Scenario("Faint", lambda image: image.variant == "faint", 0.90),
)


def upload_images(client: NucleusClient, images: list[Image], folder: Path) -> Dataset:
    """The dataset with all images, made on the first run."""
    dataset = next((d for d in client.datasets if d.name == _DATASET), None) or client.create_dataset(_DATASET)
    if dataset.size < len(images):
        folder.mkdir(parents=True, exist_ok=True)
        dataset.append([_item(image, folder) for image in images]).sleep_until_complete()
    dataset.set_cluster_key(EACH_ITEM)  # no scenario shows one digit twice, so its images are independent
    return dataset


def _item(image: Image, folder: Path) -> DatasetItem:
    path = folder / f"{image.name}.png"
    pixels = np.kron(image.pixels / 16 * 255, np.ones((_SCALE, _SCALE))).astype(np.uint8)
    Picture.fromarray(pixels).save(path)
    return DatasetItem(
        image_location=str(path),
        reference_id=image.name,
        metadata={"digit": image.digit, "variant": image.variant, "contrast": round(image.contrast, 3)},
    )


def make_functions(client: NucleusClient) -> dict[str, ExternalEvalFunction]:
    """Two names under which scores are uploaded; what they mean stays in `upload_results`."""
    known = client.validate.eval_functions.external_functions
    return {
        name: known.get(name) or client.validate.create_external_eval_function(name)
        for name in ("correct", "probability_of_true_digit")
    }


def make_tests(
    client: NucleusClient, dataset: Dataset, images: list[Image], functions: dict[str, ExternalEvalFunction]
) -> dict[str, ScenarioTest]:
    """One test a scenario, with a threshold on correctness; the other function is judged by the baseline."""
    known = {test.name: test for test in client.validate.scenario_tests}
    slices = {part.name: part for part in dataset.slices}
    for scenario in SCENARIOS:
        if scenario.name in known:
            continue
        part = slices.get(scenario.name) or dataset.create_slice(
            scenario.name, [image.name for image in images if scenario.contains(image)]
        )
        test = client.validate.create_scenario_test(scenario.name, part.id, list(functions.values()))
        for metric in test.get_eval_functions():
            if metric.eval_function_id == functions["correct"].id:
                metric.set_threshold(scenario.least_accuracy)
        known[scenario.name] = test
    return {scenario.name: known[scenario.name] for scenario in SCENARIOS}


def upload_results(
    client: NucleusClient,
    tests: dict[str, ScenarioTest],
    functions: dict[str, ExternalEvalFunction],
    images: list[Image],
    classifiers: list[Classifier],
) -> list[Model]:
    """Score every image for every model, upload, and make the first model the baseline."""
    known = {model.reference_id: model for model in client.models}
    models = []
    for classifier in classifiers:
        model = known.get(classifier.reference_id) or client.create_model(classifier.name, classifier.reference_id)
        models.append(model)
        answers = classifier.probabilities.argmax(axis=1)
        for scenario in SCENARIOS:
            chosen = [i for i, image in enumerate(images) if scenario.contains(image)]
            correct = [
                EvaluationResult(item_ref_id=images[i].name, score=float(answers[i] == images[i].digit)) for i in chosen
            ]
            # An image that people can hardly read counts less.
            probability = [
                EvaluationResult(
                    item_ref_id=images[i].name,
                    score=float(classifier.probabilities[i, images[i].digit]),
                    weight=images[i].contrast,
                )
                for i in chosen
            ]
            test = tests[scenario.name]
            test.upload_external_evaluation_results(functions["correct"], correct, model.id)
            test.upload_external_evaluation_results(functions["probability_of_true_digit"], probability, model.id)
    for test in tests.values():
        if client.validate.get_scenario_test(test.id).baseline_model_id is None:
            test.set_baseline_model(models[0].id)
    return models


def compare(tests: dict[str, ScenarioTest], baseline: Model, candidate: Model) -> Comparisons:
    """The candidate beside the baseline on the first scenario, by each function."""
    return tests[SCENARIOS[0].name].compare(baseline, candidate)
