"""Jobs on a real Slurm: what is killed is run again, and no finished call is made twice."""

import os
import shutil
import signal
import subprocess
from collections import Counter

import pytest

from rankk.io.trec import read_run

from ..fake_server import FakeServer
from .conftest import command, until, write_experiment

pytestmark = pytest.mark.slow
CALLS = 6 * 5  # queries × windows


RUN = "results/runs/c/eng/bm25/asked.trec"


def run_of(folder):
    return folder / RUN


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A folder in which the grid was run without a cluster and without a fault."""
    folder = tmp_path_factory.mktemp("local")
    with FakeServer() as server:
        write_experiment(folder, server.url)
        subprocess.run(command(folder, cluster=False), check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture
def expected(local):
    """The run as it is made without a cluster and without a fault."""
    return read_run(run_of(local))


@pytest.fixture
def folder(local, tmp_path):
    """A folder with the first stage made, for the rerank job alone."""
    shutil.copytree(local, tmp_path, dirs_exist_ok=True)
    for path in run_of(tmp_path).parent.glob("asked*"):
        path.unlink()
    return tmp_path


def jobs(slurm, *options):
    done = subprocess.run(["squeue", "-h", *options], env=slurm, capture_output=True, text=True, check=True)
    return done.stdout.split()


def rerank_job(slurm, server):
    """The id of the running rerank job, once it has asked a few calls."""
    until(lambda: len(server.asked) >= 4)
    comments = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%i %k"], env=slurm, capture_output=True, text=True)
    return next(line.split()[0] for line in comments.stdout.splitlines() if "rerank" in line)


def start(folder, slurm, **options):
    """Snakemake with Ctrl-C at work, which a shell takes from what it runs in the background."""
    return subprocess.Popen(
        command(folder, RUN, **options),
        env=slurm,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def assert_nothing_was_repeated(server, in_flight):
    """Each prompt once, but for those that were under way when the job was killed."""
    repeated = sum(count - 1 for count in Counter(server.asked).values())
    assert len(set(server.asked)) == CALLS
    assert repeated <= in_flight


def test_a_grid_runs_on_the_cluster_as_it_does_here(slurm, tmp_path, expected):
    with FakeServer() as server:
        write_experiment(tmp_path, server.url)
        done = subprocess.run(command(tmp_path), env=slurm, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert read_run(run_of(tmp_path)) == expected
    assert (tmp_path / "results/experiments/cluster/figures/effectiveness.pdf").exists()


def test_shards_are_jobs_of_their_own_and_give_the_same_run(slurm, folder, expected):
    with FakeServer() as server:
        write_experiment(folder, server.url, shards=3)
        done = subprocess.run(command(folder, RUN), env=slurm, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == CALLS
    assert read_run(run_of(folder)) == expected
    assert len(list(run_of(folder).with_suffix(".shards").glob("*.trec"))) == 3


@pytest.mark.parametrize("how", ["scancel", "SIGKILL"])
def test_a_killed_rerank_job_is_tried_again_and_goes_on_where_it_was(slurm, folder, expected, how):
    with FakeServer(seconds=0.3) as server:
        write_experiment(folder, server.url)
        process = start(folder, slurm)
        job = rerank_job(slurm, server)
        if how == "scancel":
            subprocess.run(["scancel", job], env=slurm, check=True)
        else:
            subprocess.run(["scancel", "--signal=KILL", "--full", job], env=slurm, check=True)
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output
        assert_nothing_was_repeated(server, in_flight=6)
    assert read_run(run_of(folder)) == expected


def test_a_job_is_warned_before_its_time_limit_and_the_next_try_goes_on(slurm, folder, expected):
    with FakeServer(seconds=4.0) as server:  # 120 s of work; Slurm's signal comes up to a minute early
        write_experiment(folder, server.url)
        process = start(folder, slurm, rerank={"runtime": 2, "slurm_extra": "'--signal=TERM@20'"})
        output = process.communicate(timeout=600)[0]
        assert process.returncode == 0, output
        assert "interrupted; finished calls are in" in output
        assert_nothing_was_repeated(server, in_flight=6 * 8)
    assert read_run(run_of(folder)) == expected


def test_snakemake_itself_interrupted_leaves_no_job_and_no_partial_file(slurm, folder, expected):
    with FakeServer(seconds=0.3) as server:
        write_experiment(folder, server.url)
        process = start(folder, slurm)
        rerank_job(slurm, server)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode != 0
        until(lambda: not jobs(slurm))
        assert not run_of(folder).exists()
        done = subprocess.run(command(folder, RUN), env=slurm, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert_nothing_was_repeated(server, in_flight=6)
    assert read_run(run_of(folder)) == expected


def test_a_drained_node_stops_new_jobs_and_loses_nothing(slurm, folder, expected):
    with FakeServer(seconds=0.2) as server:
        write_experiment(folder, server.url)
        process = start(folder, slurm)
        rerank_job(slurm, server)
        subprocess.run(["scontrol", "update", "nodename=cpu1", "state=drain", "reason=test"], env=slurm, check=True)
        until(lambda: run_of(folder).exists())  # what runs there ends
        subprocess.run(["scontrol", "update", "nodename=cpu1", "state=resume"], env=slurm, check=True)
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output
        assert_nothing_was_repeated(server, in_flight=0)
    assert read_run(run_of(folder)) == expected


REFUSED = {
    "a partition that is not there": ({"slurm_partition": "nope"}, "set slurm_partition"),
    "more memory than a node has": ({"mem_mb": 90_000_000}, "set max_mem_mb"),
    "more GPUs than a node has": ({"slurm_partition": "gpu", "gpu": 3}, "GPUs of the reranker's engine"),
    "a longer time than the partition allows": ({"runtime": 1000}, "set max_runtime"),
    "an option that sbatch does not know": ({"slurm_extra": "'--nonsense=1'"}, "correct slurm_extra"),
}


@pytest.mark.parametrize(("resources", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_job_that_slurm_refuses_for_good_is_submitted_once(slurm, folder, resources, remedy):
    limit = ["scontrol", "update", "partitionname=cpu"]
    subprocess.run([*limit, "MaxTime=60"], env=slurm, check=True)
    try:
        write_experiment(folder, "http://127.0.0.1:9/v1")
        run = command(folder, RUN, rerank={"runtime": 5} | resources)
        done = subprocess.run(run, env=slurm, capture_output=True, text=True, check=False, timeout=300)
    finally:
        subprocess.run([*limit, "MaxTime=UNLIMITED"], env=slurm, check=True)
    output = done.stdout + done.stderr
    assert done.returncode == 1
    told = [line for line in output.splitlines() if "Slurm refuses this job" in line]
    assert len(told) == 1, output
    assert remedy in told[0]
    assert "Trying to restart" not in output
