"""vLLM's own OpenAI server, started once for all jobs of one Snakemake process that need the same engine.

The first job to need an engine starts it; others find it through a registry file that only the user can read. The
server listens on 127.0.0.1 with a random key, and ends when its owner ends, however that happens (supervisor.py), or
when no job has used it for a while.
"""

import fcntl
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from rankk.errors import RankkError
from rankk.provenance import gpus
from rankk.reranking.backends.engine_config import EngineConfig

log = logging.getLogger("rankk")

MODEL_NAME = "engine"  # what the server calls its one model
START_TIMEOUT = 3600.0  # seconds; a large model is read from a slow disk once
IDLE_SECONDS = 300.0
LOG_TAIL = 15  # lines of the engine's log in an error


@dataclass(frozen=True)
class Server:
    """Where an engine is to be reached."""

    base_url: str
    key: str

    def __repr__(self) -> str:
        return f"Server({self.base_url})"


@contextmanager
def lease(model: str, revision: str | None, config: EngineConfig, owner: int) -> Iterator[Server]:
    """A running server for the block; started now if this owner has none for the model and settings yet.

    Raises RankkError with the end of the engine's log where it does not start.
    """
    files = _Files.of(model, revision, config, owner)
    with files.starting.open("w") as starting, files.used.open("w") as used:
        fcntl.flock(starting, fcntl.LOCK_EX)  # one job starts, the others wait for it
        server = files.running() or _start(files, model, revision, config, owner)
        fcntl.flock(used, fcntl.LOCK_SH)  # keeps the supervisor from taking it for idle
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield server


@dataclass(frozen=True)
class _Files:
    """Files of one engine in the user's runtime folder."""

    registry: Path
    starting: Path
    used: Path
    log: Path

    @classmethod
    def of(cls, model: str, revision: str | None, config: EngineConfig, owner: int) -> "_Files":
        folder = Path(tempfile.gettempdir(), f"rankk-{os.getuid()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
            raise RankkError(f"{folder}: is not private to this user; remove it")
        identity = json.dumps([str(Path(model).absolute()) if Path(model).exists() else model, revision, owner])
        name = sha256((identity + config.model_dump_json()).encode()).hexdigest()[:16]
        return cls(*(folder / f"{name}.{suffix}" for suffix in ("json", "starting", "used", "log")))

    def running(self) -> Server | None:
        """The registered server, if it answers."""
        try:
            server = Server(**json.loads(self.registry.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return server if healthy(server) else None

    def register(self, server: Server) -> None:
        """Tell other jobs; nobody else can read the key."""
        partial = self.registry.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(server.__dict__), encoding="utf-8")
        partial.replace(self.registry)


def healthy(server: Server) -> bool:
    """Whether the server answers."""
    try:
        answer = httpx.get(
            f"{server.base_url}/models",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=5,
            trust_env=False,
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def _start(files: _Files, model: str, revision: str | None, config: EngineConfig, owner: int) -> Server:
    on_cpu = not gpus()
    port, started = _free_port(), time.monotonic()
    server = Server(f"http://127.0.0.1:{port}/v1", secrets.token_urlsafe(32))
    command = server_command(model, revision, config, port, on_cpu=on_cpu)
    environment = os.environ | config.environment(on_cpu=on_cpu, cores=os.cpu_count() or 1)
    environment["VLLM_API_KEY"] = server.key
    if Path(model).exists():
        environment["HF_HUB_OFFLINE"] = "1"
    log.info("starting the engine: %s (log: %s)", model, files.log)
    with files.log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "rankk.reranking.backends.supervisor", str(owner), str(IDLE_SECONDS),
             str(files.used), str(files.starting), str(files.registry), "--", *command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True,
        )  # fmt: skip
    while not healthy(server):
        if supervisor.poll() is not None or time.monotonic() - started > START_TIMEOUT:
            with suppress(ProcessLookupError):
                supervisor.terminate()
            tail = files.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LOG_TAIL:]
            raise RankkError(f"the engine for {model} did not start; its log ({files.log}) ends: " + " | ".join(tail))
        time.sleep(0.25)
    files.register(server)
    log.info("engine up after %.0f s", time.monotonic() - started)
    return server


def server_command(model: str, revision: str | None, config: EngineConfig, port: int, *, on_cpu: bool) -> list[str]:
    """vLLM's server as a command line (without the key)."""
    command = [
        engine_python(),
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--model", model, "--served-model-name", MODEL_NAME, "--disable-uvicorn-access-log"]
    if revision:
        command += ["--revision", revision, "--tokenizer-revision", revision]
    for name, value in config.arguments(on_cpu=on_cpu).items():
        command += _option(name.replace("_", "-"), value)
    return command


def _option(name: str, value: Any) -> list[str]:
    if value is False:
        return ["--no-enable-prefix-caching"] if name == "enable-prefix-caching" else []
    if value is True:
        return [f"--{name}"]
    return [f"--{name}", json.dumps(value) if isinstance(value, dict) else str(value)]


def engine_python() -> str:
    """The Python that has vLLM: this one, or that of the environment beside it (.venv-llm beside .venv)."""
    if find_spec("vllm"):
        return sys.executable
    beside = Path(f"{sys.prefix}-llm", "bin", "python")
    if beside.is_file():
        return str(beside)
    raise RankkError(f"vLLM is neither installed in {sys.prefix} nor in {sys.prefix}-llm; make setup installs it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
