"""Loading an experiment from YAML files."""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rankk.component import load_plugins
from rankk.config.definitions import SECTIONS
from rankk.config.used import Definitions, used
from rankk.config.validation import validate
from rankk.errors import RankkError
from rankk.evaluation.measures import check_measures
from rankk.experiment import Experiment
from rankk.io.files import exists
from rankk.io.yaml_files import read_yaml, read_yaml_files
from rankk.plan.budget import divided

DATA = Path(__file__).parents[1] / "data"
"""Folder of the catalog and of the files that it names by relative paths: in the checkout, or in the installed
wheel."""


def catalog_folder() -> Path:
    """The catalog: config/catalog below the working directory, else the one that comes with the package."""
    edited = Path("config", "catalog")
    return edited if edited.is_dir() else DATA / "config" / "catalog"


def load(file: str | Path) -> Experiment:
    """Read one experiment file with the catalog."""
    return check(read_yaml(file), str(file))


def check(config: Mapping[str, Any], file: str, catalog: str | Path | None = None) -> Experiment:
    """An Experiment from Snakemake's merged configuration.

    Raises RankkError with one line a fault: file, key path, value and what was expected. Definitions in the
    experiment's own file win over the catalog's; only those that the grid uses are kept.
    """
    folder = Path(catalog) if catalog else catalog_folder()
    expanded: dict[str, str] = {}
    header = expand({key: value for key, value in config.items() if key not in SECTIONS}, file, expanded)
    experiment: Experiment = validate(TypeAdapter(Experiment), header, file)
    plugins = [_plugin_file(plugin, file) for plugin in experiment.plugins]
    load_plugins(plugins)  # their components may be used in the definitions below
    definitions = defined(folder, file, expanded)
    sections = {key: config[key] for key in SECTIONS if config.get(key)}
    definitions.add(expand(sections, file, expanded), file, (Path(file).resolve().parent, DATA))
    experiment = experiment.model_copy(update={"plugins": plugins} | used(experiment, definitions))
    experiment = divided(experiment, file)
    experiment._expanded.update(expanded)
    for name in experiment.evaluated:
        try:
            check_measures(experiment.collections[name].measures)
        except RankkError as error:
            raise RankkError(f"{file}: collections.{name}.measures: {error}") from None
    return experiment


def check_merged(config: Mapping[str, Any], *given: Iterable[str | Path] | None) -> Experiment:
    """An Experiment from the configuration that Snakemake merged from files, the last of which gives it its name.

    Snakemake's reader accepts a repeated key and takes the last value; the files are read again to report it. Exits
    with one line per error; settings that are probably a mistake are warnings.
    """
    files = [str(file) for some in given for file in some or ()]
    try:
        for file in filter(os.path.isfile, files):
            read_yaml(file)
        experiment = check(config, files[-1] if files else "config")
    except RankkError as error:
        sys.exit(f"Configuration: {error}")
    for text in experiment.warnings:
        print(f"Configuration: warning: {text}", file=sys.stderr)
    return experiment


def defined(catalog: Path, file: str, expanded: dict[str, str] | None = None) -> Definitions:
    """The catalog's definitions, to which those of an experiment's `file` can be added. `expanded`: see `expand`."""
    definitions = Definitions(file)
    for path, sections in read_yaml_files(sorted(catalog.glob("*.yaml"))):
        definitions.add(
            expand(sections, str(path), {} if expanded is None else expanded),
            str(path),
            (catalog.absolute().parents[1], DATA),
        )
    return definitions


def _plugin_file(plugin: str, file: str) -> str:
    """A plugin's file, relative to the working directory or to the configuration file's folder."""
    beside = Path(file).parent / plugin
    return str(beside) if plugin.endswith(".py") and not exists(plugin) and exists(beside) else plugin


def expand(value: Any, file: str, expanded: dict[str, str], path: str = "") -> Any:
    """`value` with ${NAME} in its texts replaced from the environment; RankkError names one that is not set.

    `expanded` gets the texts that changed, as they were written, by what they became.
    """
    if isinstance(value, dict):
        return {
            key: expand(entry, file, expanded, f"{path}.{key}" if path else str(key)) for key, entry in value.items()
        }
    if isinstance(value, list):
        return [expand(entry, file, expanded, f"{path}[{number}]") for number, entry in enumerate(value)]
    if isinstance(value, str):
        text = os.path.expandvars(value)
        if missing := re.search(r"\$\{\w+\}", text):
            raise RankkError(f"{file}: {path}: {missing[0]} is not set; export it, then run again")
        if text != value:
            expanded[text] = value
        return text
    return value
