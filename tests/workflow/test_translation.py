"""Queries that a model translates: asked once each, kept with where they come from, an axis of the grid like any."""

import json

import yaml

from rankk.io.trec import read_queries

from ..conftest import mini_collection
from ..fake_server import FakeServer
from .test_small_grid import snakemake

QUERIES = "results/collections/c/queries.deu.tsv"


class Translators(FakeServer):
    """Answers with the query in capitals, in quotation marks; `silent`: words of queries that it says nothing to."""

    silent = ""

    def _answer(self, body):
        prompt = body["messages"][-1]["content"]
        query = prompt.partition("Query: ")[2].partition("\n")[0]
        self.asked.append(prompt)
        content = "" if self.silent and self.silent in query else f'"{query.upper()}"\n(a note)'
        message = {"role": "assistant", "content": content}
        return 200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}}


def write(folder, server, **collection_changes):
    config = {
        "experiment": "small",
        "grid": [{"collections": ["c"], "languages": ["eng", "deu"], "retrievers": ["bm25"]}],
        "collections": {
            "c": mini_collection(max_queries=5, translations={"deu": {"translator": "capitals"}}) | collection_changes
        },
        "translators": {"capitals": {"model": "fake", "backend": "openai", "base_url": server.url}},
        "retrievers": {"bm25": {"type": "bm25", "depth": 20}},
    }
    (folder / "small.yaml").write_text(yaml.safe_dump(config))


def test_translated_queries_are_a_language_of_the_grid_with_their_provenance(tmp_path):
    with Translators() as server:
        write(tmp_path, server)
        done = snakemake(tmp_path)
        assert done.returncode == 0, done.stderr
    english = read_queries(tmp_path / "results/collections/c/queries.eng.tsv")
    assert read_queries(tmp_path / QUERIES) == {qid: text.upper() for qid, text in english.items()}
    assert "from English into German" in server.asked[0]
    provenance = json.loads((tmp_path / QUERIES).with_suffix(".json").read_text())
    assert (provenance["translator"]["model"], provenance["from"], provenance["to"]) == ("fake", "eng", "deu")
    assert (tmp_path / "results/runs/c/deu/bm25/none.trec").exists()


def test_no_query_is_translated_twice_and_one_without_translation_is_named(tmp_path):
    with Translators() as server:
        write(tmp_path, server)
        snakemake(tmp_path, "results/collections/c/queries.eng.tsv")
        english = read_queries(tmp_path / "results/collections/c/queries.eng.tsv")
        qid, server.silent = next((qid, text) for qid, text in english.items())
        failed = snakemake(tmp_path, QUERIES)
        assert failed.returncode != 0
        assert f"translation: 1 of 5 queries failed ({qid})" in failed.stderr
        assert not (tmp_path / QUERIES).exists()
        server.silent = ""
        assert snakemake(tmp_path, QUERIES).returncode == 0
        assert len(server.asked) == 5 + 1
        (tmp_path / QUERIES).unlink()
        assert snakemake(tmp_path, QUERIES).returncode == 0
        assert len(server.asked) == 5 + 1


def test_what_cannot_be_translated_is_named_before_any_job(tmp_path):
    with Translators() as server:
        for translations, message in (
            ({"eng": {"translator": "capitals"}}, "translations.eng: the collection has queries in that language"),
            ({"deu": {"translator": "capitals", "source": "fra"}}, "translations.deu.source: 'fra' has no queries"),
            ({"deu": {"translator": "nobody"}}, "'nobody' is not among the translators"),
        ):
            write(tmp_path, server, translations=translations)
            done = snakemake(tmp_path, "-n")
            assert done.returncode != 0
            assert message in done.stderr
