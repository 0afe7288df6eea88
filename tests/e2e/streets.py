"""A workspace as a team has it after some months: pictures, drives, four models, tests, a release, what went wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image, ImageDraw

import nucleus
from nucleus import BoxAnnotation, DatasetItem
from nucleus.validate import ScenarioTest

N_DRIVES = 30
_FRAMES = 6
_MODELS = ("Detector 3.2", "Detector 4.0", "Detector 4.1", "Detector 5.0 rc1")
_SKY = {"day": (168, 205, 235), "dusk": (196, 140, 110), "night": (22, 26, 44)}
# By how much each model differs from the first, in general and at night.
_SHIFT = {_MODELS[0]: (0.0, 0.0), _MODELS[1]: (0.03, 0.02), _MODELS[2]: (0.05, 0.04), _MODELS[3]: (0.07, -0.11)}


@dataclass(frozen=True)
class Streets:
    """What the SDK has uploaded.

    Attributes:
        dataset: 180 images of 30 drives with metadata and boxes; its cluster key is the drive.
        night: The test of the night, which blocks releases; the last model is worse on it beyond chance.
        models: Four, oldest first; the second is the baseline of all tests, the last has partial results on one test.
        paths: Addresses of pages that no link from another page is needed for, by a short name.
    """

    dataset: nucleus.Dataset
    night: ScenarioTest
    models: tuple[nucleus.Model, ...]
    paths: dict[str, str]


def draw_street(path: Path, light: str, weather: str, seed: int) -> Path:
    """A PNG of a road, houses and cars, 240 x 160 pixels."""
    rng = random.Random(seed)
    sky = _SKY[light]
    image = Image.new("RGB", (240, 160), sky)
    draw = ImageDraw.Draw(image)
    shade = {"day": 1.0, "dusk": 0.7, "night": 0.35}[light]
    for x in range(0, 240, 30):
        grey = int(rng.randint(110, 190) * shade)
        draw.rectangle((x, rng.randint(25, 60), x + 28, 90), fill=(grey, grey, int(grey * 1.05)))
    draw.rectangle((0, 88, 240, 160), fill=tuple(int(c * shade) for c in (92, 116, 84)))
    draw.polygon([(100, 88), (140, 88), (230, 160), (10, 160)], fill=tuple(int(c * shade) for c in (96, 98, 104)))
    for y in (96, 112, 134):
        draw.rectangle((118, y, 122, y + 8), fill=tuple(int(c * max(shade, 0.6)) for c in (230, 230, 220)))
    for _ in range(rng.randint(1, 3)):
        x, y = rng.randint(60, 160), rng.randint(88, 124)
        w = 14 + (y - 88) // 2
        draw.rectangle((x, y, x + w, y + w * 2 // 3), fill=rng.choice([(178, 52, 48), (52, 84, 170), (210, 210, 214)]))
        draw.rectangle((x + 1, y + w // 2, x + 3, y + w // 2 + 2), fill=(255, 236, 150))
    if weather == "rain":
        for _ in range(90):
            x, y = rng.randint(0, 240), rng.randint(0, 150)
            draw.line((x, y, x - 2, y + 8), fill=tuple(min(255, c + 60) for c in sky))
    image.save(path, optimize=True)
    return path


def build(client: nucleus.NucleusClient, folder: Path) -> Streets:
    """Upload all of it; the same every time but for ids and times."""
    rng = random.Random(7)
    dataset = client.create_dataset("Street scenes")
    metadata = []
    for drive in range(N_DRIVES):
        light, weather = ("night", "day", "dusk")[drive % 3], rng.choice(["clear", "clear", "rain"])
        metadata += [
            {
                "drive": f"drive-{drive:02}",
                "light": light,
                "weather": weather,
                "speed_kmh": 20 + 10 * (drive % 4) + frame,
            }
            for frame in range(_FRAMES)
        ]
    ids = [f"{m['drive']}-frame-{i % _FRAMES}" for i, m in enumerate(metadata)]
    dataset.append(
        [
            DatasetItem(str(draw_street(folder / f"{ref}.png", str(m["light"]), str(m["weather"]), i)), ref, metadata=m)
            for i, (ref, m) in enumerate(zip(ids, metadata, strict=True))
        ]
    )
    dataset.annotate([BoxAnnotation(("car", "truck")[i % 2], 60, 90, 30, 20, ref) for i, ref in enumerate(ids)])
    dataset.set_cluster_key("drive")
    validate = client.validate
    recall = validate.create_external_eval_function(
        "recall", description="Share of the labelled objects that are found at IoU 0.5.", score_range=(0, 1)
    )
    latency = validate.create_external_eval_function(
        "latency",
        direction="lower_is_better",
        score_range=(0, 500),
        unit="ms",
        description="From the image to the last box.",
    )
    chosen = {
        "Night drives": [r for r, m in zip(ids, metadata, strict=True) if m["light"] == "night"],
        "Rain": [r for r, m in zip(ids, metadata, strict=True) if m["weather"] == "rain"],
        "All streets": ids,
    }
    tests = {
        name: validate.create_scenario_test(name, dataset.create_slice(name, refs).id, [recall, latency])
        for name, refs in chosen.items()
    }
    for test in tests.values():
        by_recall, by_latency = test.get_eval_functions()
        by_recall.set_rule(mode="non-inferior", margin=0.01)
        by_latency.set_threshold(45)
    night = tests["Night drives"]
    night.set_blocking(True)
    night.set_tags(["safety", "release"])
    tests["Rain"].set_tags(["release"])
    night.get_eval_functions()[0].set_threshold(0.6)
    difficulty = {f"drive-{d:02}": rng.uniform(0.62, 0.9) for d in range(N_DRIVES)}
    models = tuple(client.create_model(name, name.lower().replace(" ", "-"), tags=["nightly"]) for name in _MODELS)
    for k, model in enumerate(models):
        shift, at_night = _SHIFT[model.name]
        found = []
        for m in metadata:
            mean = difficulty[str(m["drive"])] + (at_night if m["light"] == "night" else shift)
            found.append(min(1.0, max(0.0, rng.gauss(mean, 0.05))))
        kept = range(len(ids)) if k != 2 else range(len(ids) - 25)
        table = {
            "item_ref_id": [ids[i] for i in kept],
            "recall": [found[i] for i in kept],
            "ms": [rng.gauss(38 - 2 * k, 3) for _ in kept],
        }
        dataset.upload_scores({"recall": "recall", "latency": "ms"}, model, table)
        if k == 1:
            for test in tests.values():
                test.set_baseline_model(model.id)
    history = {e.model_id: e.id for e in night.get_eval_history() if e.eval_function_id == recall.id}
    client.validate.create_release("4.1", models[2])
    blocked = validate.create_release("5.0", models[3])
    validate.create_waiver(
        night,
        recall,
        model=models[3],
        reason="Night driving is switched off in this release; fixed with the new camera.",
        owner="ann",
        expires_at=datetime.now(UTC) + timedelta(days=30),
    )
    try:
        dataset.upload_scores({"recall": "s"}, models[3], {"item_ref_id": [ids[0], "drive-99"], "s": [0.5, 0.5]})
        raise AssertionError("an unknown reference id was accepted")
    except nucleus.UploadRejectedError as refused:
        rejected = refused.upload_id
    fog = validate.create_scenario_test("Fog", dataset.create_slice("Fog", ids[:12]).id, [recall])
    client.create_dataset("Harbour, empty so far")
    client.create_user("vera", "viewer")
    client.create_api_key("browser", user_name="vera")
    night.compare(models[1], models[3])  # from here on, verdicts are there
    for model in models[2:]:
        validate.release_report(model)
    candidates = f"{models[2].id},{models[3].id}"
    part = night.slice_id
    return Streets(
        dataset,
        night,
        models,
        {
            "matrix": "/",
            "report": f"/report?model={models[3].id}",
            "release": f"/releases/{blocked.id}",
            "test": f"/tests/{night.id}",
            "test-empty": f"/tests/{fog.id}",
            "criterion": f"/tests/{night.id}/functions/{recall.id}",
            "evaluation": f"/evaluations/{history[models[3].id]}?by=weather",
            "evaluation-gallery": f"/evaluations/{history[models[3].id]}?view=gallery",
            "compare": f"/compare/{history[models[1].id]}/{history[models[3].id]}?by=drive",
            "compare-models": f"/tests/{night.id}/compare?models={candidates}",
            "suite": f"/compare?baseline=own&models={candidates}",
            "dataset": f"/datasets/{dataset.id}?key=light&value=night",
            "dataset-metadata": f"/datasets/{dataset.id}/metadata?key=weather",
            "slice": f"/slices/{part}",
            "slice-difference": f"/slices/{part}/difference?from=0&by=weather",
            "models": "/models?separate=yes",
            "upload-rejected": f"/uploads/{rejected}",
            "bad-rows": f"/uploads/{rejected}/bad-rows",
        },
    )
