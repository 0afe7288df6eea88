"""Images of a bucket in a real browser: shown by signed addresses, and what is not shown says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from tests.e2e.browsing import assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.bucket import LocalBucket, running_bucket
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer, running_server

KEY = "rain & fog/ü 1%25#?.png"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBucket]:
    """Two objects behind a credential; the key of one needs encoding."""
    image = write_png(tmp_path_factory.mktemp("images") / "a.png").read_bytes()
    with running_bucket(LocalBucket("drives", "eu-west-1", "AKTEST", "a secret/+=")) as running:
        running.objects = {KEY: image, "plain.png": image}
        yield running


@pytest.fixture(scope="module")
def media_server(bucket: LocalBucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The real program with that bucket."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "media.toml").write_text(
        f'[[bucket]]\nname = "drives"\nendpoint = "{bucket.origin}"\nregion = "eu-west-1"\naccess_key_id = "AKTEST"\n'
        'secret_access_key = "a secret/+="\n'
    )
    with running_server(folder) as server:
        yield server


@pytest.fixture(scope="module")
def dataset_path(media_server: LiveServer, bucket: LocalBucket) -> str:
    """Six items: two that are shown, one that is gone, and three that cannot be shown."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=media_server.endpoint)
    dataset = client.create_dataset("Drives")
    locations = {
        "encoded": f"s3://drives/{KEY}",
        "by https": f"{bucket.origin}/drives/plain.png",
        "gone": "s3://drives/gone.png",
        "stranger": "s3://elsewhere/1.png",
        "unlisted": "https://images.example.com/a/long/way/1.png",
        "scan": "s3://drives/scan.tiff",
    }
    dataset.append([DatasetItem(image_location=url, reference_id=name) for name, url in locations.items()])
    client.close()
    return f"/datasets/{dataset.id}"


def test_images_of_a_bucket_are_shown(
    browser: Browser, media_server: LiveServer, bucket: LocalBucket, dataset_path: str
) -> None:
    """By the browser alone, which the policy lets ask this bucket and nobody else."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context, media_server.address, bucket.origin)
    log_in(watched, media_server, dataset_path)
    page = watched.page
    for name in ("encoded", "by https"):
        figure = page.locator("figure.picture", has_text=name)
        expect(figure.locator("img")).to_be_visible()
        page.wait_for_function("name => document.querySelector(`img[alt='Item ${name}']`).naturalWidth > 0", arg=name)
    reasons = {
        "gone": ("not loaded", "it is gone (404)"),
        "stranger": ("no credential", "no credential for the bucket elsewhere"),
        "unlisted": ("origin not listed", "adds https://images.example.com to NUCLEUS_MEDIA_ORIGINS"),
        "scan": ("TIFF, no image", "Browsers show no TIFF"),
    }
    for name, (label, reason) in reasons.items():
        figure = page.locator("figure.picture", has_text=name)
        expect(figure.locator("summary")).to_contain_text(label)
        figure.locator("summary").press("Enter")
        expect(figure.locator("details p")).to_contain_text(reason)
    expect(page.get_by_role("link", name="Open the original").first).to_be_visible()
    watched.screenshot("media-dataset")
    page.locator("figcaption a", has_text="encoded").click()
    page.wait_for_function("document.querySelector('.stage img').naturalWidth > 0")
    page.goto(media_server.address + dataset_path)
    page.locator("figcaption a", has_text="gone").click()
    expect(page.locator(".stage details p")).to_contain_text("could not load this image")
    watched.screenshot("media-gone")
    context.close()
    assert {(key, status) for key, status in bucket.asked} == {(KEY, 200), ("plain.png", 200), ("gone.png", 404)}
    assert all("404" in text for text in watched.wrong), watched.wrong  # the browser's own note of what is gone


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_settings_list_places_of_media(
    browser: Browser, media_server: LiveServer, bucket: LocalBucket, dataset_path: str, theme: str
) -> None:
    """On a phone too, without barriers, and with what to add."""
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, media_server.address, bucket.origin)
    log_in(watched, media_server, "/settings")
    page = watched.page
    expect(page.locator("#media")).to_contain_text("https://images.example.com")
    page.get_by_text("What the operator sets to show them").click()
    expect(page.locator("#media code").last).to_contain_text("NUCLEUS_MEDIA_ORIGINS")
    assert_accessible(page)
    watched.screenshot(f"{theme}-media-settings")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    watched.screenshot(f"phone-{theme}-media-settings")
    page.goto(media_server.address + dataset_path)
    page.locator("summary", has_text="no credential").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert_accessible(page)
    watched.screenshot(f"phone-{theme}-media-dataset")
    context.close()
    assert all("404" in text for text in watched.wrong), watched.wrong
