"""The training branch from windows to a card, with a model of random weights, and vLLM on what came out of it."""

import csv
import json

import pytest
import yaml

from rankk.io.files import read_jsonl
from rankk.io.trec import read_queries
from rankk.llm.journal import read_journal
from rankk.llm.tokenizers import ModelTokenizer
from rankk.provenance import gpus
from rankk.reranking.presets import load_preset
from rankk.reranking.prompts import neutralize, render

from ..conftest import mini_collection
from ..tiny_model import build_model, greedy
from ..workflow.test_small_grid import snakemake

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.llm,
    pytest.mark.slow,
    pytest.mark.skipif(bool(gpus()), reason="checks the CPU engine"),
]

TOKENS = 8
COLLECTION = mini_collection(licence="CC0")
CELL = {"language": "eng", "retriever": "bm25"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An experiment that trains a model on mini's queries and reranks two of them with it."""
    folder = tmp_path_factory.mktemp("training")
    config = {
        "experiment": "small",
        "grid": [{"collections": ["few"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["none", "own"]}],
        "collections": {"mini": COLLECTION, "few": COLLECTION | {"max_queries": 2}},
        "retrievers": {"bm25": {"type": "bm25", "depth": 20}},
        "rerankers": {
            "own": {
                "preset": "listwise",
                "model": "taught",
                "depth": 4,
                "window": 4,
                "stride": 2,
                "passage_tokens": 20,
                "max_tokens": TOKENS,
                "engine": {"max_model_len": 1024, "max_num_seqs": 8, "dtype": "float32"},
            }
        },
        "training": {
            "taught": {
                "base": str(build_model(tmp_path_factory.mktemp("base"))),
                "reranker": "own",
                "windows": {
                    "of": [CELL | {"collection": "mini"}],
                    "development": [CELL | {"collection": "few"}],
                    "ranks": [[1, 8]],
                    "sizes": [3, 5],
                    "queries": 12,
                },
                "thoughts": {"grades": 0.5, "cut": 0.5, "thresholds": [5.0, 10.0]},
                "fit": {
                    "lora_rank": 2,
                    "lora_alpha": 4,
                    "learning_rate": 0.02,
                    "batch": 4,
                    "micro_batch": 4,
                    "gpus": 0,
                },
                "licence": "CC0",
            }
        },
    }
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(folder, seconds=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_the_engine_answers_with_the_trained_model_as_transformers_does(trained):
    model = trained / "results/models/taught"
    cell = trained / "results/collections/few"
    corpus = trained / "results/corpora/few/passages.jsonl"
    passages = {record["id"]: record["contents"] for _, record in read_jsonl(corpus)}
    queries = read_queries(cell / "queries.eng.tsv")
    tokenizer = ModelTokenizer(model)
    records = list(read_journal(trained / "results/runs/few/eng/bm25/own.calls.jsonl"))
    assert len(records) == 2
    for record in records:
        texts = [tokenizer.cut(neutralize(passages[docid]), 20) for docid in record.window]
        prompt = render(load_preset("listwise"), queries[record.qid], texts)
        expected = greedy(model, tokenizer.render(prompt), TOKENS)
        assert record.text == expected.rstrip("\ufffd")  # vLLM keeps the bytes of an unfinished character back
        assert record.output_tokens == TOKENS


def test_a_card_and_a_curve_tell_how_the_model_came_about(trained):
    folder = trained / "results/training/taught"
    card = (folder / "README.md").read_text()
    assert "Licence: CC0" in card
    assert "| few | eng, 2 | bm25 | own | nDCG@10 |" in card
    facts = json.loads((folder / "windows.json").read_text())
    assert facts["train"] == 12
    assert f"| train | {facts['train']} |" in card
    taught = json.loads((folder / "examples.json").read_text())
    graded = taught.get("with grades", 0) + taught.get("with grades, cut off", 0)
    thoughts = [record for _, record in read_jsonl(folder / "examples.jsonl.gz") if record.get("kind") == "grades"]
    assert graded == len(thoughts) > 0
    assert "grades 0.5" in card
    assert (folder / "figures/loss.pdf").exists()
    with (folder / "adapter/training.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert any(row["development_loss"] for row in rows)
    assert all(0 <= float(row["development_first_place_accuracy"]) <= 1 for row in rows if row["development_loss"])
