"""How long commands take to do nothing."""

from common import command, report, seconds

COMMANDS = {
    "rankk --help": [".venv/bin/rankk", "--help"],
    "rankk presets": [".venv/bin/rankk", "presets"],
    "rankk rerank --help": [".venv/bin/rankk", "rerank", "--help"],
    "rankk evaluate --help": [".venv/bin/rankk", "evaluate", "--help"],
    "snakemake --version (the bare tool)": [".venv/bin/snakemake", "--version"],
    "snakemake -n (the demo)": [".venv/bin/snakemake", "-n", "--quiet", "all"],
}


def main() -> None:
    """Medians of three."""
    report("startup", [{"command": name, "seconds": seconds(command(*what))} for name, what in COMMANDS.items()])


if __name__ == "__main__":
    main()
