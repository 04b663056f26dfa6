"""Slurm: states of ended jobs, reasons of rejected jobs, and partitions."""

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from rankk.errors import RankkError

PATIENCE = 30
"""Timeout of Slurm's commands in seconds."""


def prepare(settings: Any, executor: Any) -> None:
    """Before the first job is submitted to Slurm: say how ends of jobs are learnt, and end what is refused for good.

    Nothing for other executors. `settings`, `executor`: those of Snakemake's executor, the latter its class.
    """
    if command := getattr(settings, "status_command", None):  # only Slurm's has one
        told = job_states(command, settings.init_seconds_before_status_checks)
        print(f"Ends of jobs: {told}", file=sys.stderr, flush=True)
        fail_refused_jobs(executor)


def job_states(status_command: str, first_look: int) -> str:
    """Which command will tell how jobs ended, and why.

    `first_look`: seconds from submission to the first question. Snakemake's executor asks squeue where Slurm shows
    ended jobs for three times as long, else sacct, which answers nothing where no accounts are kept. RankkError where
    neither can tell, for then Snakemake would wait for ever.
    """
    settings = dict(re.findall(r"^(\w+) *= *(.*)$", command_output("scontrol", "show", "config"), re.MULTILINE))
    shown = int(re.findall(r"\d+", settings.get("MinJobAge", "0"))[0])
    if status_command == "squeue" and shown >= 3 * first_look:
        return f"squeue, which shows ended jobs for {shown} s here (MinJobAge)"
    accounts = settings.get("AccountingStorageType", "(null)")
    if accounts in ("(null)", "accounting_storage/none"):
        raise RankkError(
            f"Slurm shows ended jobs for {shown} s (MinJobAge) and keeps no accounts (AccountingStorageType "
            f"{accounts}): nothing could tell that a job has ended. In the profile, set slurm-status-command: squeue "
            f"and slurm-init-seconds-before-status-checks: {shown // 3} or less"
        )
    command_output("sacct", "--noheader", "--allocations")
    reason = "as the profile wants" if status_command == "sacct" else f"for squeue shows ended jobs for {shown} s only"
    return f"sacct, {reason} (accounts: {accounts})"


REFUSALS = {
    "time limit|wall|--time": "lower `runtime` of the rule in set-resources, set max_runtime in default-resources to "
    "the partition's minutes, or name a partition that allows more (sinfo -o '%P %l')",
    "memory|--mem": "set max_mem_mb in default-resources to the memory of the partition's nodes, or lower `mem_mb` of "
    "the rule in set-resources (sinfo -o '%P %m')",
    "account (or|.*invalid)|invalid qos|wckey": "set slurm_account and slurm_qos in default-resources to what "
    "`sacctmgr show associations user=$USER format=account,partition,qos` lists",
    "partition specified|partition name|(in|use) this partition": "set slurm_partition and gpu_partition in "
    "default-resources to partitions that `sinfo` lists and that you may use",
    "gres|feature|constraint|node configuration|node count|cpu count|processors|per(job|node)": "no node of the "
    "partition has what the job asks for: lower `threads`, `mem_mb` or the GPUs of the reranker's engine, or name "
    "other partitions in default-resources (sinfo -o '%P %c %m %G %f')",
    "reservation|licen[cs]e|unrecognized|invalid|permission": "correct slurm_extra in default-resources",
}
"""Words with which Slurm refuses a job for good, and what to change in the profile. The first that fits counts."""
MAY_PASS = re.compile("MaxSubmit|violates accounting|timed out|temporar|unable to contact|inactive or drain", re.I)
"""Words with which Slurm refuses a job that it may accept later."""
SAID = re.compile(r"error message was '(.*?)'\.\n|(the given account .* invalid.*)", re.I | re.S)
"""Slurm's words in a message of Snakemake's executor, or the executor's own."""


def refusal(message: str) -> str | None:
    """Why Slurm will never take a job, and what to change, on one line; None where a later try may succeed.

    `message`: what Snakemake's executor says of a submission that failed.
    """
    said = SAID.search(message)
    words = " ".join((said[1] or said[2]).split()) if said else ""
    words = re.sub(r"(?<=Limit) sbatch: error: .*violates accounting.*", "", words)  # less specific than the limit
    remedy = next((remedy for pattern, remedy in REFUSALS.items() if re.search(pattern, words, re.I)), None)
    if remedy is None or MAY_PASS.search(words):
        return None
    return f"Slurm refuses this job, now and later: {words[:300]}. In the profile, {remedy}"


def fail_refused_jobs(executor: Any) -> None:
    """Let jobs that Slurm refuses for good fail at once, whatever `retries` says. `executor`: Snakemake's class."""
    report = executor.report_job_error

    def report_job_error(self: Any, job_info: Any, msg: str | None = None, **arguments: Any) -> None:
        if told := refusal(msg or ""):
            msg, job_info.job.attempt = told, job_info.job.restart_times + 1
        report(self, job_info, msg=msg, **arguments)

    executor.report_job_error = report_job_error


@dataclass(frozen=True)
class Partition:
    """A partition. `minutes`: its time limit, None for none; GPUs and memory are those of its largest node."""

    name: str
    minutes: int | None
    gpus: int
    mem_mb: int
    up: bool


def partitions(text: str) -> dict[str, Partition]:
    """Partitions by name, from lines of sinfo --format=%R|%l|%G|%m|%a (one for each kind of node)."""
    partitions: dict[str, Partition] = {}
    for line in filter(None, text.splitlines()):
        name, limit, gres, memory, state = line.split("|")
        gpus, mem_mb = gpus_of(gres), int(re.sub(r"\D", "", memory) or 0)
        if before := partitions.get(name):
            gpus, mem_mb = max(gpus, before.gpus), max(mem_mb, before.mem_mb)
        partitions[name] = Partition(name, minutes_of(limit), gpus, mem_mb, state == "up")
    return partitions


def minutes_of(limit: str) -> int | None:
    """Whole minutes of a time limit, None where there is none.

    Slurm writes minutes, minutes:seconds, hours:minutes:seconds, or hours[:minutes[:seconds]] behind days and a dash.
    """
    if not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", limit):
        return None
    days, dash, clock = limit.rpartition("-")
    numbers = [int(number) for number in clock.split(":")]
    hours_first = bool(dash) or len(numbers) == 3
    hours, minutes = (*numbers, 0)[:2] if hours_first else (0, numbers[0])
    return int(days or 0) * 1440 + hours * 60 + minutes


def gpus_of(gres: str) -> int:
    """GPUs of a node, from its generic resources: gpu:4, gpu:a100:4(S:0-1), several kinds with commas between."""
    without_sockets = re.sub(r"\([^)]*\)", "", gres)
    counts = (re.fullmatch(r"gpu(?::[^:]+)??(?::(\d+))?", entry) for entry in without_sockets.split(","))
    return sum(int(match[1] or 1) for match in counts if match)


def command_output(*command: str) -> str:
    """Standard output of one of Slurm's commands."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except FileNotFoundError:
        raise RankkError(f"{command[0]}: not found; submit from a node that has Slurm's commands") from None
    except subprocess.TimeoutExpired:
        raise RankkError(f"{' '.join(command)}: no answer within {PATIENCE} s; is Slurm's daemon up?") from None
    if done.returncode:
        raise RankkError(f"{' '.join(command)}: {' '.join(done.stderr.split())[:300]}")
    return done.stdout
