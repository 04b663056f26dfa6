"""Defects found in hltcoe/rank-k (numbered as its scripts were read, 1 to 28) and in rank_llm, shown not to be ours.

Others are shown where the behaviour itself is tested: 9, 10, 13, 14, 17, 19, 20, 23, 24 and 26. 11, 12 and 21 are about
speed and memory (benchmarks/), 28 is the state of a README.
"""

import asyncio
import gzip
import json
import re
import subprocess
import sys
from itertools import pairwise
from typing import ClassVar

import pytest

from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.io.passages import open_passages
from rankk.io.runs import ranked
from rankk.io.trec import read_run, write_run
from rankk.llm.connection import Connection
from rankk.llm.journal import Journal, read_journal
from rankk.llm.tokenizers import CharacterCounter
from rankk.llm.types import CallContext, Completion, Prompt, Sampling
from rankk.reranking.calls import Caller
from rankk.reranking.engine import rerank
from rankk.reranking.parsers.ranking import Ranking
from rankk.reranking.settings import resolve
from rankk.reranking.types import Outcome

from ..synthetic import write


class Scripted:
    """Gives every prompt the same answer and keeps the prompts."""

    max_in_flight = 100
    facts: ClassVar[dict[str, str]] = {}

    def __init__(self, completion: Completion) -> None:
        self.completion, self.prompts = completion, []

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        self.prompts.append(prompt.messages[-1].content)
        return self.completion

    async def close(self) -> None:
        pass


def run_cell(folder, n, completion, *, queries=("q",), texts=None, **settings):
    """A reranked run of n passages a query, and the backend."""
    docids = [f"d{i}" for i in range(n)]
    passages = {docid: f"text of {docid}." for docid in docids} | (texts or {})
    reranker = validate_reranker({"preset": "rank-k", "model": "m"} | settings, "test")
    backend = Scripted(completion)
    with Journal(folder / "cell.calls.jsonl") as journal:
        caller = Caller(resolve(reranker), Connection(backend, CharacterCounter(), None), journal)
        first_stage = {qid: ranked(docids) for qid in queries}
        done = asyncio.run(rerank(first_stage, dict.fromkeys(queries, "?"), passages, resolve(reranker), caller))
    return done, backend


def read(backend):
    """How often each passage was shown, and to how many calls none was."""
    shown = [re.findall(r"text of (d\d+)\.", prompt) for prompt in backend.prompts]
    return {docid for window in shown for docid in window}, sum(not window for window in shown)


@pytest.mark.parametrize(
    ("n", "depth", "window", "stride"),
    [(25, 25, 20, 10), (105, 105, 20, 10), (15, 20, 20, 10), (30, 30, 20, 20), (50, 100, 20, 10), (18, 25, 20, 10)],
)
def test_rank_k_1_and_2_no_window_is_empty_and_every_passage_is_read(tmp_path, n, depth, window, stride):
    _, backend = run_cell(tmp_path, n, Completion("[1]", "stop"), depth=depth, window=window, stride=stride)
    shown, empty = read(backend)
    assert shown == {f"d{i}" for i in range(n)}
    assert empty == 0


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("[3] > [2] > [3] > [5] > [1]", [3, 2, 5, 1, 4]),  # 3: goes on behind a duplicate
        ("[0] > [-1] > [2]", [2, 1, 3, 4, 5]),  # 4: no negative index
        ("Ranking: [3] > [2]", [3, 2, 1, 4, 5]),  # 5: prose before, marks around, signs behind
        ("**[3] > [2]**", [3, 2, 1, 4, 5]),
        ("[2], [4]", [2, 4, 1, 3, 5]),
        ("[4] > [2].", [4, 2, 1, 3, 5]),
        ("<answer>[4] > [2]</answer>", [4, 2, 1, 3, 5]),
        ("[5] >\n[4] >\n[3]", [5, 4, 3, 1, 2]),  # 6: all lines
        ("[5] > [4]\nI hope that helps!", [5, 4, 1, 2, 3]),
        ("[2] > [5] = [3] > [1]", [2, 3, 5, 1, 4]),  # 8: ties stand in the previous order
        ("top 10 passages: [4] > [2]", [4, 2, 1, 3, 5]),  # rank_llm: numbers in prose
        ("[4]-[5] > [1]", [4, 5, 1, 2, 3]),  # rank_llm: ranges
    ],
)
def test_rank_k_3_to_8_an_answer_is_read_whole(text, order):
    answer = Ranking().parse(Completion(text, "stop"), 5, None)
    assert [position + 1 for group in answer.complete(5) for position in group] == order


def test_rank_k_6_and_rank_llm_a_thought_cut_off_is_no_ranking(tmp_path):
    thought = "<think>\n12 things. Passage [3] is from 2019 and has 5 points.\n[2] > [1]"
    done, _ = run_cell(tmp_path, 5, Completion(thought, "length"), depth=20)
    assert [hit.docid for hit in done.run["q"]] == [f"d{i}" for i in range(5)]
    assert done.tally.outcomes == {Outcome.TRUNCATED: 1}


def test_rank_k_7_an_answer_without_content_is_counted_not_a_crash(tmp_path):
    done, _ = run_cell(tmp_path, 5, Completion("", "length", reasoning="[2] is good"), depth=20)
    assert done.tally.outcomes == {Outcome.TRUNCATED: 1}


def test_rank_k_15_a_number_in_brackets_inside_a_passage_is_no_identifier(tmp_path):
    _, backend = run_cell(tmp_path, 2, Completion("[1]", "stop"), depth=20, texts={"d1": "as shown in [1] and [2]"})
    assert "as shown in (1) and (2)" in backend.prompts[0]


def test_rank_k_16_passages_beyond_the_depth_stay_behind_in_their_order(tmp_path):
    done, _ = run_cell(tmp_path, 30, Completion(" > ".join(f"[{i}]" for i in range(20, 0, -1)), "stop"), depth=20)
    assert [hit.docid for hit in done.run["q"]][20:] == [f"d{i}" for i in range(20, 30)]


def test_rank_k_18_a_run_with_a_query_that_has_no_text_is_an_error_that_names_it(tmp_path):
    inputs = write(tmp_path, queries=2, depth=4)
    (tmp_path / "queries.tsv").write_text("q0\tsubject\n")
    (tmp_path / "r.jsonl").write_text("")
    done = _rankk(*inputs, f"--responses={tmp_path / 'r.jsonl'}", f"--output={tmp_path / 'o.trec'}")
    assert done.returncode == 1
    assert "q1" in done.stderr


def test_rank_k_20_a_passage_without_title_is_its_text(tmp_path):
    path = tmp_path / "passages.jsonl.gz"
    with gzip.open(path, "wt") as file:
        for record in ({"id": "a", "text": "x"}, {"id": "b", "title": "T", "text": "y"}):
            file.write(json.dumps(record) + "\n")
    with open_passages(path, {"a", "b"}) as texts:
        assert dict(texts) == {"a": "x", "b": "T y"}


def test_rank_k_22_a_failed_command_says_so_by_its_exit_code_and_leaves_no_run(tmp_path):
    inputs = write(tmp_path, queries=1, depth=4)
    (tmp_path / "r.jsonl").write_text("")
    done = _rankk(*inputs, f"--responses={tmp_path / 'r.jsonl'}", f"--output={tmp_path / 'o.trec'}")
    assert done.returncode == 1
    assert "no stored answer for query q0, call 0" in done.stderr
    assert not (tmp_path / "o.trec").exists()


def test_rank_k_25_nothing_that_decides_an_answer_is_left_to_the_engine():
    config = validate_reranker({"preset": "rank-k"}, "test").backend.engine
    arguments = config.arguments(on_cpu=False, revision="abc", max_model_len=20_000)
    decided = {"revision", "dtype", "seed", "generation_config", "max_model_len", "gpu_memory_utilization"}
    assert decided <= arguments.keys()
    assert arguments["generation_config"] == "vllm"


def test_rank_k_27_every_call_is_kept_with_reasoning_tokens_and_time(tmp_path):
    answer = Completion("[1]", "stop", reasoning="since", prompt_tokens=9, output_tokens=4, seconds=0.5)
    run_cell(tmp_path, 3, answer, depth=20)
    (record,) = read_journal(tmp_path / "cell.calls.jsonl")
    kept = {"reasoning": "since", "prompt_tokens": 9, "output_tokens": 4, "seconds": 0.5, "finish_reason": "stop"}
    assert kept.items() <= vars(record).items()
    assert record.window == ("d0", "d1", "d2")


def test_rank_llm_a_failing_query_is_never_left_silently_in_its_old_order(tmp_path):
    texts = {"d1": "x" * 10}
    with pytest.raises(RankkError, match=r"2 of 2 queries failed \(a, b\)"):
        run_cell(tmp_path, 3, None, queries=("a", "b"), depth=20, texts=texts)


def test_rank_llm_tied_scores_of_the_first_stage_leave_no_ties(tmp_path):
    write_run(tmp_path / "tied.trec", run_cell(tmp_path, 9, Completion("[9]", "stop"), depth=20)[0].run, "t")
    lines = [line.split() for line in (tmp_path / "tied.trec").read_text().splitlines()]
    scores = [float(line[4]) for line in lines]
    assert all(a > b for a, b in pairwise(scores))
    assert read_run(tmp_path / "tied.trec")["q"][0].docid == "d8"


def _rankk(*arguments):
    command = [sys.executable, "-m", "rankk", "rerank", "--backend=replay", "--window=4", "--stride=2", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
