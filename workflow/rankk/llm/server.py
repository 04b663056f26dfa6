"""vLLM's own OpenAI server, started once for all jobs of one Snakemake process that need the same engine.

The first job to need an engine starts it; others find it through a registry file that only the user can read. The
server listens on 127.0.0.1 with a random key, and ends when its owner ends, however that happens (supervisor.py), or
when no job has used it for a while.
"""

import asyncio
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import httpx

from rankk.errors import BackendError, RankkError
from rankk.io.files import read_json
from rankk.llm.engine_config import EngineConfig
from rankk.provenance import gpus

log = logging.getLogger("rankk")

MODEL_NAME = "engine"  # name of the model on the server
ADAPTER_NAME = "adapted-engine"  # name of the model with its LoRA adapter
START_TIMEOUT = 3600.0  # seconds; a large model is read from a slow disk once
IDLE_SECONDS = 300.0
POLL_SECONDS = 0.25
LOG_TAIL = 15  # lines of the engine's log in an error


@dataclass(frozen=True)
class Server:
    """Address and key of an engine."""

    base_url: str
    key: str
    supervisor: int  # process id

    def __repr__(self) -> str:
        return f"Server({self.base_url})"


@asynccontextmanager
async def lease(model: str, arguments: Mapping[str, Any], config: EngineConfig, owner: int) -> AsyncIterator[Server]:
    """A running server for the block; started now if this owner has none with these engine arguments yet.

    Raises BackendError with the end of the engine's log where it does not start. Cancelling ends a start.
    """
    files = _Files.of(model, arguments, owner)
    with files.starting.open("w") as starting, files.used.open("w") as used:
        await _lock(starting)  # one job starts the server, other jobs wait for it
        server = files.registered() or _start(files, model, arguments, config, owner)
        try:
            await _ready(server, files, model)
        except asyncio.CancelledError:
            os.kill(server.supervisor, signal.SIGTERM)
            raise
        fcntl.flock(used, fcntl.LOCK_SH)  # tells the supervisor that the server is in use
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield server


async def _lock(file: IO[str]) -> None:
    """Take an exclusive lock without stopping the event loop."""
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class _Files:
    """Files of one engine in the user's runtime folder."""

    registry: Path
    starting: Path
    used: Path
    alive: Path
    log: Path

    @classmethod
    def of(cls, model: str, arguments: Mapping[str, Any], owner: int) -> "_Files":
        folder = Path(tempfile.gettempdir(), f"rankk-{os.getuid()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
            raise RankkError(f"{folder}: is not private to this user; remove it")
        model = str(Path(model).absolute()) if Path(model).exists() else model
        name = sha256(json.dumps([model, dict(arguments), owner], sort_keys=True).encode()).hexdigest()[:16]
        return cls(*(folder / f"{name}.{suffix}" for suffix in ("json", "starting", "used", "alive", "log")))

    def registered(self) -> Server | None:
        """The registered server, answering or starting, while its supervisor lives."""
        try:
            server = Server(**read_json(self.registry))
        except (OSError, ValueError, TypeError):
            return None
        return server if self.supervised() else None

    def supervised(self) -> bool:
        """Whether the supervisor lives: it holds a lock."""
        with self.alive.open("a") as alive:
            try:
                fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def register(self, server: Server) -> None:
        """Write the registry file, which only the user can read."""
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


async def _ready(server: Server, files: _Files, model: str) -> None:
    """Wait until the server answers."""
    started = time.monotonic()
    while not await asyncio.to_thread(healthy, server):
        if not files.supervised() or time.monotonic() - started > START_TIMEOUT:
            with suppress(ProcessLookupError):
                os.kill(server.supervisor, signal.SIGTERM)
            tail = files.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LOG_TAIL:]
            raise BackendError(f"the engine for {model} did not start; its log ({files.log}) ends: " + " | ".join(tail))
        await asyncio.sleep(POLL_SECONDS)


def _start(files: _Files, model: str, arguments: Mapping[str, Any], config: EngineConfig, owner: int) -> Server:
    """Start supervisor and server, and register them immediately, as the starting job may die during loading."""
    on_cpu = not gpus()
    port, key = _free_port(), secrets.token_urlsafe(32)
    environment = os.environ | config.environment(on_cpu=on_cpu)
    environment["VLLM_API_KEY"] = key
    if Path(model).exists():
        environment["HF_HUB_OFFLINE"] = "1"
    log.info("starting the engine: %s (log: %s)", model, files.log)
    with files.log.open("wb") as output, files.alive.open("a") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)  # inherited: held until the supervisor ends
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "rankk.llm.supervisor", str(owner), str(IDLE_SECONDS),
             str(files.used), str(files.starting), str(files.registry), "--", *server_command(model, arguments, port)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True,
            pass_fds=[alive.fileno()],
        )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}/v1", key, supervisor.pid)
    files.register(server)
    return server


def server_command(model: str, arguments: Mapping[str, Any], port: int) -> list[str]:
    """vLLM's server as a command line (without the key)."""
    command = [engine_python(), "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", model, "--served-model-name", MODEL_NAME, "--disable-uvicorn-access-log"]
    command += ["--enable-per-request-metrics"]  # times of each call: waiting, and computing
    for name, value in arguments.items():
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
