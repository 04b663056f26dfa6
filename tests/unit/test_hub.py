"""Models from a hub: linked from its cache when complete and sound; every refusal says what to do."""

import os
import subprocess
import sys

import pytest

from rankk.fetching import hub

from ..fake_hub import COMMIT, FakeHub

FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"the same again"}


@pytest.fixture
def fetch(tmp_path):
    """Fetching in a process of its own, for the hub's library reads its settings once."""

    def fetched(url, model="owner/tiny"):
        environment = os.environ | {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        environment.pop("HF_HUB_OFFLINE", None)
        code = f"from rankk.fetching.hub import HubModel; HubModel(model={model!r}).run({str(tmp_path / 'model')!r})"
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    return fetched


def test_a_model_is_linked_from_the_hubs_cache_without_its_other_formats(fetch, tmp_path):
    with FakeHub(FILES) as server:
        done = fetch(server.url)
        assert done.returncode == 0, done.stderr
        assert sorted(server.sent) == ["config.json", "model.safetensors"]
    model = tmp_path / "model"
    assert (model / "model.safetensors").read_bytes() == b"weights"
    assert hub.commit(model) == COMMIT


def test_what_the_cache_holds_needs_no_network(fetch, tmp_path):
    with FakeHub(FILES) as server:
        fetch(server.url)
        url = server.url
    (tmp_path / "model").unlink()
    done = fetch(url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "config.json").exists()


@pytest.mark.parametrize(
    ("options", "model", "message"),
    [
        ({"gated": True}, "owner/tiny", "owner/tiny (0.0 GB) is gated: accept its licence"),
        ({}, "owner/other", "owner/other (size not told): not there"),
        ({"damaged": True}, "owner/tiny", "damaged on its way"),
    ],
)
def test_a_refusal_says_what_to_do_and_leaves_no_model(fetch, tmp_path, options, model, message):
    with FakeHub(FILES, **options) as server:
        done = fetch(server.url, model)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "model").exists()


def test_a_hub_that_cannot_be_reached_is_an_error_that_names_the_ways_around(fetch):
    done = fetch("http://127.0.0.1:9")
    assert "snakemake downloads" in done.stderr
    assert "HF_ENDPOINT names a mirror" in done.stderr


def test_only_owner_and_name_without_such_a_folder_in_the_working_directory_are_a_hub_id(tmp_path):
    (tmp_path / "local" / "Rank-K-32B").mkdir(parents=True)
    names = ["hltcoe/Rank-K-32B", "local/Rank-K-32B", "smollm2-135m", "/models/a/b"]
    code = f"from rankk.fetching.hub import is_hub_id; print([is_hub_id(name) for name in {names}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[True, False, False, False]\n"
