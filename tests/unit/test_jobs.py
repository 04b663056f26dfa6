"""Who owns the engines that jobs start: the process that stands at the head of a machine's jobs."""

import os

import pytest

from rankk.jobs import ALLOCATION, OWNER, own_engines


@pytest.fixture
def environment(monkeypatch):
    for name in (OWNER, ALLOCATION, "SLURM_JOB_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def owner_after(**facts):
    own_engines(**facts)
    return os.environ[OWNER]


OWN = str(os.getpid())


def test_the_first_process_owns_and_those_that_it_starts_keep_its_claim(environment):
    assert owner_after(cluster_job=False) == OWN
    environment.setenv(OWNER, "17")
    assert owner_after(cluster_job=False) == "17"


def test_a_cluster_job_owns_for_the_claim_that_it_brings_is_another_machines(environment):
    environment.setenv(OWNER, "17")
    assert owner_after(cluster_job=True) == OWN
    environment.setenv(OWNER, "17")
    environment.setenv("SLURM_JOB_ID", "4")
    assert owner_after(cluster_job=True) == OWN


def test_jobs_in_one_allocation_belong_to_the_process_that_heads_it(environment):
    environment.setenv("SLURM_JOB_ID", "4")
    environment.setenv(OWNER, "17")
    environment.setenv(ALLOCATION, "4")
    assert owner_after(cluster_job=True) == "17"
    environment.setenv(ALLOCATION, "3")
    assert owner_after(cluster_job=True) == OWN
