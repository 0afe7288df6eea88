"""From an upload to a new test: by what pages offer, and by keyboard alone; and every name is hostile."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

import nucleus
from nucleus import BoxAnnotation, BoxPrediction, CategoryAnnotation, DatasetItem, Frame, LidarScene
from tests.e2e.browsing import HOSTILE, log_in
from tests.e2e.conftest import Watched
from tests.support.server import ADMIN_KEY, LiveServer, environment

N = 60


@pytest.fixture(scope="module")
def client(live_server: LiveServer) -> Iterator[nucleus.NucleusClient]:
    """The user's, with a dataset, a test and its baseline on the server."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Streets")
    ids = [f"frame-{i:02}" for i in range(N)]
    dataset.append(
        [DatasetItem(reference_id=r, text=r, metadata={"light": ("night", "day")[i % 2]}) for i, r in enumerate(ids)]
    )
    function = client.validate.create_external_eval_function("recall")
    test = client.validate.create_scenario_test("All streets", dataset.create_slice("All", ids).id, [function])
    test.get_eval_functions()[0].set_rule(mode="non-inferior", margin=0.01)
    old = client.create_model("Old", "old")
    scores = [0.7 + i % 7 / 50 for i in range(N)]
    dataset.upload_scores({"recall": "recall"}, old, {"item_ref_id": ids, "recall": scores})
    test.set_baseline_model(old.id)
    yield client
    client.close()


def upload(client: nucleus.NucleusClient, name: str) -> None:
    """Scores of a model that is much worse at night."""
    (dataset,) = [d for d in client.datasets if d.name == "Streets"]
    scores = [0.7 + i % 7 / 50 - (0.3 if i % 2 == 0 else 0.0) - i / 1000 for i in range(N)]
    table = {"item_ref_id": [f"frame-{i:02}" for i in range(N)], "recall": scores}
    dataset.upload_scores({"recall": "recall"}, client.create_model(name, name), table)


def run_code(code: Locator, server: LiveServer) -> None:
    """What a page offers to copy, as it is, in a process that knows the server as a user's does."""
    env = environment(NUCLEUS_ENDPOINT=server.endpoint, NUCLEUS_API_KEY=ADMIN_KEY)
    subprocess.run([sys.executable, "-c", code.inner_text()], env=env, check=True)


def test_upload_why_compare_slice_new_test(
    watched: Watched, live_server: LiveServer, client: nucleus.NucleusClient
) -> None:
    """Upload, see it, why did it fail, compare, save the worst items as a slice, and a new test made by the page's own code."""
    upload(client, "New")
    log_in(watched, live_server)
    page = watched.page
    row = page.locator("tbody.test", has_text="All streets")
    expect(row).to_contain_text("now fails")
    row.locator("td[data-label=New] a").first.click()
    page.get_by_role("navigation", name="Metadata keys").get_by_role("link", name="light").click()
    expect(page.locator("#breakdown tbody tr").first).to_contain_text("night")
    page.get_by_role("link", name="compare with the baseline").click()
    expect(page.locator(".facts")).to_contain_text("worse")
    expect(page.locator("#scatter .chart svg")).to_be_visible()
    page.get_by_role("link", name="most against the candidate").click()
    expect(page.get_by_role("heading", name="What speaks most against the candidate first")).to_be_visible()
    page.get_by_text("Save these items as a slice").click()
    page.get_by_label("Name", exact=True).fill("Lost at night")
    page.get_by_role("textbox", name="How many").fill("10")
    page.get_by_role("button", name="Save as a slice").click()
    note = page.locator("#items").get_by_role("status")
    expect(note).to_contain_text("Lost at night with 10 items")
    run_code(note.locator("pre code"), live_server)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Scenario tests").click()
    made = page.locator("tbody.test", has_text="Lost at night")
    made.get_by_role("link", name="Lost at night").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lost at night")
    expect(page.locator("main")).to_contain_text("10 members")


def reach(page: Page, target: Locator) -> None:
    """Tab until it has the focus, as somebody without a mouse does."""
    handle = target.element_handle()
    for _ in range(300):
        page.keyboard.press("Tab")
        if handle.evaluate("(e) => e === document.activeElement"):
            return
    raise AssertionError(f"no tab stop: {target}")


def test_by_keyboard_alone(watched: Watched, live_server: LiveServer, client: nucleus.NucleusClient) -> None:
    """Log in, find the failure, narrow its items down and save them, with Tab, Enter and typing."""
    upload(client, "Keys")
    page = watched.page
    page.goto(live_server.address)
    reach(page, page.get_by_label("API key"))
    page.keyboard.type(ADMIN_KEY)
    page.keyboard.press("Enter")
    cell = page.locator("tbody.test", has_text="All streets").locator("td[data-label=Keys] a").first
    expect(cell).to_be_visible()
    reach(page, cell)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")
    reach(page, page.locator("details.narrowing summary"))
    page.keyboard.press("Enter")
    reach(page, page.get_by_label("Score to"))
    page.keyboard.type("0.45")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"max=0\.45"))
    reach(page, page.get_by_text("Save these items as a slice"))
    page.keyboard.press("Enter")
    reach(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("By keys")
    page.keyboard.press("Enter")
    note = page.locator("#items").get_by_role("status")
    expect(note).to_contain_text("By keys")
    reach(page, note.get_by_role("link", name="By keys"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keys")).to_be_visible()


def test_hostile_names_everywhere(browser: Browser, live_server: LiveServer, client: nucleus.NucleusClient) -> None:
    """Whatever has a name has a hostile one; every page that a link leads to shows text, and no script has run."""
    dataset = client.create_dataset(f"D {HOSTILE}")
    ids = [f"{i} {HOSTILE}" for i in range(8)]
    dataset.append([DatasetItem(reference_id=r, text=HOSTILE, metadata={HOSTILE: HOSTILE, "k": HOSTILE}) for r in ids])
    dataset.annotate([BoxAnnotation(HOSTILE, 1, 2, 3, 4, ids[0], metadata={HOSTILE: HOSTILE})])
    dataset.annotate([CategoryAnnotation(HOSTILE, ids[1], taxonomy_name=None)])
    function = client.validate.create_external_eval_function(
        HOSTILE.replace(" ", "/"), description=HOSTILE, unit="<b>ms</b>"
    )
    test = client.validate.create_scenario_test(
        f"T {HOSTILE}", dataset.create_slice(f"S {HOSTILE}", ids).id, [function]
    )
    test.set_tags(["<b>tag</b>"])
    models = [
        client.create_model(f"M{i} {HOSTILE}", f"m{i} {HOSTILE}", tags=["<i>x</i>"], metadata={HOSTILE: HOSTILE})
        for i in range(2)
    ]
    for i, model in enumerate(models):
        dataset.upload_predictions(model, [BoxPrediction(HOSTILE, 1, 2, 3, 4, ids[0], confidence=0.5)])
        dataset.upload_scores({function.name: "s"}, model, {"item_ref_id": ids, "s": [0.5 + i / 4] * len(ids)})
        test.set_baseline_model(models[0].id)
    drives = client.create_dataset(f"Drives {HOSTILE}", is_scene=True)
    frame = Frame(
        lidar=DatasetItem(pointcloud_location=f"https://example.com/{HOSTILE}.json", reference_id=f"cloud {HOSTILE}"),
        front=DatasetItem(f"https://example.com/{HOSTILE}.png", f"front {HOSTILE}"),
    )
    drives.append([LidarScene(f"scene {HOSTILE}", [frame], {HOSTILE: HOSTILE})]).sleep_until_complete()
    drives.annotate([BoxAnnotation(HOSTILE, 1, 2, 3, 4, f"front {HOSTILE}", track_reference_id=f"track {HOSTILE}")])
    user = client.create_user(f"U {HOSTILE}"[:60], "viewer")
    client.create_api_key(f"K {HOSTILE}"[:60], user_name=user.name)
    client.validate.create_release(f"R {HOSTILE}", models[1])
    context = browser.new_context()
    watched = Watched(context, live_server.address, "https://example.com/")
    page = watched.page
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    log_in(watched, live_server)
    todo, kinds = ["/"], {"/"}
    for path in todo:
        page.goto(live_server.address + path)
        expect(page.locator("h1")).to_have_count(1)
        assert page.locator("script:not([src]):not([type='application/json']), img[src=x], main b > b").count() == 0, (
            path
        )
        assert "49}}" not in page.content() and ">49" not in page.locator("h1").inner_text(), path
        for link in page.locator("a[href^='/']:not([download])").evaluate_all(
            "(all) => all.map((a) => a.getAttribute('href'))"
        ):
            kind = re.sub(r"(?<=/)[a-z]+_[a-z0-9]{8,}", "…", link.split("?")[0].split("#")[0])
            if kind not in kinds and not re.search(r"\.\w+$|^/media|^/files", kind):
                kinds.add(kind)
                todo.append(link)
    context.close()
    assert dialogs == [] and len(todo) > 20
    assert [text for text in watched.wrong if "ERR_" not in text and "example.com" not in text] == []
