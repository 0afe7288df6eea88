"""The official command line, of both generations, against the real program."""

from __future__ import annotations

import subprocess

import pytest

import nucleus
from tests.support.official import VERSIONS, official_python
from tests.support.server import ADMIN_KEY, LiveServer, environment


@pytest.mark.parametrize("version", VERSIONS)
def test_its_lists_show_whole_ids(version: str, live_server: LiveServer) -> None:
    """In tables of 80 columns, in which scripts look for them."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset(f"dataset {version}")
    dataset.append({"reference_id": ["a"], "text": ["t"]})
    part = dataset.create_slice("slice", ["a"])
    model = client.create_model(f"model {version}", version)
    function = client.validate.create_external_eval_function(f"f{version}")
    test = client.validate.create_scenario_test(f"test {version}", part.id, [function])
    for noun, object_id in (("datasets", dataset.id), ("slices", part.id), ("models", model.id), ("tests", test.id)):
        shown = subprocess.run(
            [str(official_python(version).with_name("nu")), noun, "list"],
            env=environment(NUCLEUS_ENDPOINT=live_server.endpoint, NUCLEUS_API_KEY=ADMIN_KEY, COLUMNS="80"),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert shown.returncode == 0, shown.stderr
        assert object_id in shown.stdout, shown.stdout
