"""A small tokenizer like those of Qwen's family, built on the spot: byte-level BPE and a ChatML template."""

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if thinking %}<think>\n{% endif %}{% endif %}"
)
WORDS = ["the passages answer a search query about rivers, mountains and 1234567890 other things"] * 3


def build_tokenizer(
    folder: Path, *, template: str | None = TEMPLATE, bos: str | None = None, eos: str = "<|im_end|>"
) -> Path:
    """Save the tokenizer in `folder`. `bos`: a token that begins every sequence; `eos`: one that ends a turn."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        WORDS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_special_tokens(list(dict.fromkeys(["<|im_start|>", "<|im_end|>", eos])))
    tokenizer.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    if bos is not None:
        from tokenizers.processors import TemplateProcessing

        tokenizer.add_special_tokens([bos])
        special = [(bos, tokenizer.token_to_id(bos))]
        tokenizer.post_processor = TemplateProcessing(single=f"{bos} $A", special_tokens=special)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, bos_token=bos)
    fast.chat_template = template
    fast.save_pretrained(str(folder))
    return folder
