"""A wrong configuration is one line that names file, key path, value and what was expected."""

import re
from pathlib import Path

import pytest
import yaml

from rankk.config.definitions import SECTIONS
from rankk.config.loading import check, check_merged, expand, read_yaml
from rankk.config.reranker import Reranker
from rankk.config.used import Definitions
from rankk.errors import RankkError
from rankk.paths import Cell
from rankk.schema import schema

from ..conftest import ROOT


@pytest.fixture
def config(tmp_path):
    """A sound experiment over small files."""
    (tmp_path / "p.jsonl").write_text('{"id": "d", "contents": "text"}\n')
    (tmp_path / "q.tsv").write_text("q\tquery\n")
    (tmp_path / "qrels.txt").write_text("q 0 d 1\n")
    return {
        "experiment": "small",
        "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["none", "r"]}],
        "collections": {
            "c": {
                "source": "files",
                "language": "eng",
                "passages": str(tmp_path / "p.jsonl"),
                "queries": {"eng": str(tmp_path / "q.tsv")},
                "qrels": str(tmp_path / "qrels.txt"),
            }
        },
        "retrievers": {"bm25": {"type": "bm25"}},
        "rerankers": {"r": {"preset": "listwise", "model": "m"}},
    }


def test_what_figures_show_alike_is_refused(config):
    config["rerankers"]["s"] = {"preset": "listwise", "model": "m", "depth": 50, "title": "R"}
    config["grid"][0]["rerankers"].append("s")
    check(config, "x.yaml")
    for title, other in (("R", "r"), ("first stage", "none")):
        config["rerankers"]["r"]["title"] = "R"
        config["rerankers"]["s"]["title"] = title
        with pytest.raises(
            RankkError, match=rf"x.yaml: rerankers.s: is shown as '{title}', as '{other}' is; give it a"
        ):
            check(config, "x.yaml")
    config["rerankers"]["s"]["title"] = "S"
    config["retrievers"]["r"] = {"type": "bm25", "title": "another"}
    config["grid"][0]["retrievers"].append("r")
    with pytest.raises(RankkError, match=r"x.yaml: (retrievers|rerankers).r: another definition of that name is shown"):
        check(config, "x.yaml")


def put(config, path, value):
    *parents, last = path
    for key in parents:
        config = config[key]
    config[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["grids"], [], "x.yaml: grids: unknown key"),
        (["grid", 0, "retriever"], ["bm25"], "x.yaml: grid[0].retriever: unknown key"),
        (["grid", 0, "languages"], "eng", "x.yaml: grid[0].languages: 'eng': input should be a valid list"),
        (["grid", 0, "languages"], ["english"], "x.yaml: grid[0].languages[0]: 'english': string should match pattern"),
        (
            ["grid", 0, "languages"],
            ["fas"],
            "x.yaml: grid[0].languages: 'fas' has no queries in collection 'c'; expected",
        ),
        (["grid", 0, "collections"], ["d"], "x.yaml: grid[0].collections: 'd' is not among the collections"),
        (["grid", 0, "retrievers"], ["bm52"], "'bm52' is not among the retrievers; expected one of: bm25"),
        (["grid", 0, "rerankers"], ["none", "s"], "x.yaml: grid[0].rerankers: 's' is not among the rerankers"),
        (["retrievers", "bm25", "k1"], "high", "x.yaml: retrievers.bm25.k1: 'high': input should be a valid number"),
        (["retrievers", "bm25", "type"], "bm26", "x.yaml: retrievers.bm25"),
        (["collections", "c", "passages"], "no.jsonl", "x.yaml: collections.c.passages: no.jsonl: no such file"),
        (["collections", "c", "measures"], ["nDGC@10"], "x.yaml: collections.c.measures: measure 'nDGC@10' cannot be"),
        (["rerankers", "r", "stride"], 30, "x.yaml: rerankers.r.window: 20 is smaller than stride 30"),
        (["rerankers", "r", "depth"], 10, "x.yaml: rerankers.r.depth: 10 is smaller than window 20"),
        (["rerankers", "r", "engine"], {"gpus": 2}, "x.yaml: rerankers.r.engine.gpus: unknown key"),
        (["rerankers", "r", "engine"], {"quantization": "fp-8"}, "x.yaml: rerankers.r.engine.quantization: 'fp-8': "),
        (["rerankers", "r", "engine"], {"max_model_len": 4096}, "x.yaml: rerankers.r.engine.max_model_len: 4096: the "),
        (["rerankers", "r", "title"], "a\nb", "x.yaml: rerankers.r.title: 'a\\nb': string should match pattern"),
        (["retrievers", "bm25", "depth"], 10**9, "x.yaml: retrievers.bm25.depth: 1000000000: input should be less"),
        (["rerankers", "r", "engine"], {"kv_cache_dtype": "f8"}, "x.yaml: rerankers.r.engine.kv_cache_dtype: 'f8': "),
        (["rerankers", "r", "backend"], "replay", "x.yaml: rerankers.r.responses: missing"),
        (
            ["rerankers", "r"],
            {"backend": "replay", "responses": "{reranker}/a.jsonl"},
            "x.yaml: rerankers.r.responses: '{reranker}/a.jsonl': unknown placeholder {reranker}; expected ",
        ),
        (
            ["rerankers", "r"],
            {"backend": "replay", "responses": "no/{language}.jsonl"},
            "x.yaml: rerankers.r.responses: no/eng.jsonl: no such file",
        ),
        (["baselines"], {"r": "rankzephyr"}, "x.yaml: baselines.r: 'rankzephyr' is not among the grid's rerankers"),
        (["baselines"], {"r": "r"}, "x.yaml: baselines.r: a reranker cannot be its own baseline"),
        (["baselines"], {"r": "none", "none": "r"}, "x.yaml: baselines.r: 'r' and 'none' are each other's baseline"),
    ],
)
def test_a_fault_is_named_with_file_key_path_value_and_expectation(config, tmp_path, path, value, message):
    put(config, path, value)
    with pytest.raises(RankkError, match=re.escape(message)) as raised:
        check(config, "x.yaml", tmp_path / "no-catalog")
    assert len(str(raised.value).splitlines()) == 1


def test_a_fault_in_the_catalog_names_the_catalogs_file(config, tmp_path):
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "retrievers.yaml").write_text("retrievers: {x: {type: bm25, k: 1.2}}\n")
    config["grid"][0]["retrievers"] = ["x"]
    with pytest.raises(RankkError, match=r"catalog/retrievers\.yaml: retrievers\.x\.k: unknown key"):
        check(config, "x.yaml", tmp_path / "catalog")


def test_every_reranked_cell_brings_its_first_stage_and_none_stands_twice(config, tmp_path):
    config["grid"] = [config["grid"][0] | {"rerankers": ["r"]}] * 2
    experiment = check(config, "x.yaml", tmp_path)
    assert experiment.cells == [Cell("c", "eng", "bm25"), Cell("c", "eng", "bm25", "r")]
    assert experiment.baseline(experiment.cells[1]) == experiment.cells[0]
    assert experiment.baseline(experiment.cells[0]) is None


def test_a_reranker_that_is_to_go_deeper_than_its_first_stage_is_a_warning(config, tmp_path, capsys):
    config["retrievers"] |= {"bm25": {"type": "bm25", "depth": 30}, "mixed": {"type": "shuffled", "retriever": "bm25"}}
    config["retrievers"]["mixed"]["depth"] = 50
    config["grid"][0]["retrievers"] = ["mixed"]
    config["rerankers"]["r"]["depth"] = 40
    assert check(config, "x.yaml", tmp_path).warnings == [
        "rerankers.r.depth: 40: retriever mixed finds 30 passages a query, no more are reranked; expected depth <= 30"
    ]
    check_merged(config, [])
    assert "Configuration: warning: rerankers.r.depth: 40: retriever mixed finds 30" in capsys.readouterr().err
    config["rerankers"]["r"]["depth"] = 30
    assert check(config, "x.yaml", tmp_path).warnings == []


def test_a_folder_of_a_model_that_is_not_there_is_a_warning(config, tmp_path):
    (tmp_path / "there").mkdir()
    config["rerankers"]["r"] |= {"backend": "vllm", "model": str(tmp_path / "there"), "engine": {"lora": "./adapter"}}
    told = "no such folder on this machine; expected a folder, or the hub's owner/name"
    assert check(config, "x.yaml", tmp_path).missing_folders == [f"rerankers.r.engine.lora: ./adapter: {told}"]
    config["rerankers"]["r"] |= {"model": "/no/such/model", "engine": {"lora": "owner/adapter"}}
    assert check(config, "x.yaml", tmp_path).missing_folders == [f"rerankers.r.model: /no/such/model: {told}"]
    config["rerankers"]["r"]["model"] = "owner/model"
    assert check(config, "x.yaml", tmp_path).missing_folders == []


def test_every_entry_of_the_catalog_is_valid():
    definitions = Definitions("none")
    for path in sorted((ROOT / "config" / "catalog").glob("*.yaml")):
        definitions.add(read_yaml(path), str(path), (ROOT,))
    for section in SECTIONS:
        for name in definitions.names(section):
            assert definitions.get(section, name) is not None


def test_unused_definitions_are_left_out(config, tmp_path):
    config["retrievers"]["elsewhere"] = {"type": "run", "path": "no/such/{collection}.trec"}
    assert set(check(config, "x.yaml", tmp_path).retrievers) == {"bm25"}


def test_the_published_schema_is_the_models():
    published = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    assert published == schema(), "run `make schema`"


def test_a_variable_of_the_environment_is_filled_in_and_named_where_it_is_not_set(monkeypatch):
    monkeypatch.setenv("PLACE", "/data")
    assert expand({"a": ["${PLACE}/x"]}, "f.yaml", {}) == {"a": ["/data/x"]}
    with pytest.raises(RankkError, match=r"f.yaml: a\[0\].b: \$\{NOWHERE\} is not set"):
        expand({"a": [{"b": "${NOWHERE}/x"}]}, "f.yaml", {})


def test_files_tell_variables_by_name_and_addresses_without_passwords(config, monkeypatch):
    monkeypatch.setenv("HUB", "https://token-of-the-hub@hub.example")
    monkeypatch.setenv("HOST", "secret-host.example")
    config["mirror"] = "${HUB}"
    config["rerankers"] = {
        name: {"backend": "openai", "model": "m", "base_url": url}
        for name, url in (("one", "http://${HOST}/v1"), ("two", "http://u:p4ss@h/v1"))
    }
    config["grid"][0]["rerankers"] = ["one", "two"]
    experiment = check(config, "f.yaml", ROOT / "config" / "catalog")
    assert experiment.mirror == "https://token-of-the-hub@hub.example"
    told = experiment.recorded
    assert (told["mirror"], told["rerankers"]["one"]["base_url"]) == ("${HUB}", "http://${HOST}/v1")
    assert told["rerankers"]["two"]["base_url"] == "http://***@h/v1"
    assert not any(text in str(told) for text in ("secret-host", "token-of-the-hub", "p4ss"))


def test_what_only_runs_a_model_decides_nothing():
    def deciding(**settings):
        return Reranker(model="m", **settings).deciding()

    asked = {"backend": "openai", "base_url": "http://a/v1"}
    assert deciding(**asked) == deciding(**asked | {"base_url": "http://b/v1", "in_flight": 2, "patience": 1.0})
    engine = {"tensor_parallel": 2, "max_num_seqs": 8, "gpu_memory_utilization": 0.5, "speculative": {"tokens": 2}}
    assert deciding() == deciding(engine=engine, shards=3, max_bad_outcomes=0.1, title="M")
    assert deciding() != deciding(engine={"max_model_len": 8192})
    assert deciding() != deciding(engine={"quantization": "fp8"})
    made = Reranker(**deciding(**asked) | {"base_url": "http://b/v1"})
    assert made.deciding() == deciding(**asked)


def test_a_hybrid_brings_its_members_and_names_one_that_is_not_there(config):
    config["retrievers"] = {"both": {"type": "fusion", "retrievers": ["bm25", "splade-v3"]}}
    config["grid"][0]["retrievers"] = ["both"]
    assert set(check(config, "f.yaml", ROOT / "config" / "catalog").retrievers) == {"both", "bm25", "splade-v3"}
    config["retrievers"]["both"]["retrievers"][1] = "nothing"
    with pytest.raises(RankkError, match=r"retrievers\.both\.retrievers: 'nothing' is not among the retrievers"):
        check(config, "f.yaml", ROOT / "config" / "catalog")


@pytest.mark.parametrize(
    ("section", "entries", "cycle"),
    [
        ("retrievers", {"a": {"type": "shuffled", "retriever": "a"}}, "retriever a -> retriever a"),
        (
            "retrievers",
            {"a": {"type": "fusion", "retrievers": ["b", "bm25"]}, "b": {"type": "shuffled", "retriever": "a"}},
            "retriever a -> retriever b -> retriever a",
        ),
    ],
)
def test_what_is_made_from_itself_is_refused(config, tmp_path, section, entries, cycle):
    config[section] |= entries
    config["grid"][0]["retrievers"] = ["a"]
    with pytest.raises(RankkError, match=f"made from itself: {cycle}$"):
        check(config, "x.yaml", tmp_path)


def test_collections_share_a_corpus_and_one_that_nobody_shares_is_described_in_place(config, tmp_path):
    entry = config["collections"]["c"]
    shared = {key: entry.pop(key) for key in ("language", "passages")}
    config["corpora"] = {"shared": shared}
    config["collections"] |= {"c": entry | {"corpus": "shared"}, "d": entry | {"corpus": shared}, "e": entry | shared}
    config["grid"][0]["collections"] = ["c", "d", "e"]
    experiment = check(config, "x.yaml", tmp_path)
    assert {name: collection.corpus for name, collection in experiment.collections.items()} == {
        "c": "shared",
        "d": "d",
        "e": "e",
    }
    assert {corpus.source.passages for corpus in experiment.corpora.values()} == {shared["passages"]}


def test_files_are_found_beside_the_configuration_file_that_names_them(config, tmp_path):
    for key in ("passages", "qrels"):
        config["collections"]["c"][key] = Path(config["collections"]["c"][key]).name
    experiment = check(config, str(tmp_path / "x.yaml"), tmp_path / "no-catalog")
    assert experiment.corpora["c"].source.passages == str(tmp_path / "p.jsonl")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": " "}, r"rerankers\.r\.model"),
        ({"model": None}, r"rerankers\.r\.model: missing; preset listwise names no model"),
        ({"preset": "qwq", "max_tokens": 100, "thinking_tokens": 4000}, r"max_tokens: 100: .* need 4256"),
        ({"backend": "replay", "responses": "/tmp", "model": None}, "responses: /tmp: no such file"),
    ],
)
def test_a_reranker_that_could_only_fail_later_is_refused(config, settings, told):
    config["rerankers"]["r"] |= settings
    config["rerankers"]["r"] = {key: value for key, value in config["rerankers"]["r"].items() if value is not None}
    with pytest.raises(RankkError, match=told):
        check(config, "f.yaml", ROOT / "config" / "catalog")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("experiment", "a" * 101, "at most 100"),
        ("mirror", "hub.example", "mirror.*does not begin with http"),
        ("measures", ["nDCG@10", "nDCG@10"], "'nDCG@10' stands twice"),
        ("measures", ["AP", "MAP"], r"'MAP' stands twice \(as 'AP' too\)"),
    ],
)
def test_other_settings_that_could_only_fail_later_are_refused(config, key, value, told):
    (config["collections"]["c"] if key == "measures" else config)[key] = value
    with pytest.raises(RankkError, match=told):
        check(config, "f.yaml", ROOT / "config" / "catalog")


def test_a_plugin_that_exits_is_told(config, tmp_path):
    (tmp_path / "p.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(RankkError, match="cannot be imported: SystemExit: 3"):
        check(config | {"plugins": [str(tmp_path / "p.py")]}, "f.yaml", ROOT / "config" / "catalog")
