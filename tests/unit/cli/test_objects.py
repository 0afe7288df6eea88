"""Datasets, slices, models: made, found, shown, deleted."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Cli, World


def test_dataset_with_items_from_csv(cli: Cli) -> None:
    """Columns of items are their own, the others metadata; numbers become numbers, unless that would change them."""
    Path("items.csv").write_text(
        "reference_id,image_location,width,height,text,lane,zip\n"
        "a,https://example.com/a.jpg,640,480,,3,01234\n"
        'b,,,,"hello, ""you""",left,\n'
        "c,,,,,0.5,1e3\n"
    )
    made = cli.json("datasets", "create", "road", "--items", "items.csv")
    assert made == {"id": made["id"], "name": "road", "n_items": 3, "slices": []}
    items = {item.reference_id: item for item in cli.api.client().get_dataset(made["id"]).items}
    assert (items["a"].image_location, items["a"].width) == ("https://example.com/a.jpg", 640)
    assert items["a"].metadata == {"lane": 3, "zip": "01234"}
    assert (items["b"].text, items["b"].metadata) == ('hello, "you"', {"lane": "left"})
    assert items["c"].metadata == {"lane": 0.5, "zip": 1000.0}


def test_dataset_with_items_from_json_lines(cli: Cli) -> None:
    """Values keep their types."""
    rows = [{"reference_id": "a", "text": "t", "tags": ["x"], "n": 1}, {"reference_id": "b", "nested": {"k": None}}]
    Path("items.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    made = cli.json("datasets", "create", "road", "--items", "items.jsonl")
    metadata = [item.metadata for item in cli.api.client().get_dataset(made["id"]).items]
    assert metadata == [{"tags": ["x"], "n": 1}, {"nested": {"k": None}}]


BAD_ITEMS = [
    ("i.csv", "id,text\na,t\n", "reference_id"),
    ("i.csv", "reference_id,text\na,t\n,t\n", "line 3"),
    ("i.csv", "reference_id,text,width\na,t,wide\n", "line 2"),
    ("i.csv", "reference_id\n", "got none"),
    ("i.jsonl", '{"reference_id": "a"}\n', "line 1"),
    ("i.csv", "reference_id,text\na,t\na,t\n", "more than once"),
]


def test_bad_items_leave_no_dataset(cli: Cli) -> None:
    """What is wrong is said, with the line."""
    for name, content, message in BAD_ITEMS:
        Path(name).write_text(content)
        assert message in cli.error("datasets", "create", "road", "--items", name, code=1)
        assert cli.json("datasets", "list") == []


def test_datasets(cli: Cli, world: World) -> None:
    """By name and by id; the question names what would go."""
    assert cli.json("datasets", "list") == [{"id": world.dataset.id, "name": "road"}]
    shown = cli.json("datasets", "show", "road")
    assert shown == cli.json("datasets", "show", world.dataset.id)
    assert (shown["n_items"], shown["slices"]) == (6, [{"id": world.slice.id, "name": "night"}])
    assert "night (slc_" in cli.text("datasets", "show", "road")
    assert "6 items" in cli.run("datasets", "delete", "road", answer="y\n").stderr
    assert cli.json("datasets", "list") == []


def test_names_that_several_have(cli: Cli, world: World) -> None:
    """Candidates with their ids, and close names for a misspelt one."""
    second = world.client.create_dataset("road")
    message = cli.error("datasets", "show", "road")
    assert "2 datasets are named 'road'" in message and world.dataset.id in message and second.id in message
    message = cli.error("models", "show", "Detektor 3")
    assert f"there is {world.model.id} (Detector 3)" in message
    other = second.create_slice("night")
    assert other.id in cli.error("slices", "show", "night")
    assert cli.json("slices", "show", "night", "--dataset", second.id)["id"] == other.id


def test_slices(cli: Cli, world: World) -> None:
    """From a file of ids, of all items, empty; members keep their order."""
    Path("ids.txt").write_text("c\n\na\n")
    made = cli.json("slices", "create", "two", "--dataset", "road", "--ids", "ids.txt")
    assert (made["n_members"], made["dataset_id"]) == (2, world.dataset.id)
    assert cli.text("slices", "show", "two", "--ids") == "c\na\n"
    assert cli.json("slices", "show", "two", "--ids") == ["c", "a"]
    assert cli.json("slices", "create", "all", "--dataset", "road", "--all")["n_members"] == 6
    assert cli.json("slices", "create", "none", "--dataset", "road")["n_members"] == 0
    listed = cli.json("slices", "list", "--dataset", "road")
    assert [row["name"] for row in listed] == ["night", "two", "all", "none"]
    assert cli.json("slices", "list") == listed
    assert set(listed[0]) == {"id", "name", "dataset_id", "created_at"}
    assert "two" in cli.text("slices", "list")
    assert "Deleted slice two" in cli.text("slices", "delete", "two", "--yes")
    Path("bad.txt").write_text("a\nnowhere\n")
    assert "nowhere" in cli.error("slices", "create", "x", "--dataset", "road", "--ids", "bad.txt", code=1)
    Path("empty.txt").write_text("\n")
    assert "empty" in cli.error("slices", "create", "x", "--dataset", "road", "--ids", "empty.txt", code=1)
    assert "both" in cli.error("slices", "create", "x", "--dataset", "road", "--ids", "ids.txt", "--all")
    assert "nothere.txt" in cli.error("slices", "create", "x", "--dataset", "road", "--ids", "nothere.txt")


def test_models(cli: Cli) -> None:
    """By id, reference id or name; the name is the reference id unless there is one."""
    made = cli.json("models", "create", "m 1", "--tag", "a", "--tag", "b", "--metadata", '{"commit": "1a"}')
    assert made == {
        "id": made["id"],
        "name": "m 1",
        "reference_id": "m 1",
        "tags": ["a", "b"],
        "trained_slice_ids": [],
        "metadata": {"commit": "1a"},
    }
    second = cli.json("models", "create", "m 2", "--reference-id", "ref")
    assert cli.json("models", "list") == [made, second]
    assert cli.json("models", "show", "ref") == cli.json("models", "show", "m 2") == second
    assert "a, b" in cli.text("models", "list")
    assert '{"commit": "1a"}' in cli.text("models", "show", "m 1")
    assert "JSON object" in cli.error("models", "create", "x", "--metadata", "[1]")
    assert "exists already" in cli.error("models", "create", "m 1")


def test_names_are_no_markup(cli: Cli) -> None:
    """Brackets stay, and a terminal gets nothing that it would obey."""
    cli.run("models", "create", "[red]x[/red] \x1b[2J", "--reference-id", "r")
    shown = cli.text("models", "list")
    assert "[red]x[/red]" in shown and "\x1b" not in shown


def test_tables_cut_nothing(cli: Cli) -> None:
    """Where the output is no terminal, as in a pipe."""
    name = "n" * 200
    made = cli.json("models", "create", name)
    shown = cli.text("models", "list")
    assert name in shown and made["id"] in shown and "…" not in shown
