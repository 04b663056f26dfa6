"""Virtual environments, conda environments and images are built from the same lists of pins."""

import ast
import re
import subprocess
import sys
from typing import get_args

import pytest
import yaml

from rankk.llm.engine_config import CacheType, Quantization

from ..conftest import ROOT

ENVS = ROOT / "envs"
LISTS = ["workflow.txt", "llm-cpu.txt", "llm-gpu.txt"]
SHARED = ["pydantic", "pyyaml", "httpx", "tqdm", "transformers"]


def pins(name):
    lines = (ENVS / name).read_text().splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith("#"))


@pytest.mark.parametrize("name", LISTS)
def test_every_line_of_a_list_is_one_exact_version(name):
    for line in (ENVS / name).read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^ ]+( ;.*)?", line), line


@pytest.mark.parametrize(("name", "pinned"), [("workflow", "workflow.txt"), ("llm", "llm-gpu.txt")])
def test_conda_and_images_install_the_list_and_nothing_else(name, pinned):
    conda = yaml.safe_load((ENVS / f"{name}.yaml").read_text())
    (packages,) = (entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    listed = [line for line in (ENVS / pinned).read_text().splitlines() if "==" in line and not line.startswith("#")]
    assert packages == listed, "Snakemake copies the file, so that it names packages and no list"
    image = (ENVS / f"{name}.def").read_text()
    assert f"-r /opt/rankk/envs/{pinned}" in image
    installed = [line for line in image.splitlines() if "install" in line and "apt-get" not in line]
    assert len(installed) == 3, "uv, the list, the package"


def test_scripts_find_the_package_where_it_is_not_installed(tmp_path):
    code = f"import sys; sys.path.append({str(ROOT / 'scripts')!r}); import rankk; print(rankk.__file__)"
    found = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, env={}, capture_output=True, text=True)
    assert found.stdout.strip() == str(ROOT / "scripts" / "rankk" / "__init__.py"), found.stderr


def test_every_environment_installs_with_the_same_uv():
    files = [ENVS / "setup.sh", ENVS / "workflow.def", ENVS / "llm.def"]
    versions = {version for path in files for version in re.findall(r"uv==([0-9.]+)", path.read_text())}
    assert len(versions) == 1


def test_what_both_environments_need_has_the_same_major_version():
    ours, cpu, gpu = map(pins, LISTS)
    for package in SHARED:
        found = {table[package].split(".")[0] for table in (ours, cpu, gpu) if package in table}
        assert len(found) == 1, package


@pytest.mark.parametrize(
    ("file", "name", "ours"),
    [
        ("model_executor/layers/quantization/__init__.py", "QuantizationMethods", Quantization),
        ("config/cache.py", "CacheDType", CacheType),
    ],
)
def test_the_names_of_types_are_those_of_the_pinned_vllm(file, name, ours):
    sources = list((ROOT / ".venv-llm").glob(f"lib/python3*/site-packages/vllm/{file}"))
    if not sources:
        pytest.skip("no vLLM in .venv-llm")
    tree = ast.parse(sources[0].read_text())
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert set(get_args(ours)) == {ast.literal_eval(value) for value in assigned[name].slice.elts}
