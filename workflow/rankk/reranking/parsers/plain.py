"""An answer's text in one form: other scripts' brackets, signs and digits, markup and character references."""

import html
import re
from unicodedata import category, numeric

LETTER = re.compile(r"[^\W\d_]")


def _enclosed() -> dict[str, str]:
    """Numbers in circles, discs or brackets (①, ➌, ⑴ …) as identifiers."""
    known = (*range(0x2460, 0x249C), *range(0x24EA, 0x2500), *range(0x2776, 0x2794))
    return {sign: f"[{numeric(sign):.0f}]" for sign in map(chr, known) if category(sign) == "No" and numeric(sign)}


SIGNS = {
    **dict.fromkeys("［【〔「『⟦〖《", "["),
    **dict.fromkeys("］】〕」』⟧〗》", "]"),
    **dict.fromkeys("＞﹥〉⟩≻≽⪰⪼≥⩾⪖≫⋙⊳▷▶►›→⇒⟶⟹↠➜➔➙➝➞➡➤ᐳ", ">"),
    **dict.fromkeys("＜﹤≤⩽⪕≪⋘", "<"),
    # "Before" as well as "less than": never used, as where < and > are mixed.
    **dict.fromkeys("〈⟨≺≼⪯⪻⊲◁◀◄‹←⇐⟵⟸↞", "<>"),
    **dict.fromkeys("＝≈≃≡≅∼", "="),
    **dict.fromkeys("，、；،؛·•∙⋅", ","),
    **dict.fromkeys("–—−‑－", "-"),
    **dict.fromkeys(
        "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufe0f\u20e3"
    ),
    **dict(zip("（）：．。…│┃", "():..…||", strict=True)),
    **_enclosed(),
}
MARKDOWN = str.maketrans({**dict.fromkeys("*_`~$\"'“”«»\r\u00a0\u3000", " "), **SIGNS})
"""Other scripts' brackets and signs, and markdown, in their plain form. Digits stay: int() reads any script's."""

ARROW = r"(?:long|hook|two|x)?%sarrow[a-z]*"
GREATER = re.compile(
    rf"\\(?:succ[a-z]*|gtr?[a-z]*|ggg?|geq?[a-z]*|{ARROW % 'right'}|to|triangleright[a-z]*|rangle)\b"
    r"|\\u003e|%3e|(?<=\d[\])])[ ]+(?:优于|優於|好于|高于|大于)[ ]+",
    re.IGNORECASE,
)
LESS = re.compile(r"\\(?:lt|less[a-z]*|lll?|le|leqq?|leqslant)\b|\\u003c|%3c", re.IGNORECASE)
BEFORE = re.compile(
    rf"\\(?:prec[a-z]*|{ARROW % 'left'}|gets|triangleleft[a-z]*|langle)\b|(?<!<)<-+|<=+>", re.IGNORECASE
)
ESCAPED = re.compile(r"\\n(?![a-z])|\\(?=[\[\]_*#>])")
LINE_TAG = re.compile(r"</?(?:br|p|li|tr|div|ol|ul|table)[ ]?/?>", re.IGNORECASE)
CELL_TAG = re.compile(r"</?t[dh][ ]?/?>", re.IGNORECASE)
ATTRIBUTES = re.compile(r'<([a-z][\w:-]{0,30}+(?:\s++[\w:-]{1,30}+="[^"<>\n]{0,200}+")++)\s*+/?>', re.IGNORECASE)
ANGLES = re.compile(r"<(\d{1,4})>")
TAG = re.compile(r"</?[a-z][a-z_:-]{0,30}+[ ]?/?>", re.IGNORECASE)
LINK = re.compile(r"(?<=\])\([^()\s]{0,200}[#/:][^()\s]{0,200}\)")
THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})*,000(?![\d,])")


def plain(text: str) -> str:
    """The text without markup, with one form of brackets and signs. Tabs and line breaks stay."""
    text = html.unescape(text) if "&" in text else text
    text = BEFORE.sub("<>", LESS.sub("<", GREATER.sub(">", ESCAPED.sub(_unescaped, text))))
    text = CELL_TAG.sub("|", LINE_TAG.sub("\n", ATTRIBUTES.sub(r" \1 ", text)))
    text = ANGLES.sub(r"[\1]", TAG.sub(" ", text))
    return THOUSANDS.sub("0", LINK.sub("", text.translate(MARKDOWN)))


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[0] == r"\n" else ""
