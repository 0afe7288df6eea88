"""COCO files go in and come out as they were, whatever is in them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nucleus import coco
from tests.support.api import Api, running_api

TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=8)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KEYS = (
    st.sampled_from(["area", "iscrowd", "license", "coco", "camera_params", "metadata", "width", "height", "label"])
    | NAMES
)
OTHERS = st.dictionaries(KEYS, VALUES, max_size=3)
IDS = st.integers(-5, 2**40)
_serial = itertools.count()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server for all examples."""
    folder = tmp_path_factory.mktemp("coco")
    with running_api(f"sqlite:///{folder / 'nucleus.db'}", folder) as running:
        yield running


@st.composite
def masks(draw: st.DrawFn) -> dict[str, Any]:
    """A mask in runs, of 3 x 4 pixels."""
    cuts = sorted(draw(st.lists(st.integers(0, 12), max_size=4)))
    return {"size": [3, 4], "counts": [b - a for a, b in itertools.pairwise([0, *cuts, 12])]}


SEGMENTATIONS = (
    st.lists(st.lists(NUMBERS, min_size=3, max_size=5).map(lambda half: half * 2), min_size=1, max_size=3)
    | masks()
    | st.just([])
)
BOXES = st.tuples(NUMBERS, NUMBERS, NUMBERS.map(abs), NUMBERS.map(abs)).map(list)
KEYPOINTS = st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 2)), max_size=3).map(
    lambda points: [n for point in points for n in point]
)


@st.composite
def datasets(draw: st.DrawFn) -> dict[str, Any]:
    """A COCO dataset."""
    image_ids = draw(st.lists(IDS, unique=True, max_size=4))
    category_ids = draw(st.lists(IDS, unique=True, min_size=1, max_size=3))
    images = [
        {
            **draw(OTHERS),
            "id": image_id,
            "file_name": f"{image_id}.jpg",
            **draw(st.sampled_from([{}, {"width": 4, "height": 3}])),
        }
        for image_id in image_ids
    ]
    for image in images:
        if type(image.get("width")) is int and type(image.get("height")) is int:
            image |= {"width": 4, "height": 3}  # those of the masks
    annotations = []
    for own_id in draw(st.lists(IDS, unique=True, max_size=6)) if image_ids else []:
        shape = draw(
            st.fixed_dictionaries({"bbox": BOXES}, optional={"segmentation": SEGMENTATIONS, "keypoints": KEYPOINTS})
            | st.fixed_dictionaries({"segmentation": SEGMENTATIONS.filter(bool)}, optional={"keypoints": KEYPOINTS})
            | st.fixed_dictionaries({"keypoints": KEYPOINTS.filter(bool)})
        )
        ids = {
            "id": own_id,
            "image_id": draw(st.sampled_from(image_ids)),
            "category_id": draw(st.sampled_from(category_ids)),
        }
        annotations.append({**draw(OTHERS), **ids, **shape})
    heads = draw(st.dictionaries(NAMES, VALUES, max_size=2))
    names = [{**draw(OTHERS), "id": n, "name": draw(NAMES)} for n in category_ids]
    return {**heads, "images": images, "annotations": annotations, "categories": names}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=datasets(),
    shapes=st.sampled_from(["boxes", "segmentations"]),
    reference_id=st.sampled_from(["file_name", "id"]),
    data=st.data(),
)
def test_the_round_trip_loses_nothing(
    document: dict[str, Any], shapes: Any, reference_id: Any, data: st.DataObject, api: Api, tmp_path: Path
) -> None:
    """Records, keys, numbers and their order; a second import stores nothing; results too."""
    client = api.client()
    name = f"road {next(_serial)}"

    def load() -> coco.CocoImport:
        return coco.import_dataset(client, document, name, images="https://x", shapes=shapes, reference_id=reference_id)

    done = load()
    again = load()
    assert (again.dataset, again.n_stored, again.n_ignored) == (done.dataset, 0, done.n_stored)
    path = tmp_path / "out.json"
    coco.export_dataset(done.dataset, path)
    assert json.loads(path.read_text()) == document

    results = []
    for annotation in document["annotations"]:
        row = {key: value for key, value in annotation.items() if key != "id"}
        results.append({**row, "score": data.draw(st.floats(0, 1) | st.sampled_from([0, 1]))})
    if not results:
        return  # which the server says of a model without predictions
    model = client.create_model(name, name)
    coco.import_results(done.dataset, model, results, shapes=shapes)
    assert coco.import_results(done.dataset, model, results, shapes=shapes).n_stored == 0
    coco.export_results(done.dataset, model, path)
    assert json.loads(path.read_text()) == results
