"""`nucleus plan`, `apply` and `export`: a file and the server become the same, and stay it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import nucleus
from nucleus.validate import ScenarioTest
from nucleus_server.domain import Role
from tests.unit.cli.conftest import Cli

FILE = """\
[functions.custom_mAP]
description = "mean average precision"
default_cluster_key = "drive"

[functions.latency]
direction = "lower_is_better"
score_range = [0, 1000]
unit = "ms"

[datasets.road]
cluster = "drive"

[slices.night]
dataset = "road"
rule.all = [{ key = "hour", min = 20 }, { any = [{ key = "weather", eq = "rain" }, { reference_id = "n*" }] }]

[slices.chosen]
dataset = "road"
reference_ids = ["r5", "n1"]

[tests."night, pedestrians"]
slice = "night"
blocking = true
tags = ["night", "safety"]
cluster = { by = "item" }
functions.custom_mAP = { threshold = 0.7, mode = "confident", margin = 0.01 }
functions.latency = { threshold = 80, comparison = "<" }

[tests.chosen]
slice = "chosen"
functions.custom_mAP = {}
"""


@pytest.fixture
def client(cli: Cli) -> nucleus.NucleusClient:
    """A dataset of ten items, of which n1 to n3 are at night and r8 is at night in the rain."""
    client = cli.api.client()
    dataset = client.create_dataset("road")
    dataset.append(
        [
            nucleus.DatasetItem(
                reference_id=f"{'n' if i < 4 else 'r'}{i}",
                text=f"item {i}",
                metadata={
                    "hour": 20 + i % 4 if i < 4 or i == 8 else 12,
                    "weather": "rain" if i % 2 == 0 else "dry",
                    "drive": i % 3,
                },
            )
            for i in range(10)
        ]
    )
    return client


def write(text: str = FILE, **changes: str) -> None:
    """The file, with parts replaced."""
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    Path("nucleus.toml").write_text(text)


def replace(before: str, after: str) -> None:
    """Change a part of the file."""
    text = Path("nucleus.toml").read_text()
    assert before in text
    Path("nucleus.toml").write_text(text.replace(before, after))


def the_test(client: nucleus.NucleusClient, name: str) -> ScenarioTest:
    """The test of this name."""
    (found,) = [test for test in client.validate.scenario_tests if test.name == name]
    return found


def changes(cli: Cli, action: str | None = None) -> list[dict[str, Any]]:
    """What a plan says, of one action or of all that are to be done or cannot."""
    wanted = ("create", "change", "impossible") if action is None else (action,)
    return [change for change in cli.json("plan")["changes"] if change["action"] in wanted]


def test_from_nothing(cli: Cli, client: nucleus.NucleusClient) -> None:
    """Everything is made as the file says; the second time there is nothing to change."""
    write()
    shown = cli.text("plan")
    assert "+ function latency" in shown and "6 to create, 1 to change, 0 that cannot" in shown
    assert "custom_mAP.threshold: 0.7" in shown and "items: 5" in shown
    assert client.validate.scenario_tests == [] and client.slices == []
    cli.run("plan", "--exit-code", code=1)
    assert "Made 7 changes." in cli.text("apply", answer="y\n")
    test = the_test(client, "night, pedestrians")
    settings = test.settings
    assert (settings.is_blocking, set(settings.tags), settings.cluster) == (
        True,
        {"night", "safety"},
        nucleus.EACH_ITEM,
    )
    rules = {rule.eval_function_name: rule for rule in test.rules()}
    assert (rules["custom_mAP"].threshold, rules["custom_mAP"].mode, rules["custom_mAP"].margin) == (
        0.7,
        "confident",
        0.01,
    )
    assert (rules["latency"].threshold, rules["latency"].threshold_comparison.value) == (80, "less_than")
    assert [item.reference_id for item in test.get_items()] == ["n0", "n1", "n2", "n3", "r8"]
    assert [item.reference_id for item in the_test(client, "chosen").get_items()] == ["r5", "n1"]
    (dataset,) = client.datasets
    assert dataset.cluster_key().cluster.key == "drive"
    assert changes(cli) == []
    assert "Nothing to change." in cli.text("apply")
    cli.run("plan", "--exit-code")


def test_every_change(cli: Cli, client: nucleus.NucleusClient) -> None:
    """Before and after of each property; what was left out has its default again."""
    write()
    cli.run("apply", "--yes")
    replace('description = "mean average precision"\n', "")
    replace("[0, 1000]", "[0, 2000]")
    replace('cluster = "drive"\n\n[slices', 'cluster = { by = "item" }\n\n[slices')
    replace("blocking = true\n", "")
    replace('tags = ["night", "safety"]', 'tags = ["night"]')
    replace('cluster = { by = "item" }\nfunctions', 'cluster = "drive"\nfunctions')
    replace('threshold = 0.7, mode = "confident", margin = 0.01', "margin = 0.02")
    replace("functions.custom_mAP = {}", "functions.custom_mAP = {}\nfunctions.latency = {}")
    replace('["r5", "n1"]', '["r5", "r6", "n1", "n2"]')
    found = {
        (change["kind"], change["name"], detail["name"]): (detail["before"], detail["after"])
        for change in changes(cli, "change")
        for detail in change["details"]
    }
    assert found == {
        ("function", "custom_mAP", "description"): ("mean average precision", None),
        ("function", "latency", "score_range"): ([0.0, 1000.0], [0.0, 2000.0]),
        ("dataset", "road", "cluster"): ('"drive"', '{ by = "item" }'),
        ("slice", "chosen", "items"): (2, 4),
        ("test", "night, pedestrians", "custom_mAP.threshold"): (0.7, None),
        ("test", "night, pedestrians", "custom_mAP.mode"): ("confident", None),
        ("test", "night, pedestrians", "custom_mAP.margin"): (0.01, 0.02),
        ("test", "night, pedestrians", "blocking"): (True, False),
        ("test", "night, pedestrians", "tags"): (["night", "safety"], ["night"]),
        ("test", "night, pedestrians", "cluster"): ('{ by = "item" }', '"drive"'),
        ("test", "chosen", "latency"): (None, "added"),
    }
    assert "margin: 0.01 → 0.02" in cli.text("plan")
    assert cli.json("apply", "--yes")["n_done"] == 6
    assert changes(cli) == []
    assert [item.reference_id for item in the_test(client, "chosen").get_items()] == ["r5", "n1", "r6", "n2"]


def test_a_slice_only_grows(cli: Cli, client: nucleus.NucleusClient) -> None:
    """New items are added; members that the rule does not match are named, and left out of what is applied."""
    write()
    cli.run("apply", "--yes")
    client.datasets[0].append([nucleus.DatasetItem(reference_id="n10", text="x", metadata={"hour": 21})])
    replace("min = 20", "min = 21")
    (grown, stuck) = sorted(changes(cli), key=lambda change: str(change["action"]))
    assert (grown["action"], grown["details"]) == ("change", [{"name": "items", "before": 5, "after": 6}])
    assert stuck["action"] == "impossible" and "'n0'" in stuck["reason"] and "only grows" in stuck["reason"]
    shown = cli.text("apply", "--yes", code=1)
    assert "! slice night" in shown and "done: slice night" in shown
    assert [change["action"] for change in changes(cli)] == ["impossible"]
    assert "! slice night" in cli.text("apply", code=1)


def test_what_cannot_be_done(cli: Cli, client: nucleus.NucleusClient) -> None:
    """Each with the reason, and what stands on it too; the rest can be applied."""
    client.datasets[0].create_slice("other", ["r5"])
    function = client.validate.create_external_eval_function("f")
    client.validate.create_scenario_test("old", client.slices[0].id, [function])
    client.create_model("never scored", "m1")
    write(
        """
functions.bbox_iou = {}
datasets.rood = { cluster = "drive" }
slices.a = { dataset = "rood", rule = { all = [] } }
slices.b = { dataset = "road", rule = { key = "our", eq = 5 } }
slices.c = { dataset = "road", rule = { key = "hour", eq = "5" } }
slices.d = { dataset = "road", reference_ids = ["r5", "no"] }
slices.e = { dataset = "road", rule = { any = [] } }
tests.on_a = { slice = "a", functions = { f = {} } }
tests.no_slice = { slice = "z", functions = { f = {} } }
tests.no_function = { slice = "other", functions = { g = {} } }
tests.no_model = { slice = "other", baseline_model = "m9", functions = { f = {} } }
tests.old = { slice = "b", functions = { f = {} } }
tests.fine = { slice = "other", functions = { f = { margin = 0.1 } } }
"""
    )
    reasons = {(c["kind"], c["name"]): c["reason"] for c in changes(cli, "impossible")}
    for place, words in {
        ("dataset", "rood"): "no dataset 'rood'",
        ("slice", "a"): "no dataset 'rood'",
        ("slice", "b"): "near is 'hour'",
        ("slice", "c"): "a number at rule.eq",
        ("slice", "d"): "no",
        ("slice", "e"): "matches no item",
        ("test", "on_a"): "slice 'a' cannot be made",
        ("test", "no_slice"): "no slice 'z'",
        ("test", "no_function"): "no function 'g'",
        ("test", "no_model"): "no model 'm9'",
        ("test", "old"): "slice 'b' cannot be made",
    }.items():
        assert words in reasons.pop(place), place
    assert set(reasons) <= {("function", "bbox_iou")}
    cli.run("apply", "--yes", code=1)
    assert the_test(client, "fine").rules()[0].margin == 0.1
    write('tests.old = { slice = "mine", functions = { f = {} } }\nslices.mine = { dataset = "road", rule.all = [] }\n')
    (moved,) = changes(cli, "impossible")
    assert "cannot move" in moved["reason"]


def test_baseline_models(cli: Cli, client: nucleus.NucleusClient) -> None:
    """One that was not evaluated yet waits for its upload; a file without one leaves it as it is."""
    model = client.create_model("Detector 1", "detector-v1")
    write()
    replace('slice = "chosen"', 'slice = "chosen"\nbaseline_model = "detector-v1"')
    shown = cli.text("apply", "--yes", code=1)
    assert "! test chosen: baseline model 'detector-v1' is not set" in shown
    (waiting,) = changes(cli)
    assert waiting["action"] == "impossible" and "upload its scores" in waiting["reason"]
    test = the_test(client, "chosen")
    function = client.validate.eval_functions.external_functions["custom_mAP"]
    results = [nucleus.validate.EvaluationResult(item_ref_id=ref, score=0.5) for ref in ("r5", "n1")]
    test.upload_external_evaluation_results(function, results, model)
    (change,) = changes(cli)
    assert change["details"] == [{"name": "baseline_model", "before": None, "after": "detector-v1"}]
    cli.run("apply", "--yes")
    assert the_test(client, "chosen").baseline_model_id == model.id and changes(cli) == []
    replace('\nbaseline_model = "detector-v1"', "")
    assert changes(cli) == []


def test_what_only_the_server_has(cli: Cli, client: nucleus.NucleusClient) -> None:
    """Is named, and never deleted."""
    dataset = client.datasets[0]
    made = dataset.create_slice("by hand", ["r5"])
    function = client.validate.create_external_eval_function("by_hand")
    client.validate.create_scenario_test("by hand test", made.id, [function])
    write()
    cli.run("apply", "--yes")
    the_test(client, "chosen").add_eval_function(function)
    named = {(change["kind"], change["name"]) for change in changes(cli, "unmanaged")}
    assert named == {
        ("function", "by_hand"),
        ("slice", "by hand"),
        ("test", "by hand test"),
        ("test function", "chosen: by_hand"),
    }
    shown = cli.text("apply", "--yes")
    assert "left as it is: test by hand test" in shown and "Nothing to change." in shown


def test_a_failure_in_the_middle(cli: Cli, client: nucleus.NucleusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says what was done; the same command goes on from there."""
    write()
    real = nucleus.Dataset.create_slice

    def failing(self: nucleus.Dataset, name: str, *arguments: Any) -> nucleus.Slice:
        if name == "chosen":
            raise nucleus.NucleusConnectionError("the line is dead")
        return real(self, name, *arguments)

    with monkeypatch.context() as broken:
        broken.setattr(nucleus.Dataset, "create_slice", failing)
        result = cli.run("apply", "--yes", code=3)
    assert "slice chosen: the line is dead" in result.stderr and "4 of 7 changes made, 3 not" in result.stderr
    assert "done: slice night" in result.stdout
    assert "Made 3 changes." in cli.text("apply", "--yes", "--file", Path.cwd() / "nucleus.toml")
    assert changes(cli) == []


def test_half_a_test_is_finished(cli: Cli, client: nucleus.NucleusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that could not be set are a change of the next plan."""
    write()

    def failing(self: ScenarioTest, is_blocking: bool) -> None:
        raise nucleus.NucleusConnectionError("the line is dead")

    with monkeypatch.context() as broken:
        broken.setattr(ScenarioTest, "set_blocking", failing)
        cli.run("apply", "--yes", code=3)
    assert ("change", "night, pedestrians") in [(change["action"], change["name"]) for change in changes(cli)]
    cli.run("apply", "--yes")
    assert changes(cli) == [] and the_test(client, "night, pedestrians").settings.is_blocking


def test_questions_and_viewers(cli: Cli, client: nucleus.NucleusClient) -> None:
    """No changes nothing; a key that may not write is told so, with what was done."""
    write()
    assert "Nothing was changed" in cli.run("apply", answer="n\n", code=3).stderr
    assert "--yes" in cli.run("apply", answer="", code=3).stderr
    viewer = cli.api.new_key("viewer", Role.VIEWER)
    cli.run("plan", key=viewer)
    assert "0 of 7 changes made" in cli.run("apply", "--yes", key=viewer, code=3).stderr
    assert client.slices == []


def test_export(cli: Cli, client: nucleus.NucleusClient) -> None:
    """What it writes plans to no change: the same objects again, slices by their items, odd names, several datasets."""
    write()
    cli.run("apply", "--yes")
    other = client.create_dataset('sea "2"')
    other.append([nucleus.DatasetItem(reference_id=f"s\\{i}", text="x", metadata={"a": 1}) for i in range(60)])
    other.create_slice("night", [f"s\\{i}" for i in range(60)])
    other.create_slice("night, \u00e9\x7f", ["s\\1"])
    other.create_slice("empty")
    shown = cli.text("export", "--dataset", "road")
    assert '[tests."night, pedestrians"]' in shown and "sea" not in shown
    Path("nucleus.toml").write_text(shown, encoding="utf-8")
    assert changes(cli) == []
    assert set(cli.json("export")) == {"functions", "datasets", "slices", "tests"}
    cli.run("export", "-o", "all.toml")
    assert Path("all-sea-2-night.txt").read_text().count("\n") == 60
    assert cli.json("plan", "--file", "all.toml")["changes"] == []
    assert "--force" in cli.error("export", "-o", "all.toml")
    assert cli.json("export", "-o", "all.toml", "--force")["files"][0] == "all.toml"


def test_export_of_slices_that_a_file_cannot_tell_apart(cli: Cli, client: nucleus.NucleusClient) -> None:
    """They are left out with a word, and their tests name them by id."""
    dataset = client.datasets[0]
    first, _ = dataset.create_slice("twin", ["r5"]), dataset.create_slice("twin", ["r6"])
    function = client.validate.create_external_eval_function("f")
    client.validate.create_scenario_test("t", first.id, [function])
    cli.run("export", "-o", "nucleus.toml")
    assert "# slice slc_" in Path("nucleus.toml").read_text()
    assert changes(cli) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[functions", ["expected TOML"]),
        ("test.a = {}", [", test: ", "did you mean tests?"]),
        ("functions = 5", [", functions: expected a table, got 5"]),
        ("functions.f = 5", [", functions.f: expected a table, got 5"]),
        ("functions.f.unitt = 'ms'", [", functions.f.unitt:", "did you mean unit?"]),
        ("functions.f.unit = 5", [", functions.f.unit: expected a text", "got a whole number"]),
        ("functions.f.direction = 'up'", [", functions.f.direction: ", "'up'"]),
        (
            "functions.f.score_range = [1, 0]",
            [", functions.f.score_range: expected two numbers, lowest first, got [1, 0]"],
        ),
        ("functions.f.score_range = [1]", [", functions.f.score_range: "]),
        ("datasets.d = {}", [", datasets.d: expected a key cluster, got none"]),
        ("datasets.d.cluster = 5", [", datasets.d.cluster: expected a metadata key, or a table with by, got 5"]),
        ("datasets.d.cluster = { by = 'item', key = 'a' }", [", datasets.d.cluster: ", "only there"]),
        (
            "slices.s = { dataset = 'd' }",
            [", slices.s: expected exactly one of rule, reference_ids and file, got none"],
        ),
        ("slices.s = { dataset = 'd', rule = {}, file = 'x' }", ["got rule and file"]),
        ("slices.s = { rule = {} }", [", slices.s: expected the key dataset"]),
        ("slices.s = { dataset = 'd', file = 'no.txt' }", [", slices.s.file: expected a file of reference ids"]),
        ("slices.s = { dataset = 'd', reference_ids = [] }", [", slices.s: expected at least one reference id"]),
        ("slices.s = { dataset = 'd', reference_ids = ['a', 5] }", [", slices.s.reference_ids[1]: expected a text"]),
        (
            "slices.s = { dataset = 'd', rule = { any = [{ not = { kee = 'a' } }] } }",
            [", slices.s.rule.any[0].not.kee:", "did you mean key?"],
        ),
        (
            "slices.s = { dataset = 'd', rule = { all = [{ key = 5 }] } }",
            [", slices.s.rule.all[0].key: expected a text"],
        ),
        ("slices.s = { dataset = 'd', rule = { key = 'a', eq = 2024-01-01 } }", [", slices.s.rule.eq: "]),
        ("tests.'a b' = { slice = 's' }", [', tests."a b": expected a table functions with at least one function']),
        ("tests.t = { functions = { f = {} } }", [", tests.t: expected the key slice"]),
        (
            "tests.t = { slice = 's', functions = { f = { margin = -1 } } }",
            [", tests.t.functions.f.margin: ", "got -1"],
        ),
        (
            "tests.t = { slice = 's', functions = { f = { mode = 'sure' } } }",
            [", tests.t.functions.f.mode: ", "'sure'"],
        ),
        ("tests.t = { slice = 's', functions = { f = 0.7 } }", [", tests.t.functions.f: expected a table, got 0.7"]),
        ("tests.t = { slice = 's', tags = 'a', functions = { f = {} } }", [", tests.t.tags: expected an array"]),
    ],
)
def test_wrong_files(cli: Cli, text: str, says: list[str]) -> None:
    """Table and key, what was expected, what was got."""
    Path("nucleus.toml").write_text(text)
    message = cli.error("plan")
    assert all(words in message for words in ["nucleus.toml", *says]), message


def test_no_file_and_old_python(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    assert "nucleus export" in cli.error("plan")
    Path("nucleus.toml").write_bytes(b"\xff")
    assert "UTF-8" in cli.error("plan")
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert "Python 3.11 or newer" in (message := cli.error("plan")) and "this is 3.10" in message


def test_the_example_is_the_page_s() -> None:
    """Whose blocks are run."""
    root = Path(__file__).parents[3]
    example = (root / "examples" / "nucleus.toml").read_text()
    assert f"```toml nucleus.toml\n{example}```" in (root / "docs" / "how-to" / "tests-as-code.md").read_text()
