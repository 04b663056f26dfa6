"""First stages that search something else than the collection's own whole passages, and files from a hub."""

import json

import pytest
import yaml

from rankk.io.files import read_jsonl
from rankk.io.trec import read_run

from ..conftest import MINI, mini_collection
from ..fake_hub import FakeHub
from .test_small_grid import snakemake

QRELS = MINI / "qrels.txt"


def write(folder, collections, retrievers, grid):
    config = {"experiment": "small", "grid": [grid], "collections": collections, "retrievers": retrievers}
    (folder / "small.yaml").write_text(yaml.safe_dump(config))


def collection(passages, qrels=QRELS, **settings):
    return mini_collection(passages=str(passages), qrels=str(qrels), max_queries=5, **settings)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Passages in a language that no query matches, searched by their translations; and passages cut into segments."""
    folder = tmp_path_factory.mktemp("searched")
    with (folder / "unreadable.jsonl").open("w") as file:
        for _, record in read_jsonl(MINI / "passages.jsonl"):
            file.write(json.dumps({"id": record["id"], "contents": "xxx"}) + "\n")
    retrievers = {
        "bm25": {"type": "bm25", "depth": 20},
        "translated": {"type": "bm25", "depth": 20, "passage_language": "eng"},
        "maxp": {"type": "bm25", "depth": 20, "segments": {"characters": 200, "stride": 100}},
    }
    foreign = collection(folder / "unreadable.jsonl", language="deu", parallel_corpora={"eng": "mini"})
    collections = {"mini": collection(MINI / "passages.jsonl"), "foreign": foreign}
    grid = {"collections": ["mini", "foreign"], "languages": ["eng"], "retrievers": list(retrievers)}
    write(folder, collections, retrievers, grid)
    cells = [("mini", "bm25"), ("foreign", "translated"), ("mini", "maxp")]
    done = snakemake(folder, *(f"results/runs/{c}/eng/{retriever}/none.trec" for c, retriever in cells))
    assert done.returncode == 0, done.stderr
    return folder


def run(folder, collection, retriever):
    return read_run(folder / f"results/runs/{collection}/eng/{retriever}/none.trec")


def test_a_translation_is_searched_in_the_passages_place(searched):
    assert run(searched, "foreign", "translated") == run(searched, "mini", "bm25")
    assert not (searched / "results/indexes/foreign").exists()


def test_segments_are_searched_and_passages_are_what_the_run_holds(searched):
    whole, pieces = run(searched, "mini", "bm25"), run(searched, "mini", "maxp")
    assert (searched / "results/indexes/mini/bm25.200-100").is_dir()
    ids = {record["id"] for _, record in read_jsonl(MINI / "passages.jsonl")}
    for qid, hits in pieces.items():
        assert {hit.docid for hit in hits} <= ids
        assert len(hits) == len(whole[qid])
        assert len({hit.docid for hit in hits} & {hit.docid for hit in whole[qid]}) >= 10
    assert pieces != whole


def test_a_prebuilt_index_is_searched_and_none_is_built(searched, tmp_path):
    index = tmp_path / "results/downloads/indexes/msmarco-v1-passage"
    index.parent.mkdir(parents=True)
    (searched / "results/indexes/mini/bm25").rename(index)
    retrievers = {"bm25": {"type": "bm25", "depth": 20, "prebuilt": "published"}}
    grid = {"collections": ["mini"], "languages": ["eng"], "retrievers": ["bm25"]}
    mini = collection(MINI / "passages.jsonl", prebuilt={"published": "msmarco-v1-passage"})
    write(tmp_path, {"mini": mini}, retrievers, grid)
    done = snakemake(tmp_path, "results/runs/mini/eng/bm25/none.trec")
    assert done.returncode == 0, done.stderr
    assert run(tmp_path, "mini", "bm25") == run(searched, "mini", "bm25")
    assert "Retrieve mini/eng/bm25" in done.stderr
    assert "Index bm25" not in done.stderr


@pytest.mark.parametrize(
    ("retriever", "prebuilt", "message"),
    [
        ({"prebuilt": "x"}, {"x": "msmarco-v9"}, "retrievers.bm25.prebuilt: 'msmarco-v9' is no prebuilt index"),
        ({"prebuilt": "x"}, {"x": "bright-pony.splade-v3"}, "'bright-pony.splade-v3' is an impact index"),
        ({"passage_language": "fra"}, {}, "retrievers.bm25.passage_language: 'fra' is no translation of corpus 'mini'"),
        ({"segments": {"characters": 10, "stride": 20}}, {}, "segments.stride: 20 is larger than characters 10"),
    ],
)
def test_what_cannot_be_searched_is_named_before_any_job(tmp_path, retriever, prebuilt, message):
    grid = {"collections": ["mini"], "languages": ["eng"], "retrievers": ["bm25"]}
    mini = collection(MINI / "passages.jsonl", prebuilt=prebuilt)
    write(tmp_path, {"mini": mini}, {"bm25": {"type": "bm25"} | retriever}, grid)
    done = snakemake(tmp_path, "-n")
    assert done.returncode != 0
    assert message in done.stderr


def test_files_of_a_hub_are_fetched_once_by_the_downloads_target(tmp_path, monkeypatch):
    files = {"data/p.jsonl": (MINI / "passages.jsonl").read_bytes(), "data/qrels.txt": QRELS.read_bytes()}
    hub = {name: f"hub://owner/tiny/data/{file}" for name, file in (("passages", "p.jsonl"), ("qrels", "qrels.txt"))}
    grid = {"collections": ["mini"], "languages": ["eng"], "retrievers": ["bm25"]}
    write(tmp_path, {"mini": collection(**hub)}, {"bm25": {"type": "bm25", "depth": 20}}, grid)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with FakeHub(files) as server:
        with (tmp_path / "small.yaml").open("a") as file:
            file.write(f"mirror: {server.url}\n")
        done = snakemake(tmp_path, "downloads")
        assert done.returncode == 0, done.stderr
        assert sorted(server.sent) == sorted(files)
    done = snakemake(tmp_path, "results/runs/mini/eng/bm25/none.trec")  # the hub is gone
    assert done.returncode == 0, done.stderr
    assert len(run(tmp_path, "mini", "bm25")) == 5
