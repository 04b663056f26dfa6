"""Keeps a server from outliving its owner: `supervisor.py OWNER IDLE USED STARTING REGISTRY -- COMMAND…`.

The file descriptor of a lock that others test is inherited: it is held as long as this process or its watchdog lives.

Ends the command and everything it started when the owner's process ends (however), when the command ends, or when
nobody has held a lock on USED for IDLE seconds. The command runs under a second process, the watchdog, which does the
same when the supervisor is killed: it holds one end of a pipe whose other end only the supervisor has. Both adopt the
orphans of the command, so that whichever of them is killed, the other one ends what is left.
"""

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_CHILD_SUBREAPER = 36
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
POLL_SECONDS = 0.5
GRACE_SECONDS = 5.0
LIBC = ctypes.CDLL(None, use_errno=True)


def main(owner: int, idle: float, used: Path, starting: Path, registry: Path, command: list[str]) -> int:
    """Run the command under supervision; its exit code, or 0 when the supervisor ended it."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans of the command become children of this process
    for number in ENDING:
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        owned = os.pidfd_open(owner)
    except ProcessLookupError:
        return 0
    watchdog, pipe = _start_watchdog(command)
    ended = os.pidfd_open(watchdog)
    code = 0
    try:
        last_used = time.monotonic()
        with starting.open("w") as start_lock, used.open("w") as use_lock:
            while not (ready := select.select([owned, ended], [], [], POLL_SECONDS)[0]):
                if _held(start_lock) or _held(use_lock):
                    last_used = time.monotonic()
                elif time.monotonic() - last_used > idle:
                    break
        if ended in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(watchdog, 0)[1])
    finally:
        registry.unlink(missing_ok=True)
        end_descendants()
        os.close(pipe)
    return code


def _start_watchdog(command: list[str]) -> tuple[int, int]:
    """Process id of the watchdog, and the end of the pipe that tells it whether this process lives."""
    supervised, alive = os.pipe()
    if watchdog := os.fork():
        os.close(supervised)
        return watchdog, alive
    try:
        os.close(alive)
        code = _watch(command, supervised)
    except SystemExit:
        code = 0
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        end_descendants()
    os._exit(code)


def _watch(command: list[str], supervised: int) -> int:
    """Run the command until it or the supervisor ends; its exit code, as a shell tells it."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(command)
    ended = os.pidfd_open(child.pid)
    select.select([ended, supervised], [], [])
    code = child.poll()
    return 0 if code is None else code if code >= 0 else 128 - code


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
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)  # already being terminated
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
