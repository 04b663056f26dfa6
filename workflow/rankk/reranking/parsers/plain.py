"""An answer's text in one form: other scripts' brackets, signs and digits, markup and character references."""

import html
import re
from collections.abc import Iterator
from functools import cache
from unicodedata import category, name, numeric

LETTER = re.compile(r"[^\W\d_]")


def _numbers() -> Iterator[tuple[str, str]]:
    """Numbers in circles, discs or brackets (①, ➌, ⑴, ㊂ …) as identifiers, Roman numerals (Ⅲ) as digits."""
    enclosed = (*range(0x2460, 0x249C), *range(0x24EA, 0x2500), *range(0x2776, 0x2794), *range(0x3280, 0x328A))
    for sign in map(chr, (*enclosed, *range(0x2160, 0x2180))):
        if category(sign) in ("No", "Nl") and numeric(sign):
            yield sign, f"{numeric(sign):.0f}" if category(sign) == "Nl" else f"[{numeric(sign):.0f}]"


GREATER_NAME = re.compile(
    r"GREATER-THAN|SUCCEEDS|SUPERSET|CONTAINS AS|\bRIGHTWARDS|\bRIGHT[- ]POINTING|RIGHT (?:DOUBLE )?ANGLE BRACKET"
)
BEFORE_NAME = re.compile(
    r"PRECEDES|SUBSET|^NORMAL SUBGROUP|\bLEFTWARDS|\bLEFT[- ]POINTING|LEFT (?:DOUBLE )?ANGLE BRACKET"
)


def _comparisons() -> Iterator[tuple[str, str]]:
    """Signs that compare, by their names in Unicode.

    Ambiguous signs, which mean "before" or "less than" (≺, ←), become `<>`, which makes the ranking unusable.
    """
    blocks = [(0x2039, 0x203B), (0x2190, 0x2400), (0x25A0, 0x2600), (0x2700, 0x2800), (0x2900, 0x2C00)]
    blocks += [(0x3008, 0x300A), (0xFE64, 0xFE66), (0xFF1C, 0xFF1F), (0x1F446, 0x1F44A), (0x1F780, 0x1F900)]
    for sign in (chr(code) for block in blocks for code in range(*block)):
        called = name(sign, "")
        signs = "<" * ("LESS-THAN" in called) + ">" * bool(GREATER_NAME.search(called))
        if re.search(r"(?:^| )(?:UP|DOWN)WARDS", called):  # ↵ ends a line
            continue
        if BEFORE_NAME.search(called) or (signs and called.startswith(("NOT ", "NEITHER ", "DOES NOT "))):
            signs = "<>"
        if signs:
            yield sign, signs


@cache
def _table() -> dict[int, str | None]:
    """Other scripts' brackets and signs, and markdown, in their plain form. Digits stay: int() reads any script's."""
    signs = {
        **dict(_comparisons()),
        **dict.fromkeys("［【〔「『⟦〖《", "["),
        **dict.fromkeys("］】〕」』⟧〗》", "]"),
        **dict.fromkeys("ᐅᐳ", ">"),
        **dict.fromkeys("＝≈≃≡≅∼", "="),
        **dict.fromkeys("，、；،؛·•∙⋅", ","),
        **dict.fromkeys("–—−‑－", "-"),
        **dict.fromkeys(
            "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufe0f\u20e3"
        ),
        **dict(zip("（）：．。…│┃", "():..…||", strict=True)),
        **dict(_numbers()),
    }
    return str.maketrans({**dict.fromkeys("*_`~$\"'“”«»\r\u00a0\u3000", " "), **signs})


ARROW = r"(?:long|hook|two|x)?%sarrow[a-z]*"
GREATER = re.compile(
    rf"\\(?:succ[a-z]*|gtr?[a-z]*|ggg?|geq?[a-z]*|{ARROW % 'right'}|to|triangleright[a-z]*|rangle)\b"
    r"|\\u003e|%3e|(?<=\d[\])])[ ]+(?:优于|優於|好于|高于|大于)[ ]+",
    re.IGNORECASE,
)
EQUAL = re.compile(r"\\(?:approx|sim|simeq|cong|equiv|asymp)\b")
LESS = re.compile(r"\\(?:lt|less[a-z]*|lll?|le|leqq?|leqslant)\b|\\u003c|%3c", re.IGNORECASE)
BEFORE = re.compile(
    rf"\\(?:prec[a-z]*|{ARROW % 'left'}|gets|triangleleft[a-z]*|langle)\b|(?<!<)<-+|<=+>", re.IGNORECASE
)
ESCAPED = re.compile(r"\\n(?![a-z])|\\(?=[\[\]_*#>])")
LINE_TAG = re.compile(r"</?(?:br|p|li|tr|div|ol|ul|table)[ ]?/?>", re.IGNORECASE)
CELL_TAG = re.compile(r"</?t[dh][ ]?/?>", re.IGNORECASE)
ATTRIBUTES = re.compile(r'<([a-z][\w:-]{0,30}+(?:\s++[\w:-]{1,30}+="[^"<>\n]{0,200}+")++)\s*+/?>', re.IGNORECASE)
ANGLES = re.compile(r"[<〈⟨⟪‹«](\d{1,4})[>〉⟩⟫›»]")
TAG = re.compile(r"</?[a-z][a-z_:-]{0,30}+[ ]?/?>", re.IGNORECASE)
LINK = re.compile(r"(?<=\])\([^()\s]{0,200}[#/:][^()\s]{0,200}\)")
WRAPPED = re.compile(r"\\(?:text|math|bold|bm)[a-z]{0,10}\{([^{}\\]{0,40})\}|_\{(\d{1,4})\}")
"""\\text{Passage }, d_{3}"""
DOTS = re.compile(r"\\[lc]?dots[a-z]?\b|[⋯⋮]|\.(?:[ ]\.){2,}")
NOTE = re.compile(r"(?<=[\d\])])[⁰¹²³⁴-⁹]++")
"""A footnote's mark behind an identifier."""
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})*,000(?![\d,])")


def plain(text: str) -> str:
    """The text without markup, with one form of brackets and signs. Tabs and line breaks stay."""
    text = html.unescape(text) if "&" in text else text
    text = NOTE.sub("", DOTS.sub("...", WRAPPED.sub(r"\1\2", text))).translate(RAISED)
    text = BEFORE.sub("<>", LESS.sub("<", GREATER.sub(">", EQUAL.sub("=", ESCAPED.sub(_unescaped, text)))))
    text = CELL_TAG.sub("|", LINE_TAG.sub("\n", ATTRIBUTES.sub(r" \1 ", text)))
    text = ANGLES.sub(r"[\1]", TAG.sub(" ", text))
    return THOUSANDS.sub("0", LINK.sub("", text.translate(_table())))


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[0] == r"\n" else ""
