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
