"""Escaping of texts for LaTeX, Markdown and CSV."""

import re

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip
"""The ten characters with a meaning in LaTeX, and three that its default fonts do not hold."""


def latex(text: str) -> str:
    """The text, escaped for LaTeX."""
    return "".join(LATEX.get(character, character) for character in text)


def markdown(text: str) -> str:
    """The text, escaped for a cell of a pipe table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def cell(text: str) -> str:
    """The text, with a quote before =, +, -, @ and control characters, so that spreadsheets do not read it as a
    formula."""
    return f"'{text}" if re.match(r"[=+\-@\t\r]", text) else text
