"""The reference pages are those that the code gives."""

import csv
import gc
import re
from fnmatch import fnmatch

import pytest

from rankk import reference, schema
from rankk.component import Registry
from rankk.io.yaml_files import read_yaml

from ..conftest import ROOT


def test_the_committed_pages_are_current():
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert committed == reference.pages(), "run: make reference"


def test_every_registry_has_a_page_and_every_component_a_section():
    registries = [
        each for each in gc.get_objects() if isinstance(each, Registry) and each.base.__module__[:6] == "rankk."
    ]
    shown = {id(page[1]) for page in reference.OF_KINDS.values()}
    internal = {"step", "download"}  # what retrievers, corpora and models ask for; no configuration names them
    assert {each.kind for each in registries if id(each) not in shown} == internal
    pages = reference.pages()
    for file, (_, registry, _) in reference.OF_KINDS.items():
        for name in registry.names():
            assert f"\n## {name}\n" in pages[f"{file}.md"]


def test_every_setting_is_described():
    rows = [row for page in reference.pages().values() for row in page.splitlines() if row.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_section_of_a_configuration_is_described():
    sections = schema.schema()["properties"].keys()
    assert sections == reference.Experiment.model_fields.keys()
    assert all(f"| `{section}` |" in reference.pages()["experiment.md"] for section in sections)


def test_the_guide_to_configuration_names_every_key_of_a_section():
    guide = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    sections = (reference.Experiment, reference.Corpus, reference.Collection, reference.Reranker, reference.Translator)
    components = (*reference.RETRIEVERS.all().values(), *reference.BACKENDS.all().values())
    keys = {key for settings in (*sections, *components) for key in settings.model_fields}
    assert {key for key in keys if f"`{key}`" not in guide} == set()


def test_the_catalog_page_has_every_corpus_and_collection_with_its_counts():
    page = reference.pages()["catalog.md"]
    assert "| msmarco-v1-passage | eng | 8,841,823 | ir-datasets, msmarco-passage |" in page
    assert "| dl19 | msmarco-v1-passage | 8,841,823 | 43 | 9,260 | eng |" in page
    arguana = next(line for line in page.splitlines() if line.startswith("| beir-arguana | beir-arguana |"))
    assert "a query's own passage" in arguana
    of_catalog = page.partition("## Collections of single experiments")[0]
    rows = [line for line in of_catalog.splitlines() if line.startswith("| ") and "---" not in line]
    corpora, collections = (int(number) for number in re.search(r"(\d+) corpora and (\d+) collections", page).groups())
    assert len(rows) == corpora + collections + 2  # the two headers


@pytest.fixture(scope="module")
def collections():
    """Rows of the catalog's table of collections, by collection."""
    rows = [line.strip("| ").split(" | ") for line in reference.pages()["catalog.md"].splitlines()]
    return {row[0]: row for row in rows if len(row) == 10 and row[0] != "collection"}


def test_every_collection_has_a_published_figure_of_bm25_or_one_reason_why_there_is_none(collections):
    with (ROOT / "config" / "reference" / "unpublished.csv").open(encoding="utf-8") as file:
        reasons = list(csv.DictReader(file))
    for name, row in collections.items():
        fitting = [reason["reason"] for reason in reasons if fnmatch(name, reason["collections"])]
        if row[8] == "none":
            assert fitting == [row[9]]
        else:
            assert re.fullmatch(r"nDCG@[12]0 0\.\d{4}", row[8])
            assert not fitting
    assert all(any(fnmatch(name, reason["collections"]) for name in collections) for reason in reasons)


def test_counts_are_missing_only_where_no_source_states_them(collections):
    missing = {name for name, row in collections.items() if "not documented" in row[2:5]}
    assert missing == {"neuclirbench-fas", "neuclirbench-rus", "neuclirbench-zho"}


def test_every_collection_of_every_shipped_experiment_is_listed_with_its_counts(collections):
    own = reference.pages()["catalog.md"].partition("## Collections of single experiments")[2]
    rows = [line.strip("| ").split(" | ") for line in own.splitlines() if line.startswith("| ")][1:]
    listed = {(row[0], row[1]) for row in rows}
    for file in [*(ROOT / "config").glob("*.yaml"), *(ROOT / "config" / "train").glob("*.yaml")]:
        content, stem = read_yaml(file), file.relative_to(ROOT / "config").with_suffix("").as_posix()
        named = {name for part in content["grid"] for name in part["collections"]}
        assert named <= collections.keys() | {name for experiment, name in listed if experiment == stem}
        assert {(stem, name) for name in content.get("collections", {})} <= listed
    assert not [row for row in rows if "not documented" in " ".join(row)]
    assert all(row[9] == "none" and row[10] for row in rows)
