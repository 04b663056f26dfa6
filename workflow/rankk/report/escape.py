"""Escaping foreign texts for LaTeX, Markdown and CSV."""

import re

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip
"""The ten characters with a meaning in LaTeX, and three that its default fonts do not hold."""


def latex(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return "".join(LATEX.get(character, character) for character in text)


def markdown(text: str) -> str:
    """Text that ends no cell of a pipe table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula: a quote precedes =, +, -, @ and control characters."""
    return f"'{text}" if re.match(r"[=+\-@\t\r]", text) else text
