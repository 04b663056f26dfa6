"""How Snakemake learns that a job on Slurm has ended, found out before the first is submitted."""

import re
import subprocess

from rankk.errors import RankkError

PATIENCE = 30
"""Seconds after which a command of Slurm's counts as not answering."""


def job_states(status_command: str, first_look: int) -> str:
    """Which command will tell how jobs ended, and why.

    `first_look`: seconds from submission to the first question. Snakemake's executor asks squeue where Slurm shows
    ended jobs for three times as long, else sacct, which answers nothing where no accounts are kept. RankkError where
    neither can tell, for then Snakemake would wait for ever.
    """
    settings = dict(re.findall(r"^(\w+) *= *(.*)$", _output("scontrol", "show", "config"), re.MULTILINE))
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
    _output("sacct", "--noheader", "--allocations")
    reason = "as the profile wants" if status_command == "sacct" else f"for squeue shows ended jobs for {shown} s only"
    return f"sacct, {reason} (accounts: {accounts})"


def _output(*command: str) -> str:
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
