"""What rules ask a scheduler for: growing with every try, within the limits of a profile."""

from types import SimpleNamespace

import pytest

from rankk.config.loading import load
from rankk.errors import RankkError
from rankk.jobs import JobResources
from rankk.plan.costs import cost
from rankk.stages import DAY, MARGIN, START_MINUTES, Stages


def test_every_try_asks_for_more_up_to_the_profiles_limits():
    limited = JobResources.of(["max_runtime=60", "max_mem_mb=20000", "slurm_partition=cpu"])
    assert [limited.minutes(25)(None, attempt) for attempt in (1, 2, 3)] == [25, 50, 60]
    assert [limited.memory(16000)(None, attempt) for attempt in (1, 2)] == [16000, 20000]
    assert JobResources.of(None).minutes(1440)(None, 3) == 4320


def test_the_partition_follows_from_whether_a_job_asks_for_gpus():
    of_profile = JobResources.of(SimpleNamespace(args=["slurm_partition=cpu", "gpu_partition='gpu'"]))
    asked = of_profile.gpus(lambda wildcards: wildcards)
    assert asked["slurm_partition"](2) == "gpu"
    assert asked["slurm_partition"](0) == "cpu"
    assert of_profile.gpus(4)["gpu"] == 4
    assert JobResources.of(["slurm_partition=cpu"]).gpus(4) == {"gpu": 4}


@pytest.mark.parametrize("text", ["max_runtime=2h", "max_mem_mb=-1", "max_runtime=0"])
def test_a_limit_that_is_no_number_is_an_error(text):
    with pytest.raises(RankkError, match=f"{text}: expected a whole number"):
        JobResources.of([text])


def test_a_rerank_job_asks_for_twice_what_the_plan_expects(tmp_path):
    answers = tmp_path / "answers.jsonl"
    answers.touch()
    (tmp_path / "x.yaml").write_text(
        """
experiment: x
gpu: h200
grid: [{collections: [mini], languages: [eng], retrievers: [bm25], rerankers: [whole, parts, hosted, stored]}]
rerankers:
  whole: {preset: rank-k, engine: {tensor_parallel: 2}}
  parts: {preset: rank-k, shards: 4, engine: {tensor_parallel: 2}}
  hosted: {preset: listwise, model: m, backend: openai, base_url: "http://localhost:1/v1"}
  stored: {preset: listwise, backend: replay, responses: ANSWERS}
""".replace("ANSWERS", str(answers))
    )
    experiment = load(tmp_path / "x.yaml")
    minutes = {
        cell.reranker: Stages(experiment).rerank_minutes(cell.collection, cell.language, cell.retriever, cell.reranker)
        for cell in experiment.cells
        if cell.reranked
    }
    cells = {cell.reranker: cell for cell in experiment.cells}
    expected = 60 * cost(experiment, cells["whole"]).hours
    assert START_MINUTES + MARGIN * expected <= minutes["whole"] < START_MINUTES + MARGIN * expected + 1
    assert START_MINUTES < minutes["parts"] < minutes["whole"] < DAY
    assert (minutes["hosted"], minutes["stored"]) == (DAY, START_MINUTES)
