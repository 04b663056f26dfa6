"""Collections: every fault of a source is named or counted; help pages give texts without their titles."""

import json
from dataclasses import replace

import pytest

from rankk.corpora.build import Topics, evenly_spaced, write_qrels, write_topics
from rankk.corpora.files import FilesPassages, FilesTopics
from rankk.corpora.help_pages import page_id, read_page
from rankk.errors import RankkError
from rankk.io.passages import PassageStore, build_store
from rankk.io.trec import read_excluded, read_qrels, read_queries

PAGE = """<html><head><title>Adding Rows</title><meta name="x"></head><body><p>Menu</p>
<div id="DisplayArea"><meta itemprop="keywords" content="rows"><h1><a name="x"></a>Adding  Rows</h1>
<p>Choose <span class="emph">Insert - Row</span>.<br>Press <span class="MAC">Command</span><span>Ctrl</span> too.</p>
<ul><li><p>A row is added.</p></li></ul>
<div class="relatedtopics"><p>Related Topics</p><p><a href="en-US/text/swriter/guide/cells.html#top">Cells</a></p></div>
</div><footer><p>Debug</p></footer></body></html>"""


def test_a_help_page_gives_its_content_without_title_related_topics_and_frame():
    page = read_page(PAGE)
    assert page.title == "Adding Rows"
    assert page.text == "Choose Insert - Row. Press Ctrl too. A row is added."
    assert page.related == ("swriter.guide.cells",)


def test_a_page_has_the_same_id_in_every_language():
    assert page_id("/x/ru/text/scalc/01/a.html") == page_id("help/zh-CN/text/scalc/01/a.html") == "scalc.01.a"


@pytest.fixture
def files(tmp_path):
    """Sources over small files."""
    passages = [{"id": "a", "contents": "one"}, {"id": "b", "title": "two", "text": "three"}]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(p) + "\n" for p in passages))
    (tmp_path / "q.tsv").write_text("q1\tfirst\nq2\tsecond\n")
    (tmp_path / "qrels").write_text("q1 0 a 1\nq2 0 b 2\n")
    return {
        "passages": str(tmp_path / "p.jsonl"),
        "queries": {"eng": str(tmp_path / "q.tsv")},
        "qrels": str(tmp_path / "qrels"),
    }


def build(files, target, drop=(), **settings):
    """Corpus and collection in `target`, as the workflow's two jobs build them."""
    corpus = FilesPassages(passages=files["passages"], drop=list(drop))
    corpus.build(corpus.inputs(), target / "passages.jsonl")
    topics = FilesTopics(queries=files["queries"], qrels=files["qrels"], drop=list(drop), **settings)
    inputs = topics.inputs() | {"passages": str(target / "passages.jsonl")}
    topics.build_qrels(inputs, target / "qrels.txt", target / "collection.json")
    topics.build_queries(inputs, "eng", target / "queries.eng.tsv", target / "excluded.eng.tsv")


def counts(target):
    return {**json.loads((target / "corpus.json").read_text()), **json.loads((target / "collection.json").read_text())}


def append(path, line):
    with open(path, "a") as file:  # noqa: PTH123 - paths are strings here
        file.write(line + "\n")


def test_title_and_text_become_contents(files, tmp_path):
    build(files, tmp_path / "out")
    assert [json.loads(line) for line in (tmp_path / "out/passages.jsonl").read_text().splitlines()] == [
        {"id": "a", "contents": "one"},
        {"id": "b", "contents": "two three"},
    ]
    assert counts(tmp_path / "out") | {"dropped": {}} == counts(tmp_path / "out")
    assert (counts(tmp_path / "out")["queries"], counts(tmp_path / "out")["judgments"]) == ({"eng": 2}, 2)


def test_a_slice_keeps_queries_and_their_judgments_only(files, tmp_path):
    build(files, tmp_path / "out", max_queries=1)
    assert read_queries(tmp_path / "out" / "queries.eng.tsv") == {"q1": "first"}
    assert read_qrels(tmp_path / "out" / "qrels.txt") == {"q1": {"a": 1}}


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("p.jsonl", '{"id": "a", "contents": "again"}', "p.jsonl:3: passage a: a passage id stands twice"),
        ("p.jsonl", '{"id": "c", "contents": " "}', "p.jsonl:3: passage c: a passage has no text"),
        ("p.jsonl", '{"id": "c d", "contents": "x"}', "p.jsonl:3: passage id 'c d' holds a blank"),
        ("p.jsonl", '{"contents": "x"}', "p.jsonl:3: a passage needs an 'id'"),
        ("p.jsonl", "{", "p.jsonl:3: not JSON"),
        ("qrels", "q9 0 a 1", "query q9: judgments for a query that is not there"),
        ("qrels", "q1 0 z 1", "query q1, passage z: judgments for a passage that is not there"),
    ],
)
def test_a_fault_is_an_error_that_names_its_place(files, tmp_path, file, line, message):
    append(tmp_path / file, line)
    with pytest.raises(RankkError, match=message):
        build(files, tmp_path / "out")
    assert not (tmp_path / "out" / "collection.json").exists()
    assert (tmp_path / "out" / "passages.jsonl").exists() == (file == "qrels")


def test_faults_that_are_declared_as_known_are_dropped_and_counted(files, tmp_path):
    append(tmp_path / "p.jsonl", '{"id": "a", "contents": "again"}')
    append(tmp_path / "p.jsonl", '{"id": "c", "contents": ""}')
    build(files, tmp_path / "out", drop=["duplicate passage", "empty passage"])
    corpus = json.loads((tmp_path / "out" / "corpus.json").read_text())
    assert (corpus["passages"], corpus["dropped"]) == (2, {"duplicate passage": 1, "empty passage": 1})


def test_halves_of_characters_are_replaced_and_counted(files, tmp_path, caplog):
    append(tmp_path / "p.jsonl", '{"_id": 7, "text": "half \\ud83d and whole \\ud83d\\ude00"}')
    build(files, tmp_path / "out")
    with PassageStore(tmp_path / "out" / "passages.jsonl") as passages:
        assert passages["7"] == "half \ufffd and whole 😀"
    assert counts(tmp_path / "out")["with_replaced_surrogates"] == 1
    assert "half characters (lone surrogates) in 1 passages became U+FFFD" in caplog.text


def test_ids_that_trecs_files_cannot_hold_are_refused_in_queries_and_judgments_too(tmp_path):
    passages = tmp_path / "passages.jsonl"
    with build_store(passages) as add:
        add("a", "text")
    topics = Topics(queries={"eng": {"q": "one\ntwo"}}, qrels={"q": {"a b": 1}}, where="here")
    files = tmp_path / "queries.tsv", tmp_path / "excluded.tsv"
    with pytest.raises(RankkError, match="here: passage id 'a b' holds a blank"):
        write_qrels(topics, tmp_path / "qrels", tmp_path / "counts", passages=passages, partial=True)
    with pytest.raises(RankkError, match="query id 'q 1' holds a blank"):
        write_topics(replace(topics, queries={"eng": {"q 1": "one"}}), "eng", *files)
    with pytest.raises(RankkError, match="here: passage id 'c d' holds a blank"):
        write_topics(replace(topics, excluded={"q": {"c d"}}), "eng", *files)
    write_topics(topics, "eng", *files)
    assert read_queries(files[0]) == {"q": "one\ntwo"}


@pytest.mark.parametrize(("wanted", "expected"), [(None, "abcdef"), (9, "abcdef"), (3, "ace"), (1, "a")])
def test_a_slice_is_spread_over_the_whole_list(wanted, expected):
    assert evenly_spaced("abcdef", wanted) == list(expected)


def test_judgments_of_passages_that_are_not_given_stay_in_a_partial_collection(files, tmp_path):
    append(files["qrels"], "q1 0 elsewhere 3")
    build(files, tmp_path / "out", partial=True)
    assert read_qrels(tmp_path / "out" / "qrels.txt")["q1"] == {"a": 1, "elsewhere": 3}


def test_a_query_that_is_a_passage_is_excluded_where_the_collection_says_so(files, tmp_path):
    append(tmp_path / "q.tsv", "b\ta query that is passage b")
    append(files["qrels"], "b 0 a 1")
    build(files, tmp_path / "out", exclude_query_document=True)
    assert read_excluded(tmp_path / "out" / "excluded.eng.tsv") == {"b": {"b"}}
