"""What is found wrong in a profile for a cluster, from what Slurm says of its partitions."""

import pytest

from rankk import cluster
from rankk.config.loading import load
from rankk.errors import RankkError
from rankk.jobs import JobResources
from rankk.slurm import Partition, gpus_of, minutes_of, partitions

from ..conftest import ROOT

SINFO = """\
cpu|1-00:00:00|(null)|190000|up
gpu|2:00:00|gpu:h100:4(S:0-1)|500000+|up
gpu|2:00:00|gpu:a100:2,gpu:h100:1|250000|up
long|infinite|(null)|190000|down
"""


def test_partitions_have_the_limits_of_their_largest_node():
    assert partitions(SINFO) == {
        "cpu": Partition("cpu", 1440, 0, 190_000, up=True),
        "gpu": Partition("gpu", 120, 4, 500_000, up=True),
        "long": Partition("long", None, 0, 190_000, up=False),
    }


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        ("infinite", None),
        ("30", 30),
        ("30:00", 30),
        ("1:30:00", 90),
        ("2-00:00:00", 2880),
        ("1-12", 2160),
        ("n/a", None),
    ],
)
def test_time_limits_are_read_in_all_of_slurms_forms(limit, minutes):
    assert minutes_of(limit) == minutes


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [("(null)", 0), ("gpu:4", 4), ("gpu:fake:2", 2), ("gpu", 1), ("gpu:a:2(S:0,1),gpu:b:1", 3), ("nvme:2,gpu:8", 8)],
)
def test_gpus_of_a_node_are_the_sum_of_its_kinds(gres, gpus):
    assert gpus_of(gres) == gpus


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "x.yaml").write_text(
        """
experiment: x
grid: [{collections: [dl19], languages: [eng], retrievers: [bm25], rerankers: [large]}]
rerankers:
  large: {preset: rank-k, depth: 1000, engine: {tensor_parallel: 8}}
"""
    )
    return load(tmp_path / "x.yaml")


def wrong(experiment, *given):
    found = cluster.of_partitions(experiment, JobResources.of(given), partitions(SINFO))
    return [str(finding) for finding in found if finding.level == "wrong"]


def test_a_partition_that_does_not_exist_is_wrong_and_the_known_ones_are_named(experiment):
    assert (
        "batch: the cluster has no such partition -> set slurm_partition"
        in wrong(experiment, "slurm_partition=batch", "gpu_partition=gpu", "max_runtime=120")[0]
    )
    assert "gpu_partition: none" in wrong(experiment, "slurm_partition=cpu", "max_runtime=120")[0]
    assert "long is not up" in wrong(experiment, "slurm_partition=long", "gpu_partition=gpu", "max_runtime=120")[0]


def test_jobs_that_may_ask_for_more_than_the_partition_allows_are_wrong(experiment):
    given = ("slurm_partition=cpu", "gpu_partition=gpu")
    assert any(
        "gpu allows 120 minutes; the profile has no max_runtime" in text.replace("gpu: ", "gpu ")
        for text in wrong(experiment, *given)
    )
    assert any(
        "max_runtime=1440 -> set max_runtime=120" in text for text in wrong(experiment, *given, "max_runtime=1440")
    )
    assert not any("max_runtime" in text for text in wrong(experiment, *given, "max_runtime=120"))
    assert any("max_mem_mb" in text for text in wrong(experiment, *given, "max_runtime=120", "max_mem_mb=200000"))


def test_engines_of_more_gpus_than_a_node_has_and_cells_longer_than_the_limit_are_wrong(experiment):
    found = wrong(experiment, "slurm_partition=cpu", "gpu_partition=gpu", "max_runtime=120")
    assert any("reranker large: asks for 8 GPUs, a node of gpu has 4" in text for text in found)
    short = partitions(SINFO.replace("2:00:00", "10:00"))
    resources = JobResources.of(["slurm_partition=cpu", "gpu_partition=gpu", "max_runtime=10"])
    told = [str(finding) for finding in cluster.of_partitions(experiment, resources, short)]
    assert any("a job has 10 -> set shards: " in text for text in told)


def test_the_shipped_profile_names_both_partitions():
    resources = cluster.profile_resources(cluster.read_profile(str(ROOT / "profiles" / "slurm")))
    assert (resources.slurm_partition, resources.gpu_partition) == ("cpu", "gpu")


def test_a_profile_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RankkError, match="no such profile"):
        cluster.read_profile("nowhere")
    profile = tmp_path / "p.yaml"
    profile.write_text("default-resources: {slurm_partition: a, max_runtime: 60}\n")
    assert cluster.profile_resources(cluster.read_profile(str(profile))).max_runtime == 60


def test_a_profile_may_name_the_gpus_but_only_known_ones(experiment, tmp_path):
    (tmp_path / "p.yaml").write_text("config: [gpu=gtx]\n")
    with pytest.raises(RankkError, match=r"gpu=gtx: expected one of h100, h200"):
        list(cluster.findings(experiment, str(tmp_path / "p.yaml")))


def test_a_machine_without_slurm_is_told_as_such(experiment, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    found = list(cluster.findings(experiment, str(ROOT / "profiles" / "slurm")))
    assert "sinfo: not found" in str(found[0])
