"""Training: windows with a seed and nothing held out in them, answers by judgments or a model, prompts as asked."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from math import log2

import pytest

from rankk.config.training import Thoughts, Windows
from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.io.passages import build_store
from rankk.io.runs import Hit
from rankk.io.trec import write_run
from rankk.llm.tokenizers import ModelTokenizer
from rankk.reranking.budget import fit
from rankk.reranking.settings import resolve
from rankk.training.held_out import held_out_passages, held_out_queries
from rankk.training.teacher import by_labels, by_model, ndcg
from rankk.training.thoughts import best_sentence, graded
from rankk.training.tokens import tokens
from rankk.training.windows import Files, as_typed, write_windows

from ..fake_server import FakeServer
from .chatml import build_tokenizer

TEXT = "the {} of a long passage that has many more words than thirteen in it, so that n-grams of it can be compared"


@pytest.fixture
def part(tmp_path):
    """A first stage of two queries over thirty passages, of which each query has one that is judged relevant."""
    passages = [{"id": f"d{n}", "contents": TEXT.format(f"number{n} " * 12)} for n in range(30)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(passage) + "\n" for passage in passages))
    (tmp_path / "q.tsv").write_text("q1\tfirst question\nq2\tsecond question\n")
    (tmp_path / "qrels").write_text("q1 0 d4 1\nq2 0 d9 2\n")
    run = {qid: [Hit(f"d{n}", 30.0 - n) for n in range(30)] for qid in ("q1", "q2")}
    write_run(tmp_path / "run.trec", run, "x")
    return Files(*(str(tmp_path / name) for name in ("run.trec", "q.tsv", "p.jsonl", "qrels")))


def windows(tmp_path, part, held_out=(), development=(), **changes):
    settings = Windows.model_validate({"of": [{"collection": "c", "language": "eng", "retriever": "r"}]} | changes)
    out, facts = tmp_path / "windows.jsonl.gz", tmp_path / "windows.json"
    write_windows(settings, [part], development, held_out, out, tmp_path / "passages.jsonl.gz", facts)
    return [record for _, record in read_jsonl(out)], json.loads(facts.read_text())


def test_windows_are_drawn_from_their_ranges_in_sizes_asked_for_and_the_same_every_time(tmp_path, part):
    found, facts = windows(tmp_path, part, copies=3)
    assert facts["train"] == len(found) == 2 * 2 * 3
    for window in found:
        first, last = map(int, window["id"].split(".")[-2].split("-"))
        assert 10 <= len(window["passages"]) <= 20
        assert all(first <= passage["rank"] <= last for passage in window["passages"])
        assert all(passage["id"] == f"train0/d{passage['rank'] - 1}" for passage in window["passages"])
        assert all(passage["score"] == 31 - passage["rank"] for passage in window["passages"])
    assert any([p["rank"] for p in w["passages"]] != sorted(p["rank"] for p in w["passages"]) for w in found)
    texts = {record["id"]: record["contents"] for _, record in read_jsonl(tmp_path / "passages.jsonl.gz")}
    assert texts.keys() == {passage["id"] for window in found for passage in window["passages"]}
    assert texts["train0/d4"].startswith("the number4 ")
    assert windows(tmp_path, part, copies=3)[0] == found
    assert windows(tmp_path, part, copies=3, seed=1)[0] != found


def test_queries_and_passages_are_put_into_other_languages_each_about_as_often(tmp_path, part):
    (tmp_path / "q.deu.tsv").write_text("q1\terste Frage\nq2\tzweite Frage\n")
    (tmp_path / "q.rus.tsv").write_text("q1\tпервый вопрос\n")
    with build_store(tmp_path / "rus/p.jsonl") as add:
        add("d4", "русский текст")
    part = replace(
        part,
        copies=40,
        parallel_share=0.5,
        queries_in={language: str(tmp_path / f"q.{language}.tsv") for language in ("deu", "rus")},
        passages_in={"rus": str(tmp_path / "rus/p.jsonl")},
    )
    found, facts = windows(tmp_path, part, ranks=[[1, 30]], sizes=[30, 30])
    asked = Counter(window["query"] for window in found)
    assert asked.keys() == {"erste Frage", "zweite Frage", "первый вопрос"}
    assert asked["zweite Frage"] == 40  # has no Russian query
    assert asked["первый вопрос"] > asked["erste Frage"]  # the rarer language is drawn first where both are there
    assert facts["queries: rus"] == asked["первый вопрос"]
    translated = [w for w in found if any(p["id"] == "train0/rus/d4" for p in w["passages"])]
    assert {window["query"] for window in translated} == {"первый вопрос"}
    assert 0.2 < len(translated) / asked["первый вопрос"] < 0.8
    assert all(len(window["passages"]) == 30 for window in translated)  # the others stay in the corpus's language
    texts = {record["id"]: record["contents"] for _, record in read_jsonl(tmp_path / "passages.jsonl.gz")}
    assert texts["train0/rus/d4"] == "русский текст"


def test_a_held_out_query_is_not_learnt_from_in_any_language(tmp_path, part):
    (tmp_path / "q.deu.tsv").write_text("q1\terste Frage\nq2\tzweite Frage\n")
    part = replace(part, queries_in={"deu": str(tmp_path / "q.deu.tsv")})
    found, facts = windows(tmp_path, part, [other(tmp_path, query="Erste Frage?")])
    assert {window["query"] for window in found} == {"zweite Frage"}
    assert facts["queries left out: held out"] == 1


def other(tmp_path, *, query="something else", passage="x"):
    folder = tmp_path / "other"
    folder.mkdir(exist_ok=True)
    (folder / "q.tsv").write_text(f"t\t{query}\n")
    (folder / "p.jsonl").write_text(json.dumps({"id": "e", "contents": passage}) + "\n")
    (folder / "qrels").write_text("t 0 e 1\nt 0 elsewhere 1\n")
    return Files("", *(str(folder / name) for name in ("q.tsv", "p.jsonl", "qrels")))


def test_a_query_of_the_evaluation_is_not_learnt_from(tmp_path, part):
    found, facts = windows(tmp_path, part, [other(tmp_path, query="Question: first?")])
    assert {window["query"] for window in found} == {"second question"}
    assert facts["queries left out: held out"] == 1


def test_windows_for_development_may_be_held_out_from_what_is_learnt(tmp_path, part):
    with pytest.raises(RankkError, match="no window to learn from"):
        windows(tmp_path, part, [part], [part])
    other_part = other(tmp_path)
    found, facts = windows(tmp_path, part, [other_part], [part])
    assert facts["development"] == facts["train"] == len(found) / 2


def test_a_judged_passage_of_the_evaluation_is_in_no_window(tmp_path, part):
    copied = TEXT.format("number12 " * 12) + " and a few more words at its end"
    found, facts = windows(tmp_path, part, [other(tmp_path, passage=copied)], sizes=[10, 10], copies=4)
    assert facts["passages held out: near"] == 1
    assert facts["windows left out: a passage held out"] + len(found) == 16
    assert all(passage["id"] != "train0/d12" for window in found for passage in window["passages"])


def test_a_share_of_the_queries_is_put_as_people_type_them(tmp_path, part):
    found, _ = windows(tmp_path, part, copies=8, typed=0.5)
    assert {window["query"] for window in found} == {"first question", "second question"}
    assert as_typed("Who wrote Hamlet, and when?  ") == "who wrote hamlet, and when"
    (tmp_path / "q.tsv").write_text("q1\tFirst question?\nq2\tSecond question?\n")
    queries = [window["query"] for window in windows(tmp_path, part, copies=8, typed=0.5)[0]]
    assert {"First question?", "first question"} <= set(queries)


def test_queries_in_other_languages_are_put_as_people_type_them_and_never_cut_down(tmp_path, part):
    (tmp_path / "fas").write_text("q1\tپرسش این است؟\nq2\tپرسش دوم؟\n")
    part = replace(part, queries_in={"fas": str(tmp_path / "fas")})
    queries = {window["query"] for window in windows(tmp_path, part, copies=8, typed=0.5, keywords=0.5)[0]}
    assert queries == {"پرسش این است؟", "پرسش این است", "پرسش دوم؟", "پرسش دوم"}


def test_a_share_of_the_queries_is_cut_down_to_keywords(tmp_path, part):
    (tmp_path / "q.tsv").write_text("q1\tWhich of the questions is the first?\nq2\tWhat is it?\n")
    queries = {window["query"] for window in windows(tmp_path, part, copies=8, keywords=0.5)[0]}
    assert queries == {"Which of the questions is the first?", "questions first", "What is it?", "what is it"}


def test_lists_too_short_for_a_window_are_counted_and_no_window_at_all_is_an_error(tmp_path, part):
    with pytest.raises(RankkError, match="no window to learn from"):
        windows(tmp_path, part, ranks=[[25, 50]])
    assert not (tmp_path / "windows.jsonl.gz").exists()


def test_held_out_texts_are_found_whatever_their_case_and_punctuation():
    assert held_out_queries({"a": "What is it?", "b": "what is this"}, ["IT IS, what"]) == {"a"}
    short, han = "Only a few words.", "这是一个足够长的中文段落" * 3
    passages = {"exact": short, "han": han + "很好", "free": "quite another text " * 10}
    assert held_out_passages(passages, ["only a FEW words", han]) == {"exact": "exact", "han": "near"}


def example(*grades):
    """A window whose later passages the first stage ranks higher, with scores 0, 0.1, 0.2, …"""
    passages = [{"id": f"d{n}", "rank": 9 - n, "score": n / 10, "grade": grade} for n, grade in enumerate(grades)]
    return {"id": "w", "split": "train", "query": "q", "passages": passages}


def write_windows_of(tmp_path, *records):
    with gzip.open(tmp_path / "w.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    return tmp_path / "w.jsonl.gz", tmp_path / "examples.jsonl.gz", tmp_path / "examples.json"


def test_labels_order_by_grade_and_then_as_the_first_stage_does(tmp_path):
    source, out, facts = write_windows_of(tmp_path, example(None, 1, 3, 0), example(0, None))
    by_labels(source, tmp_path / "none.jsonl", out, facts)
    ((_, record),) = read_jsonl(out)
    assert record["answer"] == "[3] > [2] > [4] > [1]"
    assert json.loads(facts.read_text()) == {"left out: all grades equal": 1, "train": 1}


def test_a_share_of_the_windows_that_judgments_do_not_decide_is_kept_as_the_first_stage_orders_them(tmp_path):
    records = [example(0, None, 0) | {"id": f"w{number}"} for number in range(40)]
    source, out, facts = write_windows_of(tmp_path, *records, example(0, 1, 0) | {"id": "decided"})
    by_labels(source, tmp_path / "none.jsonl", out, facts, undecided=0.5)
    counts = json.loads(facts.read_text())
    assert counts["kept in the first stage's order"] + counts["left out: all grades equal"] == 40
    assert 10 < counts["kept in the first stage's order"] < 30
    assert counts["train"] == counts["kept in the first stage's order"] + 1
    assert all(record["answer"] == "[3] > [2] > [1]" for _, record in read_jsonl(out) if record["id"] != "decided")


def test_evidence_is_the_first_passages_sentence_that_fits_the_query_best(tmp_path):
    first = "Cats sleep a lot. The capital of France is Paris! It has many cats and a river, and people like it there."
    assert (
        best_sentence("what is the capital of France", first, ["The cats of Rome."])
        == "The capital of France is Paris!"
    )
    headed = "Paris. The capital of France is the city of Paris on the Seine."
    assert (
        best_sentence("what is the capital, Paris?", headed, [])
        == "The capital of France is the city of Paris on the Seine."
    )
    source, out, facts = write_windows_of(tmp_path, example(0, 1))
    passages = tmp_path / "p.jsonl"
    passages.write_text("".join(json.dumps({"id": f"d{n}", "contents": f"One. q is {n}."}) + "\n" for n in range(2)))
    by_labels(source, passages, out, facts, thoughts=Thoughts(evidence=1.0))
    ((_, record),) = read_jsonl(out)
    assert record["thought"] == "q is 1."
    assert json.loads(facts.read_text()) == {"train": 1, "with evidence": 1}


def test_grades_are_by_judgment_and_then_by_the_first_stages_score():
    assert graded(example(None, 0, 2, None, 0), [0.1, 0.4]) == "[1] 0 [2] 1 [3] 3 [4] 1 [5] 2"
    assert graded(example(1, 0), []) == "[1] 1 [2] 0"


def test_thoughts_come_in_their_shares_and_a_share_of_the_grades_is_cut_off(tmp_path):
    records = [example(0, None, 1) | {"id": f"w{number}"} for number in range(400)]
    records += [example(0, 1) | {"id": "looked at", "split": "development"}]
    source, out, facts = write_windows_of(tmp_path, *records)
    passages = tmp_path / "p.jsonl"
    passages.write_text("".join(json.dumps({"id": f"d{n}", "contents": f"One. q is {n}."}) + "\n" for n in range(3)))
    by_labels(source, passages, out, facts, thoughts=Thoughts(evidence=0.2, grades=0.5, cut=0.4))
    counts = json.loads(facts.read_text())
    taught = [record for _, record in read_jsonl(out)]
    by_kind = {
        kind: [record for record in taught if record.get("kind") == kind] for kind in ("evidence", "grades", None)
    }
    whole = "[1] 0 [2] 0 [3] 3"
    cut = [record["thought"] for record in by_kind["grades"] if record["cut"]]
    assert counts["with evidence"] == len(by_kind["evidence"]) == pytest.approx(80, abs=25)
    assert len(by_kind["grades"]) == pytest.approx(200, abs=35)
    assert counts["with grades, cut off"] == len(cut) == pytest.approx(80, abs=25)
    assert counts["with grades"] == len(by_kind["grades"]) - len(cut)
    assert {record["thought"] for record in by_kind["grades"] if not record["cut"]} == {whole}
    assert {len(text) for text in cut} == set(range(len(whole)))
    assert all(whole.startswith(text) for text in cut)
    assert next(record for record in taught if record["id"] == "looked at") in by_kind[None]


def test_thoughts_are_shares_of_a_whole_and_thresholds_rise():
    with pytest.raises(ValueError, match=r"evidence 0\.6 and grades 0\.5 are more than all windows"):
        Thoughts(evidence=0.6, grades=0.5)
    with pytest.raises(ValueError, match=r"thresholds: \[0\.5, 0\.1\] do not rise"):
        Thoughts(thresholds=[0.5, 0.1])


def test_a_teacher_is_asked_once_a_window_and_what_contradicts_the_judgments_is_left_out(tmp_path):
    records = [example(*(int(place == best) for place in range(3))) | {"id": f"w{best}"} for best in range(3)]
    for number, record in enumerate(records):
        record["query"] = f"query {number}"
    source, out, facts = write_windows_of(tmp_path, *records)
    texts = tmp_path / "p.jsonl"
    texts.write_text("".join(json.dumps({"id": f"d{n}", "contents": f"text {n}"}) + "\n" for n in range(3)))
    with FakeServer() as server:
        teacher = validate_reranker(
            {"backend": "openai", "model": "fake", "base_url": server.url, "strategy": "single"}, "x"
        )
        by_model(source, texts, teacher, out, facts)
        assert json.loads(facts.read_text()) == {"train": 3}
        taught = {record["id"]: record["answer"] for _, record in read_jsonl(out)}
        agreeing = [r["id"] for r in records if ndcg(r, [int(c) - 1 for c in taught[r["id"]] if c.isdigit()]) == 1.0]
        out.unlink()
        if agreeing:
            by_model(source, texts, teacher, out, facts, min_agreement=1.0)
            assert [record["id"] for _, record in read_jsonl(out)] == agreeing
        else:
            with pytest.raises(RankkError, match="no example is left"):
                by_model(source, texts, teacher, out, facts, min_agreement=1.0)
        assert len(server.asked) == 3


def test_agreement_is_the_ndcg_of_the_teachers_order():
    assert ndcg(example(0, 2, 1), [1, 2, 0]) == 1.0
    assert ndcg(example(0, 1), [0, 1]) == pytest.approx(1 / log2(3))
    assert ndcg(example(None, 0), [1, 0]) == 1.0


@pytest.fixture
def tokenizer(tmp_path):
    build_tokenizer(tmp_path)
    return ModelTokenizer(tmp_path)


def learnt(tokenizer, record, **settings):
    """The tokens behind a window's prompt, their labels and their weights."""
    texts = {f"d{n}": f"text {n}" for n in range(4)}
    reranker = validate_reranker({"preset": "listwise", "model": "m", "passage_tokens": 20} | settings, "x")
    shown = [texts[passage["id"]] for passage in record["passages"]]
    asked = fit(resolve(reranker).preset, "q", shown, tokenizer, context=None, answer_tokens=1, passage_tokens=20)
    prompt = tokenizer.ids(tokenizer.render(asked))
    found = tokens(record, texts, resolve(reranker), tokenizer)
    ids, labels, weights = found["input_ids"], found["labels"], found["weights"]
    assert found["length"] == len(ids)
    assert ids[: len(prompt)] == prompt
    assert all(label in (-100, token) for label, token in zip(labels, ids, strict=True))
    assert all((label == -100) == (weight == 0) for label, weight in zip(labels, weights, strict=True))
    return ids[len(prompt) :], labels[len(prompt) :], weights[len(prompt) :]


def test_an_example_is_the_prompt_as_it_is_asked_with_the_loss_on_answer_and_end_alone(tokenizer):
    given, labels, _ = learnt(tokenizer, example(0, 1) | {"answer": "[2] > [1]"})
    assert given == labels == [*tokenizer.ids("[2] > [1]"), tokenizer.end]


def test_a_thought_that_is_left_out_when_asked_is_given_and_one_that_quotes_the_prompt_is_learnt(tokenizer):
    record = example(0, 1) | {"answer": "[2] > [1]"}
    answer = [*tokenizer.ids("[2] > [1]"), tokenizer.end]
    none, quoted = tokenizer.ids("<think>\n\n</think>\n\n"), tokenizer.ids("<think>\ntext 1\n</think>\n\n")
    assert learnt(tokenizer, record, thinking_tokens=0)[:2] == (none + answer, [-100] * len(none) + answer)
    found = learnt(tokenizer, record | {"thought": "text 1", "kind": "evidence"}, thinking_tokens=0)
    assert found[:2] == (quoted + answer, quoted + answer)
    cut_away = learnt(tokenizer, record | {"thought": "no longer there", "kind": "evidence"}, thinking_tokens=0)
    assert cut_away[:2] == (none + answer, [-100] * len(none) + answer)


def test_a_tokenizer_that_ends_answers_otherwise_than_its_template_is_not_learnt_from(tokenizer, tmp_path):
    assert ModelTokenizer(tmp_path).end == tokenizer._tokenizer.convert_tokens_to_ids("<|im_end|>")
    tokenizer._tokenizer.eos_token = "<|im_start|>"
    with pytest.raises(RankkError, match=r"ends an answer with '<\|im_end\|>', its tokenizer says '<\|im_start\|>'"):
        learnt(tokenizer, example(0, 1) | {"answer": "[2] > [1]"})


def test_windows_differ_in_length_as_collections_do(tokenizer):
    texts = {f"d{n}": "word " * 90 for n in range(2)}
    settings = resolve(validate_reranker({"preset": "listwise", "model": "m", "passage_tokens": 90}, "x"))
    records = [example(0, 1) | {"id": f"w{n}", "answer": "[2] > [1]"} for n in range(40)]
    lengths = {tokens(record, texts, settings, tokenizer, shortest_passages=40)["length"] for record in records}
    longest = tokens(records[0], texts, settings, tokenizer)["length"]
    assert lengths == {longest - 2 * cut for cut in (0, 20, 40)}


def test_the_places_of_an_order_weigh_less_the_later_they_come(tokenizer):
    record = example(0, 1, 0) | {"answer": "[2] > [1] > [3]"}
    given, _, weights = learnt(tokenizer, record)
    first, second = (len(tokenizer.ids(text)) for text in ("[2]", "[2] > [1]"))
    assert weights == [1] * first + [1 / 2] * (second - first) + [1 / 3] * (len(given) - second)
    quoted = len(tokenizer.ids("<think>\ntext 1\n</think>\n\n"))
    _, _, thinking = learnt(tokenizer, record | {"thought": "text 1", "kind": "evidence"}, thinking_tokens=0)
    assert thinking == [0.1] * quoted + weights


def test_a_grade_weighs_as_much_as_the_first_place_and_what_stands_around_it_little(tokenizer):
    record = example(0, 1) | {"answer": "[2] > [1]", "thought": "[1] 0 [2] 3", "kind": "grades", "cut": False}
    given, labels, weights = learnt(tokenizer, record, thinking_tokens=8)
    thought = "<think>\n[1] 0 [2] 3\n</think>\n\n"
    assert given == labels == [*tokenizer.ids(thought), *tokenizer.ids(record["answer"]), tokenizer.end]
    ends = {len(tokenizer.ids(thought[: thought.index(grade) + 5])) - 1 for grade in ("[1] 0", "[2] 3")}
    length = len(tokenizer.ids(thought))
    assert weights[:length] == [1.0 if place in ends else 0.1 for place in range(length)]


@pytest.mark.parametrize("cut", ["", "[", "[1]", "[1] 0", "[1] 0 [2"])
def test_a_thought_that_a_budget_cut_off_is_closed_as_the_budget_does_and_the_closing_is_not_learnt(tokenizer, cut):
    record = example(0, 1) | {"answer": "[2] > [1]", "thought": cut, "kind": "grades", "cut": True}
    given, labels, weights = learnt(tokenizer, record, thinking_tokens=8)
    answer = [*tokenizer.ids("[2] > [1]"), tokenizer.end]
    thought, closing = tokenizer.ids(f"<think>\n{cut}"), tokenizer.ids("\n</think>\n\n")
    assert given == [*thought, *closing, *answer]
    assert labels == [*thought, *[-100] * len(closing), *answer]
    assert max(weights[: len(thought)]) == (1.0 if " 0" in cut else 0.1)


def test_the_tokens_of_an_orders_first_place_are_told(tokenizer):
    record = example(0, 1) | {"answer": "[2] > [1]", "thought": "[1] 0 [2", "kind": "grades", "cut": True}
    reranker = validate_reranker({"preset": "listwise", "model": "m", "passage_tokens": 20}, "x")
    texts = {f"d{n}": f"text {n}" for n in range(2)}
    found = tokens(record, texts, resolve(reranker), tokenizer)
    assert found["input_ids"][slice(*found["first"])] == tokenizer.ids("[2]")
    found = tokens(record | {"answer": "I cannot tell."}, texts, resolve(reranker), tokenizer)
    assert found["first"] == [0, 0]


def test_an_answer_that_reasons_weighs_the_same_everywhere(tokenizer):
    _, _, weights = learnt(tokenizer, example(0, 1) | {"answer": "<think>The second.</think> [2] > [1]"})
    assert set(weights) == {1.0}
