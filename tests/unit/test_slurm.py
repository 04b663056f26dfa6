"""How jobs' ends are learnt is told before any is submitted; a cluster that could not tell is an error."""

import pytest

from rankk import slurm
from rankk.errors import RankkError


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster's commands, made to answer as given."""

    def answer(min_job_age, accounts, sacct="exit 0"):
        config = f"MinJobAge               = {min_job_age} sec\nAccountingStorageType   = {accounts}"
        for name, script in {"scontrol": f"echo '{config}'", "sacct": sacct}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return answer


def test_squeue_tells_where_ended_jobs_stay_visible(cluster):
    cluster(300, "accounting_storage/none")
    assert slurm.job_states("squeue", 20) == "squeue, which shows ended jobs for 300 s here (MinJobAge)"


def test_sacct_tells_where_squeue_forgets(cluster):
    cluster(10, "accounting_storage/slurmdbd")
    assert slurm.job_states("squeue", 20).startswith("sacct, for squeue shows ended jobs for 10 s only")


@pytest.mark.parametrize(("wanted", "age"), [("squeue", 10), ("sacct", 300)])
def test_a_cluster_where_nothing_could_tell_is_an_error_that_says_what_to_set(cluster, wanted, age):
    cluster(age, "accounting_storage/none")
    with pytest.raises(RankkError, match=r"keeps no accounts.*slurm-status-command: squeue"):
        slurm.job_states(wanted, 20)


def test_accounts_that_do_not_answer_are_an_error(cluster, monkeypatch):
    cluster(10, "accounting_storage/slurmdbd", sacct="echo 'Connection refused' >&2; exit 1")
    with pytest.raises(RankkError, match=r"sacct.*Connection refused"):
        slurm.job_states("squeue", 20)
    monkeypatch.setattr(slurm, "PATIENCE", 0.2)
    cluster(10, "accounting_storage/slurmdbd", sacct="exec sleep 5")
    with pytest.raises(RankkError, match="no answer within"):
        slurm.job_states("squeue", 20)


SBATCH = "SLURM sbatch failed. The error message was '{}'.\n    sbatch call:\n        sbatch --time=7 --account x\n"
FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (f"{FAILED}Requested time limit is invalid (missing or exceeds some limit)", "max_runtime"),
        ("sbatch: error: Invalid --time specification", "runtime"),
        (f"sbatch: error: Memory specification can not be satisfied\n{FAILED}Requested node …", "max_mem_mb"),
        (f"{FAILED}Memory required by task is not available", "max_mem_mb"),
        (f"{FAILED}Requested node configuration is not available", "threads"),
        (f"{FAILED}More processors requested than permitted", "threads"),
        (f"{FAILED}CPU count per node can not be satisfied", "threads"),
        (f"{FAILED}Invalid generic resource (gres) specification", "GPUs"),
        (f"{FAILED}Invalid feature specification", "partitions"),
        (f"sbatch: error: invalid partition specified: x\n{FAILED}Invalid partition name specified", "slurm_partition"),
        (f"{FAILED}User's group not permitted to use this partition", "slurm_partition"),
        (f"{FAILED}Requested nodes not in this partition", "slurm_partition"),
        (f"{FAILED}Invalid account or account/partition combination specified", "slurm_account"),
        (f"{FAILED}Invalid qos specification", "slurm_qos"),
        (f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{FAILED}Job violates accounting/QOS policy", "max_runtime"),
        (f"sbatch: error: QOSMaxGRESPerJobLimit\n{FAILED}Job violates accounting/QOS policy", "GPUs"),
        (f"{FAILED}Requested reservation is invalid", "slurm_extra"),
        (f"{FAILED}Invalid license specification", "slurm_extra"),
        ("sbatch: unrecognized option '--x'\nTry \"sbatch --help\" for more information", "slurm_extra"),
        (f"{FAILED}Access/permission denied", "slurm_extra"),
    ],
)
def test_a_refusal_for_good_is_one_line_that_says_what_to_change(words, remedy):
    told = slurm.refusal(SBATCH.format(words))
    assert told is not None
    assert "\n" not in told
    assert remedy in told.partition("In the profile, ")[2]


def test_an_account_that_the_executor_refuses_itself_is_a_refusal_for_good():
    told = slurm.refusal(
        "Job submission failed with exception: The given account x appears to be invalid. Known:\na, b"
    )
    assert told is not None
    assert "slurm_account" in told


@pytest.mark.parametrize(
    "message",
    [
        SBATCH.format(f"{FAILED}Socket timed out on send/recv operation"),
        SBATCH.format(f"{FAILED}Unable to contact slurm controller (connect failure)"),
        SBATCH.format("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying"),
        SBATCH.format(f"{FAILED}Required partition not available (inactive or drain)"),
        SBATCH.format(f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{FAILED}Job violates accounting/QOS policy (…)"),
        SBATCH.format(f"sbatch: error: AssocMaxSubmitJobLimit\n{FAILED}Job violates accounting/QOS policy (…)"),
        SBATCH.format(f"{FAILED}Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"),
        "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'",
        "Job submission failed with exception: [Errno 11] Resource temporarily unavailable",
        "",
    ],
)
def test_what_may_pass_is_tried_again(message):
    assert slurm.refusal(message) is None
