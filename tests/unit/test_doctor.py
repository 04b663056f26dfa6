"""What `rankk doctor` finds in an experiment before any job is queued, and after its sources are built."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rankk import doctor, paths
from rankk.cli import main
from rankk.config.loading import load
from rankk.stages import Stages

from ..conftest import ROOT
from ..fake_hub import FakeHub

EXPERIMENT = """
experiment: x
grid: [{collections: [mini], languages: [eng], retrievers: [bm25], rerankers: [none, small]}]
rerankers:
  small: {preset: listwise, model: MODEL}
collections:
  mini:
    source: files
    language: eng
    licence: CC0-1.0
    passages: resources/mini/passages.jsonl
    queries: {eng: resources/mini/queries.eng.tsv}
    qrels: resources/mini/qrels.txt
    expected_passages: 100
    expected_queries: 40
    expected_judgments: 451
"""


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """An experiment whose results are in a folder of its own; its model is given by name, default: a folder there."""
    monkeypatch.setattr(paths, "RESULTS", str(tmp_path / "results"))

    def loaded(model=None):
        text = EXPERIMENT.replace("MODEL", model or str(tmp_path / "mine")).replace("resources/", f"{ROOT}/resources/")
        (tmp_path / "x.yaml").write_text(text)
        return load(tmp_path / "x.yaml")

    return loaded


@pytest.fixture
def prebuilt(experiment, tmp_path):
    """An experiment with a published index."""
    grid = "[{collections: [dl19], languages: [eng], retrievers: [bm25-prebuilt]}]"
    (tmp_path / "x.yaml").write_text(f"experiment: x\ngrid: {grid}\n")
    return load(tmp_path / "x.yaml")


def texts(found, level):
    return [str(finding) for finding in found if finding.level == level]


def test_a_local_model_that_is_not_there_or_has_no_tokenizer_is_wrong(experiment, tmp_path):
    assert f"model {tmp_path}/mine: no such folder -> give the folder" in texts(doctor.models(experiment()), "wrong")[0]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.json").write_text("{}")
    assert "lacks tokenizer_config.json" in texts(doctor.models(experiment()), "wrong")[0]
    (tmp_path / "mine/tokenizer_config.json").write_text("{}")
    assert "its tokenizer cannot be read" in texts(doctor.models(experiment()), "wrong")[0]


def test_a_download_is_there_missing_or_a_link_whose_cache_is_gone(experiment):
    with_model = experiment("rankk-mini")
    name, download = next(iter(Stages(with_model).downloads.items()))
    assert any("not there yet" in text for text in texts(doctor.downloads(with_model), "note"))
    path = Path(download.path)
    path.mkdir(parents=True)
    assert f"ok     {name}: there" in texts(doctor.downloads(with_model), "ok")
    path.rmdir()
    path.symlink_to("gone")
    assert f"{name}: {path} is a link to gone, which is gone" in texts(doctor.downloads(with_model), "wrong")[0]


def test_published_indexes_are_told_with_the_size_that_anserini_knows(prebuilt):
    found = texts(doctor.downloads(prebuilt), "note")
    assert any("indexes/msmarco-v1-passage: not there yet (2.2 GB)" in text for text in found)


@pytest.mark.parametrize(
    ("model", "gated", "told"),
    [
        ("owner/tiny", False, "note   models/owner/tiny@main: not there yet (7.0 MB; no licence stated)"),
        (
            "owner/tiny",
            True,
            "wrong  models/owner/tiny@main: gated, and not open to this user -> accept its licence at",
        ),
        ("owner/other", False, "wrong  models/owner/other@main: not on the hub, or for its owner only"),
    ],
)
def test_the_hub_is_asked_for_a_models_size_and_whether_it_is_open(experiment, tmp_path, model, gated, told):
    experiment(model)
    with FakeHub({"config.json": b"{}", "model.safetensors": bytes(7_000_000)}, gated=gated) as hub:
        environment = os.environ | {"HF_ENDPOINT": hub.url}
        environment.pop("HF_HUB_OFFLINE", None)
        command = [sys.executable, "-m", "rankk", "doctor", "x.yaml"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    assert told in done.stdout
    assert done.returncode == told.startswith("wrong")


def test_a_disk_without_room_is_wrong(prebuilt, monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "1.0 GB free" in texts(doctor.downloads(prebuilt), "wrong")[0]


def test_counts_of_what_is_built_are_those_of_the_catalog_less_known_drops(experiment):
    corpus = Path(paths.corpus("mini", "corpus.json"))
    collection = Path(paths.collection("mini", "collection.json"))
    for path in (corpus, collection):
        path.parent.mkdir(parents=True)
    assert not list(doctor.counts(experiment()))
    corpus.write_text(json.dumps({"passages": 98, "dropped": {"empty passage": 2}}))
    collection.write_text(json.dumps({"queries": {"eng": 40}, "judgments": 450, "dropped": {"unknown passage": 1}}))
    assert not texts(doctor.counts(experiment()), "wrong")
    corpus.write_text(json.dumps({"passages": 99, "dropped": {"empty passage": 2}}))
    collection.write_text(json.dumps({"queries": {"eng": 0}, "judgments": 450, "dropped": {}}))
    assert [text.partition(" ->")[0] for text in texts(doctor.counts(experiment()), "wrong")] == [
        "wrong  corpus mini: passages: 101, 2 of them dropped as known faults; expected 100",
        "wrong  collection mini: queries in eng: 0; expected 40",
        "wrong  collection mini: judgments: 450; expected 451",
    ]


def test_counts_of_another_release_are_a_note_and_languages_with_fewer_queries_are_nothing(experiment, tmp_path):
    experiment()
    grid = "[{collections: [gimp-help], languages: [eng], retrievers: [bm25]}]"
    (tmp_path / "x.yaml").write_text(f"experiment: x\ngrid: {grid}\n")
    help_of_gimp = load(tmp_path / "x.yaml")
    path = Path(paths.collection("gimp-help", "collection.json"))
    path.parent.mkdir(parents=True)
    expected = help_of_gimp.collections["gimp-help"].expected_queries
    for number, levels in ((expected, ["ok", "ok"]), (expected + 1, ["note", "note"])):
        path.write_text(json.dumps({"queries": {"eng": number, "zho": 64}, "judgments": number, "dropped": {}}))
        assert [finding.level for finding in doctor.counts(help_of_gimp)] == levels


@pytest.mark.parametrize(("number", "level"), [(40, "ok"), (43, "note"), (0, "wrong"), (60, "wrong")])
def test_a_count_that_the_source_states_roughly_may_differ_a_little(experiment, tmp_path, number, level):
    experiment()
    text = (
        (tmp_path / "x.yaml").read_text().replace("expected_queries: 40", "expected_queries: 40\n    approximate: true")
    )
    (tmp_path / "x.yaml").write_text(text)
    path = Path(paths.collection("mini", "collection.json"))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"queries": {"eng": number}, "judgments": 451, "dropped": {}}))
    found = next(iter(doctor.counts(load(tmp_path / "x.yaml"))))
    assert found.level == level
    if level == "note":
        assert "its source has about 40" in str(found)


def test_each_licence_is_told_once_with_those_who_have_it(experiment):
    assert texts(doctor.licences(experiment()), "note") == ["note   licence CC0-1.0; to fetch accepts it: mini"]


def test_the_exit_code_is_1_when_something_is_wrong_and_0_otherwise(experiment, tmp_path, capsys):
    experiment()
    assert main(["doctor", str(tmp_path / "x.yaml")]) == 1
    told = capsys.readouterr()
    assert "no such folder" in told.out
    assert "1 of the checks found something wrong" in told.err
    experiment("rankk-mini")
    assert main(["doctor", str(tmp_path / "x.yaml")]) == 0


def test_a_java_that_is_missing_is_wrong(experiment, monkeypatch):
    monkeypatch.setattr("rankk.retrievers.lucene.java", lambda: Path("/nowhere/java"))
    assert "Java" in texts(doctor.programs(experiment()), "wrong")[0]
