"""Files that people and programs give: whatever is in them, they are read or refused in one line that names the file.

Examples are drawn from a fixed seed, so that a failure comes back.
"""

import gzip
import json
import math
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankk.errors import RankkError
from rankk.io.candidates import read_any_run
from rankk.io.files import read_jsonl
from rankk.io.passages import build_store, index_path, open_passages
from rankk.io.runs import Hit
from rankk.io.trec import read_excluded, read_metadata, read_qrels, read_queries, read_run, write_queries, write_run
from rankk.io.yaml_files import read_yaml
from rankk.llm.backends.replay import ReplayClient
from rankk.llm.journal import read_journal
from rankk.reranking.presets import load_preset

seeded = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

VALID = {
    "run": b"# ir_metadata.start\n# tag: x\n# ir_metadata.end\nq1 Q0 d1 1 2.5 t\nq1 Q0 d2 2 1e-3 t\nq2 Q0 d1 1 -4 t\n",
    "qrels": b"q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 2.0\n",
    "queries": "q1\twhat is näive\nq2\tzwei\u2028lines\n".encode(),
    "excluded": b"q1\td1\nq1\td2\n",
    "passages": b'{"id": "d1", "contents": "a \\u00e9 \\ud83d\\ude00"}\n{"_id": 2, "title": "t", "text": "b"}\n',
    "responses": b'{"qid": "q1", "call": 0, "response": "[1] > [2]"}\n{"qid": "q1", "call": 1, "response": null}\n',
    "journal": b'{"text":"[1]","finish_reason":"stop","prompt_tokens":3,"key":"k","qid":"q","call":0,"outcome":"ok"}\n'
    b'{"text":"","finish_reason":"length","reasoning":"so","key":"l","qid":"r","call":1,"outcome":"empty"}\n',
    "requests.jsonl": b'{"query": {"qid": "q1"}, "candidates": [{"docid": "d 1", "score": 1.5, "doc": {}}]}\n'
    b'{"query": "t", "hits": [{"qid": 2, "docid": "d1", "rank": 1, "score": -1e-3}]}\n',
    "scores.json": b'{"q1": {"d1": 0.5, "d2": 1e3}, "q2": {"d1": 7}}',
    "yaml": b"a: &x {b: [1, 2.5, no], 'c': null}\nd: *x\ne: \"text\"\n",
    "preset.yaml": b'name: own\ndescription: d\nsource: s\nlicence: CC0-1.0\nmessages: [{role: user, content: "{query} '
    b'{docs}"}]\n',
}
READERS = {
    "run": lambda path: (read_run(path), read_metadata(path)),
    "qrels": read_qrels,
    "queries": read_queries,
    "excluded": read_excluded,
    "passages": lambda path: dict(open_passages(path, {"d1", "2"})),
    "responses": ReplayClient,
    "journal": lambda path: list(read_journal(path)),
    "requests.jsonl": read_any_run,
    "scores.json": read_any_run,
    "yaml": read_yaml,
    "preset.yaml": load_preset,
}
SPLICES = [
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xed\xa0\xbd", b"\0", b"\x1b[31m", b"\x1f\x8b",
    b"\r", b"\r\n", b"\n", b"\t", b" ", b"", b"\xc2\xa0", b"\xe2\x80\xa8",
    b"nan", b"1e999", b"9" * 400, b"1_0", "１".encode(), b"9" * 5000, b"null", b"true", b"no", b"2022-02-30",
    b"[" * 3000, b"{" * 3000, b"{", b"}", b"{x}", b"\\ud83d", b"\\u0000", b'"', b"'",
    b":", b"- ", b"#", b"&x ", b"*x", b"<<: ", b"!!python/name:os.system ",
]  # fmt: skip


@st.composite
def mutated(draw, valid):
    """A valid file's bytes with some parts replaced, removed or repeated, packed or not, cut off or not."""
    content = valid
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 0, 1, 3, 20])))
        piece = draw(st.one_of(st.sampled_from(SPLICES), st.binary(max_size=4), st.just(content[start:end] * 2)))
        content = content[:start] + piece + content[end:]
    if draw(st.integers(0, 5)) == 0:
        content = gzip.compress(content, mtime=0)
        content = content[: draw(st.one_of(st.just(len(content)), st.integers(1, len(content))))]
    return content


@pytest.mark.parametrize("kind", VALID)
@seeded
@given(data=st.data())
def test_any_file_is_read_or_refused_in_one_line_that_names_it(tmp_path_factory, kind, data):
    content = data.draw(st.one_of(mutated(VALID[kind]), st.binary(max_size=40)))
    path = tmp_path_factory.mktemp("fuzz") / f"f.{kind}"
    path.write_bytes(content)
    try:
        READERS[kind](path)
    except RankkError as error:
        check_message(error, path)


def check_message(error, path):
    """One line of reasonable length that names the file."""
    assert len(str(error).splitlines()) == 1
    assert str(path) in str(error)
    assert len(str(error)) < 1000


@seeded
@given(content=mutated(b"SQLite format 3"))
def test_an_index_of_any_bytes_is_not_used(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "p.jsonl"
    path.write_bytes(b'{"id": "d1", "contents": "text"}\n')
    index_path(path).write_bytes(content)
    with open_passages(path, {"d1"}) as passages:
        assert passages["d1"] == "text"


@seeded
@given(data=st.data())
def test_a_damaged_index_gives_right_texts_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "p.jsonl"
    texts = {f"d{number}": f"text {number}" for number in range(50)}
    with build_store(path) as add:
        for docid, text in texts.items():
            add(docid, text)
    content = bytearray(index_path(path).read_bytes())
    draw = random.Random(data.draw(st.integers(0, 2**32)))
    for _ in range(draw.randint(1, 30)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    index_path(path).write_bytes(content)
    try:
        with open_passages(path, texts.keys()) as passages:
            assert {docid: passages[docid] for docid in texts} == texts
    except RankkError as error:
        check_message(error, path.parent)


ids = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=8).filter(
    lambda text: (
        not text.startswith(("#", "\ufeff")) and not any(map(str.isspace, text)) and text.lower() not in HEADERS
    )
)
scores = st.floats(-1e6, 1e6).map(lambda score: round(score, 3))
HEADERS = {"id", "_id", "qid", "query", "topic", "num", "number"}
lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n\t"))
queries = lines.filter(lambda text: text.strip() and not text.startswith("\ufeff"))
forms = st.tuples(st.booleans(), st.booleans(), st.integers(0, 2))


def rewritten(path: Path, form: tuple[bool, bool, int]) -> Path:
    """The same content as other programs write it: with a mark, with CRLF, packed."""
    mark, crlf, packed = form
    content = path.read_bytes()
    content = content.replace(b"\n", b"\r\n") if crlf else content
    content = b"\xef\xbb\xbf" + content if mark else content
    for _ in range(packed):
        content = gzip.compress(content)
    path.write_bytes(content)
    return path


@seeded
@given(
    run=st.dictionaries(ids, st.dictionaries(ids, scores, min_size=1, max_size=5), min_size=1, max_size=4), form=forms
)
def test_a_run_is_read_as_it_was_written(tmp_path_factory, run, form):
    path = tmp_path_factory.mktemp("fuzz") / "run"
    hits = {qid: [Hit(*hit) for hit in sorted(docs.items(), key=lambda hit: -hit[1])] for qid, docs in run.items()}
    write_run(path, hits, "tag")
    found = read_run(rewritten(path, form))
    assert {qid: [hit.docid for hit in found[qid]] for qid in found} == {q: [h.docid for h in hits[q]] for q in hits}
    for qid, ours in hits.items():
        for a, b in zip(ours, found[qid], strict=True):
            assert math.isclose(a.score, b.score, rel_tol=1e-5, abs_tol=1e-4)


@seeded
@given(texts=st.dictionaries(ids, queries, min_size=1, max_size=5), form=forms)
def test_queries_are_read_as_they_were_written(tmp_path_factory, texts, form):
    path = tmp_path_factory.mktemp("fuzz") / "queries"
    write_queries(path, texts)
    texts = {qid: text.replace("\t", " ").strip() for qid, text in texts.items()}  # a tab would make a column
    expected = {qid: "\n".join(map(str.rstrip, text.split("\n"))) for qid, text in texts.items()}
    assert read_queries(rewritten(path, form)) == expected


@seeded
@given(qrels=st.dictionaries(ids, st.dictionaries(ids, st.integers(-2, 4), min_size=1), min_size=1), form=forms)
def test_judgments_are_read_as_they_were_written(tmp_path_factory, qrels, form):
    path = tmp_path_factory.mktemp("fuzz") / "qrels"
    rows = [f"{qid} 0 {docid} {grade}\n" for qid, grades in qrels.items() for docid, grade in grades.items()]
    path.write_text("".join(rows), encoding="utf-8")
    assert read_qrels(rewritten(path, form)) == qrels


@seeded
@given(texts=st.dictionaries(ids, st.text(), min_size=1, max_size=5), form=forms, ascii=st.booleans())
def test_passages_are_read_as_they_were_written(tmp_path_factory, texts, form, ascii):
    path = tmp_path_factory.mktemp("fuzz") / "p.jsonl"
    records = [{"id": docid, "contents": text} for docid, text in texts.items()]
    content = "".join(json.dumps(record, ensure_ascii=ascii) + "\n" for record in records)
    path.write_text(content, encoding="utf-8", errors="replace", newline="\n")
    found = dict(open_passages(rewritten(path, form), texts.keys()))
    halves = "?" if not ascii else "\ufffd"  # Python's own replacement where the file cannot hold them
    expected = {
        docid: "".join(halves if "\ud800" <= c <= "\udfff" else c for c in text) for docid, text in texts.items()
    }
    assert found == expected


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@seeded
@given(value=st.dictionaries(st.text(), plain, min_size=1))
def test_yaml_and_json_lines_are_read_as_they_were_written(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "y").write_text(yaml.safe_dump(value), encoding="utf-8")
    assert read_yaml(folder / "y") == value
    if not any(isinstance(v, float) for v in walk(value)):
        (folder / "j").write_text(json.dumps(value) + "\n", encoding="utf-8")
        assert next(read_jsonl(folder / "j")) == (1, value)


def walk(value):
    """All values within a value."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(inner)
