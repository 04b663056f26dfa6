"""TREC files: order, ties and faults."""

import struct
from itertools import pairwise

import pytest

from rankk.errors import RankkError
from rankk.io.runs import Hit, ranked
from rankk.io.trec import read_excluded, read_metadata, read_qrels, read_queries, read_run, write_queries, write_run


def as_float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


@pytest.mark.parametrize("score", [0.0, 0.5, 17.25, 24_000.0, -3.0])
def test_tied_scores_are_written_strictly_decreasing_even_as_32_bit_floats(tmp_path, score):
    write_run(tmp_path / "run.trec", {"q": [Hit(f"d{i}", score) for i in range(50)]}, "tag")
    written = [float(line.split()[4]) for line in (tmp_path / "run.trec").read_text().splitlines()]
    singles = [as_float32(value) for value in written]
    assert all(a > b for a, b in pairwise(singles))


def test_a_run_is_read_by_score_then_by_rank_whatever_the_order_of_lines(tmp_path):
    file = tmp_path / "run.trec"
    file.write_text("q Q0 c 3 1.0 t\nq Q0 b 2 1.0 t\nq Q0 a 1 2.0 t\n")
    assert [hit.docid for hit in read_run(file)["q"]] == ["a", "b", "c"]


def test_what_is_written_is_read_back(tmp_path):
    run = {"q2": ranked(["a", "b"]), "q1": ranked(["b"])}
    write_run(tmp_path / "run.trec", run, "tag")
    assert read_run(tmp_path / "run.trec") == run


RUN, QRELS, QUERIES = (
    "expected 'qid Q0 docid rank score tag'",
    "expected 'qid 0 docid grade'",
    "expected 'qid<TAB>text'",
)


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (read_run, "q Q0 a 1 2.0 t\nq Q0 b x 1.0 t\n", f"f:2: {RUN}"),
        (read_run, "q Q0 a 1 2.0 t\nq Q0 a 2 1.0 t\n", "query q holds passage a twice"),
        (read_run, "q Q0 a 1 2.0 my run\n", rf"f:1: {RUN}, found 'q Q0 a 1 2.0 my run' \(7 fields\)"),
        (read_run, "qid Q0 docid rank score tag\n", r"f:1: .* \(remove the header line\)"),
        *(
            (read_run, f"q Q0 a 1 2.0 t\nq Q0 b 2 {score} t\n", r"f:2: .* \(rank and score must be finite numbers\)")
            for score in ("nan", "-inf", "Infinity", "1e999", "1_0", "１", "٣.٥", "0x1", "1,5")
        ),
        *((read_run, f"q Q0 b {rank} 1.0 t\n", f"f:1: {RUN}") for rank in ("1.5", "1_0", "١", "9" * 30)),
        (read_run, "\n \n", "f: holds no line of a run"),
        (read_run, "# ir_metadata.start\n# tag: x\nq Q0 a 1 2.0 t\n", "f:1: '# ir_metadata.start' without"),
        (read_run, "# a comment\n", f"f:1: {RUN}"),
        (read_qrels, "q 0 a high\n", rf"f:1: {QRELS}, found 'q 0 a high' \(a grade must be a whole number\)"),
        *(
            (read_qrels, f"q 0 a {grade}\n", "a grade must be a whole number")
            for grade in ("0.5", "nan", "1_0", "１", "1e3", "9" * 20)
        ),
        (read_qrels, "query-id\tcorpus-id\tscore\n1\ta\t1\n", r"f:1: .* \(remove the header line\)"),
        (read_qrels, "1\ta\t1\n", r"f:1: .* \(3 fields\)"),
        (read_qrels, "q 0 a 2\nq 0 b 1\nq 0 a 0\n", "f:3: query q, passage a has grade 0 here and 2 in line 1"),
        (read_queries, "q1\tone\nq1\ttwo\n", "f:2: query q1 stands twice"),
        (read_queries, "q1 one\n", f"f:1: {QUERIES}"),
        (read_queries, "q1\tone\nq2\ttwo\tde\n", "f:2: query q2 has 3 columns, expected qid<TAB>text; remove"),
        (read_queries, "q1\tone\nq 2\ttwo\n", "f:2: query id 'q 2' holds a blank"),
        *(
            (read_queries, f"{name}\tquery\nq1\tone\n", r"f:1: .* \(remove the header line\)")
            for name in ("qid", "query_id", "id", "_id", "Query-ID", "topic", "number")
        ),
        (read_excluded, "qid\tdocid\n", r"f:1: .* \(remove the header line\)"),
        (read_excluded, "q\ta b\n", "f:1: passage id 'a b' holds a blank"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path, reader, content, message):
    (tmp_path / "f").write_text(content)
    with pytest.raises(RankkError, match=message) as raised:
        reader(tmp_path / "f")
    assert "\n" not in str(raised.value)


def test_a_tab_in_a_query_is_written_as_a_blank(tmp_path):
    write_queries(tmp_path / "f", {"q1": "one\ttwo"})
    assert read_queries(tmp_path / "f") == {"q1": "one two"}


def test_a_query_keeps_its_line_breaks_on_one_line(tmp_path):
    query = "Sort these:\n\n  - b\n  - a\\nb"
    write_queries(tmp_path / "f", {"q1": f"{query} \r\n", "q2": "plain"})
    assert (tmp_path / "f").read_bytes().count(b"\n") == 2
    assert read_queries(tmp_path / "f") == {"q1": query, "q2": "plain"}


def test_marks_at_the_beginning_change_nothing(tmp_path):
    (tmp_path / "f").write_text("q Q0 a 1 2.0 t\n", encoding="utf-8-sig")
    assert read_run(tmp_path / "f") == {"q": [Hit("a", 2.0)]}
    (tmp_path / "f").write_text("q 0 a 1\n", encoding="utf-8-sig")
    assert read_qrels(tmp_path / "f") == {"q": {"a": 1}}
    (tmp_path / "f").write_text("q\ttext\n", encoding="utf-8-sig")
    assert read_queries(tmp_path / "f") == {"q": "text"}


def test_whole_grades_are_read_however_they_are_written_and_pairs_judged_alike_twice_warned_of(tmp_path, caplog):
    (tmp_path / "f").write_text("q 0 a 1.0\nq 0 b -2\nq 0 c +3.\nq 0 a 1\n")
    assert read_qrels(tmp_path / "f") == {"q": {"a": 1, "b": -2, "c": 3}}
    assert "1 judgments stand twice, with the same grade" in caplog.text


def test_a_run_without_lines_is_read_where_it_is_expected(tmp_path):
    (tmp_path / "f").write_text("")
    assert read_run(tmp_path / "f", allow_empty=True) == {}


def test_metadata_of_a_run_is_passed_over_and_kept(tmp_path):
    metadata = {"tag": "x", "method": {"retrieval": [{"name": "bm25", "b": 0.4}]}, "research goal": "日本 # 1: two"}
    run = {"q": ranked(["a", "b"])}
    write_run(tmp_path / "f", run, "t", metadata)
    assert (tmp_path / "f").read_text().startswith("# ir_metadata.start\n# tag: x\n# method:\n#   retrieval:\n")
    assert read_run(tmp_path / "f") == run
    assert read_metadata(tmp_path / "f") == metadata
    write_run(tmp_path / "f", run, "t")
    assert read_metadata(tmp_path / "f") == {}


def test_a_tag_is_written_without_blanks(tmp_path):
    write_run(tmp_path / "f", {"q": ranked(["a"])}, " my  run ")
    assert (tmp_path / "f").read_text() == "q Q0 a 1 1.000000 my_run\n"
    write_run(tmp_path / "f", {"q": ranked(["a"])}, "")
    assert read_run(tmp_path / "f")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"q": [Hit("a b", 1.0)]}, "query q: passage id 'a b' holds a blank"),
        ({"q 1": [Hit("a", 1.0)]}, "query id 'q 1' holds a blank"),
        ({"": [Hit("a", 1.0)]}, "query id: expected a text"),
        ({"q": [Hit("a", float("nan"))]}, "query q: passage a has the score nan"),
        ({"q": [Hit("a", float("inf"))]}, "query q: passage a has the score inf"),
        ({"q": [Hit("a\ud800", 1.0)]}, "holds a blank or a control character"),
    ],
)
def test_a_run_that_could_not_be_read_is_not_written(tmp_path, run, message):
    with pytest.raises(RankkError, match=message):
        write_run(tmp_path / "f", run, "t")
    assert list(tmp_path.iterdir()) == []


def test_lines_of_a_query_may_stand_apart(tmp_path):
    lines = ["q1 Q0 a 1 9 t", "q2 Q0 b 1 9 t", "q1 Q0 c 2 8 t", "q2 Q0 d 2 10 t", "q3 Q0 e 1 1 t", "q1 Q0 f 3 7 t"]
    (tmp_path / "run.trec").write_text("\n".join(lines))
    run = read_run(tmp_path / "run.trec")
    assert list(run) == ["q1", "q2", "q3"]
    assert {qid: [hit.docid for hit in hits] for qid, hits in run.items()} == {
        "q1": ["a", "c", "f"],
        "q2": ["d", "b"],
        "q3": ["e"],
    }
    assert run.get("q4") is None


def test_tied_lines_that_stand_apart_are_read_by_rank(tmp_path):
    lines = ["q1 Q0 a 4 5 t", "q1 Q0 b 1 5 t", "q2 Q0 z 1 1 t", "q1 Q0 c 2 5 t", "q2 Q0 y 2 1 t", "q1 Q0 d 3 9 t"]
    (tmp_path / "run.trec").write_text("\n".join(lines))
    orders = {qid: [hit.docid for hit in hits] for qid, hits in read_run(tmp_path / "run.trec").items()}
    assert orders == {"q1": ["d", "b", "c", "a"], "q2": ["z", "y"]}
    (tmp_path / "run.trec").write_text("\n".join([*lines, "q1 Q0 a 5 1 t"]))
    with pytest.raises(RankkError, match="query q1 holds passage a twice"):
        read_run(tmp_path / "run.trec")
