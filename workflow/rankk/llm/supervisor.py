"""Keeps a server from outliving its owner: `supervisor.py OWNER IDLE USED STARTING REGISTRY -- COMMAND…`.

The file descriptor of a lock that others test is inherited: it is held as long as this process lives.

Ends the command and everything it started when the owner's process ends (however), when the command ends, or when
nobody has held a lock on USED for IDLE seconds. If the supervisor itself is killed, the kernel kills the command.
"""

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
POLL_SECONDS = 0.5
GRACE_SECONDS = 5.0
LIBC = ctypes.CDLL(None, use_errno=True)


def main(owner: int, idle: float, used: Path, starting: Path, registry: Path, command: list[str]) -> int:
    """Run the command under supervision; its exit code, or 0 when the supervisor ended it."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what the command leaves behind becomes ours to end
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        owned = os.pidfd_open(owner)
    except ProcessLookupError:
        return 0
    child = subprocess.Popen(command, preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        last_used = time.monotonic()
        with starting.open("w") as start_lock, used.open("w") as use_lock:
            while child.poll() is None and not select.select([owned], [], [], POLL_SECONDS)[0]:
                if _held(start_lock) or _held(use_lock):
                    last_used = time.monotonic()
                elif time.monotonic() - last_used > idle:
                    break
        return child.returncode or 0
    finally:
        registry.unlink(missing_ok=True)
        end_descendants()


def _held(lock: IO[str]) -> bool:
    """Whether another process holds the lock."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def end_descendants() -> None:
    """Terminate all children, then kill; orphans of killed children become children and are killed in turn."""
    for number, until in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        deadline = time.monotonic() + until
        while children := _children():
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
            _reap()


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in listed.read_text().split()]


if __name__ == "__main__":
    split = sys.argv.index("--")
    own, seconds, *paths = sys.argv[1:split]
    lock, start, registered = map(Path, paths)
    sys.exit(main(int(own), float(seconds), lock, start, registered, sys.argv[split + 1 :]))
