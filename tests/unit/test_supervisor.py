"""A supervised command ends with all that it started, whichever process of them is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SUPERVISOR = """
import sys
from pathlib import Path
from rankk.llm import supervisor
supervisor.GRACE_SECONDS = 0.3
owner, folder, *command = sys.argv[1:]
files = (Path(folder, name) for name in ("used", "starting", "registry"))
sys.exit(supervisor.main(int(owner), float("inf"), *files, command))
"""
STUBBORN = """
import os, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if len(sys.argv) > 2:
    subprocess.Popen([sys.executable, sys.argv[0], sys.argv[1]], start_new_session=True)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""


@pytest.fixture
def supervised(tmp_path):
    """Process ids by role: owner, supervisor, watchdog, and a server that ignores signals with what it started."""
    (tmp_path / "server.py").write_text(STUBBORN)
    pids = tmp_path / "pids"
    pids.touch()
    owner = subprocess.Popen(["sleep", "600"])
    command = [sys.executable, str(tmp_path / "server.py"), str(pids), "parent"]
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(owner.pid), str(tmp_path), *command])
    wait(lambda: len(pids.read_text().splitlines()) == 2)
    (watchdog,) = children(supervisor.pid)
    yield {"owner": owner, "supervisor": supervisor, "watchdog": watchdog, "servers": pids.read_text().split()}
    for process in (owner, supervisor):
        process.kill()
        process.wait()


def wait(done):
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("role", "number"),
    [
        ("owner", signal.SIGKILL),
        ("supervisor", signal.SIGTERM),
        ("supervisor", signal.SIGKILL),
        ("watchdog", signal.SIGKILL),
    ],
)
def test_nothing_of_the_server_survives(supervised, role, number):
    process = supervised[role]
    os.kill(process if isinstance(process, int) else process.pid, number)
    if role == "owner":
        process.wait()
    wait(lambda: not any(map(alive, [*supervised["servers"], supervised["watchdog"]])))


def test_the_exit_code_of_the_command_is_told(tmp_path):
    for code in (0, 3):
        command = [sys.executable, "-c", SUPERVISOR, str(os.getpid()), str(tmp_path), "sh", "-c", f"exit {code}"]
        assert subprocess.run(command, check=False).returncode == code
