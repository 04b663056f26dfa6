"""Start-up time of commands that do (almost) no work."""

import tempfile
from pathlib import Path

from common import cell, command, report, seconds

COMMANDS = {
    "python -c pass (the bare tool)": [".venv/bin/python", "-c", "pass"],
    "rankk --help": [".venv/bin/rankk", "--help"],
    "rankk presets": [".venv/bin/rankk", "presets"],
    "rankk rerank --help": [".venv/bin/rankk", "rerank", "--help"],
    "rankk evaluate --help": [".venv/bin/rankk", "evaluate", "--help"],
    "snakemake --version (the bare tool)": [".venv/bin/snakemake", "--version"],
    "snakemake -n (the demo)": [".venv/bin/snakemake", "-n", "--quiet", "all"],
    "snakemake -n (plain Snakemake, as many jobs as the paper's grid)": [
        ".venv/bin/snakemake",
        "-n",
        "--quiet",
        "all",
        "--cores=1",
        "--snakefile=benchmarks/bare.smk",
    ],
    "snakemake -n (the paper's grid)": [
        ".venv/bin/snakemake",
        "-n",
        "--quiet",
        "all",
        "--configfile",
        "config/rank-k.yaml",
    ],
}


def main() -> None:
    """Measure the median of three runs of each command."""
    rows: list[dict[str, object]] = [
        {"command": name, "seconds": seconds(command(*what))} for name, what in COMMANDS.items()
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = cell(folder, queries=1, depth=20, window=20, calls=1)
        replay = [".venv/bin/rankk", "rerank", "--backend=replay", "--preset=rank-k", *inputs]
        took = seconds(command(*replay, f"--output={folder / 'o.trec'}"))
        rows.append({"command": "rankk rerank --backend replay, one window", "seconds": took})
    report("startup", rows)


if __name__ == "__main__":
    main()
