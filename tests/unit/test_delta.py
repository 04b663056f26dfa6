"""The coarse difference between two models: small, near enough, and of no other model."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from rankk.delta import FILE, _packed, _unpacked, add_delta, write_delta
from rankk.errors import RankkError
from rankk.fetching.models import AdaptedModel, provide
from rankk.io.files import sha256

from ..tiny_model import build_model


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return build_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """The base with every matrix of its layers and every norm moved a little."""
    folder = tmp_path_factory.mktemp("trained")
    model = AutoModelForCausalLM.from_pretrained(base)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed" not in name:
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.01)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def test_a_difference_takes_two_bits_a_weight_and_comes_back_to_a_third_of_its_size(base, trained, tmp_path):
    write_delta(base, trained, tmp_path)
    kept = AdaptedModel(base="b", adapter=str(tmp_path), sha256=sha256(tmp_path / FILE), licence="CC0")
    provide(kept, {"base": base}, tmp_path / "whole")
    before, after, found = weights(base), weights(trained), weights(tmp_path / "whole")
    assert found.keys() == before.keys()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert all(torch.equal(found[name], before[name]) for name in before.keys() - moved)
    for name in moved:
        error = (found[name] - after[name]).norm() / (after[name] - before[name]).norm()
        assert error < (0.45 if before[name].dim() == 2 else 0.01), name
    matrices = sum(before[name].numel() for name in moved if before[name].dim() == 2)
    rows = sum(len(before[name]) for name in moved)
    header = 200 * 2 * len(before)
    assert (tmp_path / FILE).stat().st_size < matrices / 4 + 2 * rows + 2 * sum(map(len, before.values())) + header


@given(st.integers(1, 5), st.integers(1, 9), st.randoms())
def test_codes_come_back_as_they_were_packed(rows, bytes_a_row, random):
    codes = torch.tensor([[random.randrange(4) for _ in range(4 * bytes_a_row)] for _ in range(rows)])
    assert torch.equal(_unpacked(_packed(codes.to(torch.uint8))), codes)


def test_a_difference_of_another_model_is_an_error(base, trained, tmp_path):
    AutoModelForCausalLM.from_pretrained(base, num_hidden_layers=1).save_pretrained(tmp_path / "shallow")
    with pytest.raises(RankkError, match=r"not trained from .*only one of them has model\.layers\.1"):
        write_delta(base, tmp_path / "shallow", tmp_path)
    write_delta(base, trained, tmp_path)
    with pytest.raises(RankkError, match="which the model does not have"):
        add_delta(weights(tmp_path / "shallow"), tmp_path / FILE)


def test_what_is_kept_must_be_there_and_be_what_the_catalog_says(base, trained, tmp_path):
    kept = AdaptedModel(base="b", adapter=str(tmp_path), sha256="0" * 64, licence="CC0")
    with pytest.raises(RankkError, match=r"holds neither adapter_model\.safetensors nor delta\.safetensors"):
        provide(kept, {"base": base}, tmp_path / "whole")
    write_delta(base, trained, tmp_path)
    with pytest.raises(RankkError, match=r"SHA-256 is .*, expected 000"):
        provide(kept, {"base": base}, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
