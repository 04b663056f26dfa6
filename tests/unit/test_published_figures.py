"""Published first-stage figures and counts of the catalog against the regressions that Anserini's jar carries."""

import csv
import re
import zipfile

import pytest
import yaml

from rankk.retrievers.lucene import jar

from ..conftest import ROOT

CONFIGS = "reproduce/from-document-collection/configs"
PUBLISHED = list(csv.DictReader((ROOT / "config" / "reference" / "published.csv").open(encoding="utf-8")))
MODELS = {
    "bm25": ("bm25", "bm25-default"),
    "bm25-prebuilt": ("bm25-default",),
    "bm25-mt": ("bm25-default",),
    "bm25-query-side": ("bm25qs",),
    "bm25-rm3": ("bm25-default+rm3",),
    "bm25-rocchio": ("bm25-default+rocchio",),
    "bge": ("bge-hnsw-onnx",),
    "bge-large": ("bge-flat-onnx",),
    "splade-v3": ("splade-v3-onnx",),
}
"""Anserini's names for the settings of our retrievers."""


def regression(name):
    with zipfile.ZipFile(jar()) as archive:
        return yaml.safe_load(archive.read(f"{CONFIGS}/{name}.yaml"))


def topics(row):
    """Anserini's name for the topics of a NeuCLIR collection."""
    if "neuclir" not in row["collection"]:
        return None
    translated = {"": "ht-title", "td": "ht-desc_title", "mtq": "mt-title"}
    original = {"": "title", "td": "desc_title"}
    suffix = re.sub(r"^neuclir-2022-\w{3}-?", "", row["collection"])
    return (original if row["retriever"] == "bm25-mt" else translated)[suffix]


@pytest.mark.parametrize(
    "row",
    [row for row in PUBLISHED if row["source"].startswith("Anserini")],
    ids=lambda row: f"{row['collection']} {row['retriever']}",
)
def test_a_figure_of_anserinis_is_the_one_of_its_regression(row):
    config = regression(row["source"].rpartition(" ")[2])
    model = next(model for model in config["models"] if model["name"] in MODELS[row["retriever"]])
    named = topics(row)
    position = [topic["id"] for topic in config["topics"]].index(named) if named else 0
    assert float(row["value"]) == model["results"][row["measure"]][position]


def test_brights_passages_are_as_many_as_anserini_indexes():
    catalog = yaml.safe_load((ROOT / "config" / "catalog" / "bright.yaml").read_text(encoding="utf-8"))
    for name, corpus in catalog["corpora"].items():
        assert corpus["expected_passages"] == regression(name)["index_stats"]["documents"]
