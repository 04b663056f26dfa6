"""Configurations with anything in them are accepted or refused in lines that name the file; nothing else happens.

Examples are drawn from a fixed seed, so that a failure comes back.
"""

import copy
import random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankk.config.loading import check, load
from rankk.errors import RankkError

seeded = settings(
    max_examples=250, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CELL = {"collection": "c", "language": "eng", "retriever": "bm25"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small files that the experiment names; the catalog is empty."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "p.jsonl").write_text('{"id": "d", "contents": "text"}\n')
    (folder / "q.tsv").write_text("q\tquery\n")
    (folder / "qrels.txt").write_text("q 0 d 1\n")
    (folder / "c.eng.trec").write_text("q Q0 d 1 1.0 t\n")
    (folder / "a.jsonl").write_text('{"qid": "q", "call": 0, "response": "[1]"}\n')
    (folder / "catalog").mkdir()
    return folder


def sound(folder):
    """An experiment with something of every section."""
    files = {"passages": f"{folder}/p.jsonl", "queries": {"eng": f"{folder}/q.tsv"}, "qrels": f"{folder}/qrels.txt"}
    return {
        "experiment": "x",
        "grid": [
            {
                "collections": ["c", "d"],
                "languages": ["eng"],
                "retrievers": ["bm25", "both"],
                "rerankers": ["none", "k"],
            },
            {
                "collections": ["c"],
                "languages": ["rus"],
                "retrievers": ["bm25", "s", "run", "mixed"],
                "rerankers": ["q"],
            },
        ],
        "baselines": {"q": "k"},
        "corpora": {"e": {"source": "files", "passages": f"{folder}/p.jsonl", "language": "eng"}},
        "collections": {
            "c": {
                "source": "files",
                "language": "eng",
                "measures": ["nDCG@10", "R(rel=2)@100"],
                "translations": {"rus": {"translator": "t"}},
            }
            | files,
            "d": {"corpus": "e", "queries": files["queries"], "qrels": files["qrels"], "drop": ["unknown passage"]},
        },
        "retrievers": {
            "bm25": {"type": "bm25", "k1": 0.9, "depth": 100, "query_language": "eng"},
            "s": {
                "type": "splade",
                "model": "m/s",
                "segments": {"characters": 1500, "stride": 750},
                "query_language": "eng",
            },
            "both": {"type": "fusion", "retrievers": ["bm25", "s"]},
            "run": {"type": "run", "path": f"{folder}/{{collection}}.eng.trec"},
            "mixed": {"type": "shuffled", "retriever": "bm25"},
        },
        "rerankers": {
            "k": {"preset": "rank-k", "strategy": "sliding", "window": 4, "stride": 2, "depth": 8, "samples": 2},
            "q": {
                "backend": "replay",
                "responses": f"{folder}/a.jsonl",
                "strategy": "topdown",
                "window": 20,
                "top_k": 5,
            },
        },
        "translators": {"t": {"model": "trained", "backend": "vllm"}},
        "training": {
            "trained": {
                "base": "m/base",
                "reranker": "k",
                "windows": {"of": [CELL], "ranks": [[1, 20]], "sizes": [10, 20]},
                "licence": "Apache-2.0",
            }
        },
    }


SAMPLES = [
    None, True, False, 0, -1, 1, 2, 1.5, 10**9, 10**18, 10**400, float("inf"), float("nan"), "", " ", "none", "average",
    "k", "q", "c", "bm25", "both", "mixed", "s", "eng", "xxx", "no/where", "../x", "/", "{x}", "{collection}", "{",
    "${NOT_SET}", "${HOME}", "$a_$b", "\n", "\0", "x" * 300, "日本", "\ud800", "http://", "not a url", "nDCG@0", "P",
    "RBP(p=2)@x", "sliding", "setwise", "pointwise", "tournament", "rank1", "qwq", "replay", "openai", "fusion",
    "shuffled", "splade", "bright", "squad", "rrf", [], {}, [[]], [None], ["k", "k"], {"a": {"b": []}},
    {"type": "bm25"}, {"preset": "rank1"}, {1: 2}, [1, 20], [[20, 1]],
]  # fmt: skip
VALUES = st.one_of(st.sampled_from(SAMPLES), st.text(max_size=5), st.integers(), st.floats()).map(copy.deepcopy)
KEYS = [
    "type", "source", "corpus", "model", "base", "retriever", "retrievers", "strategy", "preset", "backend",
    "responses", "base_url", "engine", "fusion", "merge", "window", "stride", "depth", "top_k", "samples", "shards",
    "prebuilt", "segments", "translations", "plugins", "mirror", "teacher", "path", "language", "drop", "max_queries",
    "temperature", "max_tokens", "thinking_tokens", "nope",
]  # fmt: skip
PIECES = ["", "\n", " ", "{", "[", "- ", ": ", "&a ", "*a", "'", "#", "no", "?", "|\n"]


def places(value, path=()):
    """Paths of all values within a value."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


def inside(value, path):
    for key in path:
        value = value[key]
    return value


@st.composite
def mutated(draw, value):
    """A copy with some values replaced, removed, renamed, copied from elsewhere or added."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in places(value) if path]))
        parent, key = inside(value, path[:-1]), path[-1]
        change = draw(st.sampled_from(["replace", "replace", "remove", "rename", "copy", "add"]))
        if change == "remove":
            del parent[key]
        elif change == "rename" and isinstance(parent, dict):
            parent[draw(VALUES.filter(lambda name: isinstance(name, str | int | float | None)))] = parent.pop(key)
        elif change == "add" and isinstance(parent[key], dict):
            parent[key][draw(st.sampled_from(KEYS))] = draw(VALUES)
        elif change == "add" and isinstance(parent[key], list):
            parent[key].append(draw(VALUES))
        elif change == "copy":
            parent[key] = copy.deepcopy(inside(value, draw(st.sampled_from(list(places(value))))))
        else:
            parent[key] = draw(VALUES)
        if not isinstance(value, dict) or not any(path for path in places(value)):
            break
    return value


def check_messages(error, file):
    """Every line names the file."""
    lines = str(error).split("\n")
    assert all(str(file) in line for line in lines), lines
    assert len(str(error)) < 10_000


def test_the_experiment_itself_is_sound(folder):
    experiment = check(sound(folder), "x.yaml", folder / "catalog")
    assert len(experiment.cells) == 16


@seeded
@given(data=st.data())
def test_any_configuration_is_accepted_or_refused_in_lines_that_name_the_file(folder, data):
    try:
        check(data.draw(mutated(sound(folder))), "x.yaml", folder / "catalog")
    except RankkError as error:
        check_messages(error, "x.yaml")


@seeded
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6))
def test_any_text_of_a_configuration_is_accepted_or_refused_in_lines_that_name_the_file(
    folder, tmp_path_factory, seed, count, monkeypatch
):
    draw = random.Random(seed)
    text = yaml.safe_dump(sound(folder))
    for _ in range(count):
        start = draw.randrange(len(text))
        end = start + draw.choice([0, 1, 5, 40])
        text = (
            text[:start]
            + draw.choice(
                ["", "\n", " ", "{", "[", "- ", ": ", "&a ", "*a", "'", "#", "no", "?", "|\n", text[start:end] * 2]
            )
            + text[end:]
        )
    file = folder / "x.yaml"
    file.write_text(text)
    monkeypatch.setattr("rankk.config.loading.catalog_folder", lambda: folder / "catalog")
    try:
        load(file)
    except RankkError as error:
        check_messages(error, file)
