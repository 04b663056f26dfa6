"""The weight delta between a model and its base, quantized to two bits per weight.

Full fine-tuning moves every weight by a little; kept coarsely, the differences of 106 million weights take 27 MB
(after BitDelta, Liu et al. 2024, which keeps signs alone).
"""

from pathlib import Path
from typing import Any

from rankk.errors import RankkError

FILE = "delta.safetensors"
LEVELS = (-1.5104, -0.4528, 0.4528, 1.5104)
"""Least squared error for normally distributed values in units of their deviation (Max 1960, table I)."""
PER_BYTE = 4
CODES, SCALES = ".codes", ".scales"


def write_delta(base: str | Path, trained: str | Path, folder: str | Path, *, revision: str | None = None) -> None:
    """Write what `trained` has moved of `base` into `folder`/delta.safetensors: matrices in two bits, vectors in 16.

    Each row of a matrix has its own scale. `revision`: of a base on the hub. RankkError where the models do not have
    the same weights.
    """
    import torch
    from safetensors.torch import save_file

    before, after = _weights(base, revision), _weights(trained)
    if differing := before.keys() ^ after.keys():
        raise RankkError(f"{trained}: not trained from {base}: only one of them has {sorted(differing)[0]}")
    kept = {}
    for name, weight in before.items():
        moved = after[name].float() - weight.float()
        if not moved.any():
            continue
        if moved.dim() != 2 or moved.shape[1] % PER_BYTE:
            kept[name] = moved.to(torch.float16)
            continue
        levels = torch.tensor(LEVELS)
        codes = torch.bucketize(moved / moved.std(1, keepdim=True).clamp(min=1e-12), (levels[1:] + levels[:-1]) / 2)
        values = levels[codes]
        kept[name + SCALES] = ((moved * values).sum(1) / (values * values).sum(1)).to(torch.float16)
        kept[name + CODES] = _packed(codes.to(torch.uint8))
    Path(folder).mkdir(parents=True, exist_ok=True)
    save_file(kept, str(Path(folder, FILE)))


def add_delta(weights: dict[str, Any], delta: str | Path) -> None:
    """Move weights (by name) in place by what a delta file holds. RankkError where it is of another model."""
    import torch
    from safetensors.torch import load_file

    kept = load_file(str(delta))
    names = {name.removesuffix(CODES).removesuffix(SCALES) for name in kept}
    if unknown := names - weights.keys():
        raise RankkError(f"{delta}: moves {sorted(unknown)[0]}, which the model does not have")
    for name in names:
        if name in kept:
            moved = kept[name].float()
        else:
            moved = torch.tensor(LEVELS)[_unpacked(kept[name + CODES])] * kept[name + SCALES].float()[:, None]
        weights[name].copy_(weights[name].float() + moved)


def _weights(model: str | Path, revision: str | None = None) -> dict[str, Any]:
    from transformers import AutoModelForCausalLM

    source = {"pretrained_model_name_or_path": str(model), "revision": revision}
    return dict(AutoModelForCausalLM.from_pretrained(**source, dtype="auto", trust_remote_code=False).state_dict())


def _packed(codes: Any) -> Any:
    """[rows, columns] numbers under 4 as bytes, [rows, columns / 4]."""
    parts = codes.reshape(codes.shape[0], -1, PER_BYTE)
    return sum(parts[..., position] << (2 * position) for position in range(PER_BYTE))


def _unpacked(packed: Any) -> Any:
    import torch

    parts = torch.stack([packed >> (2 * position) & 3 for position in range(PER_BYTE)], -1)
    return parts.reshape(packed.shape[0], -1).long()
