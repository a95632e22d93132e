"""PyYAML's syntax errors in words that help: what is wrong on this line, and what to do.

libyaml and the Python parser word the same error differently; a row's phrases cover both.
"""

from __future__ import annotations

import yaml

from reconciler.model.address import Span

_TAB = "A tab stands where YAML wants spaces. Indent with spaces, two a level."

_ROWS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("a tab character",), _TAB),
    (
        ("mapping values are not allowed",),
        (
            "A second colon stands in this value, or the line is indented more than the one above. Put text with"
            ' ": " in it in quotes, or fix the indentation.'
        ),
    ),
    (
        ("could not find expected ':'",),
        "A key without its colon stands here or just above. Write `key: value`; text over several lines wants `|`.",
    ),
    (
        ("expected <block end>", "did not find expected key", "did not find expected '-' indicator"),
        (
            "The indentation does not fit the block{context}. Align it with its neighbours; text after a closing quote"
            " has to go inside the quotes."
        ),
    ),
    (
        ("unexpected end of stream", "document indicator", "document separator"),
        "The quote opened{context} is not closed.",
    ),
    (
        ("',' or ']'", "',' or '}'"),
        "The bracket opened{context} is not closed, or a comma is missing before this place.",
    ),
    (
        ("node content",),
        "A value is missing here, or starts with a character that has a meaning in YAML. Put text in quotes.",
    ),
    (
        ("expected '<document start>'", "did not find expected <document start>"),
        "The document ended before this line. Indent the line, or separate documents with `---`.",
    ),
    (
        ("sequence entries are not allowed", "block entries are not allowed"),
        "A list item may not stand here. Put each `- item` on a line of its own below its key.",
    ),
    (
        ("escape", "hexdecimal", "hexadecimal", "UTF-8"),
        (
            "The backslash sequence is not known in double quotes. Use single quotes, or write `\\\\` for a backslash;"
            " a character beyond U+FFFF is \\U with eight digits."
        ),
    ),
    (
        ("alphabetic or numeric", "anchor", "alias"),
        "`&` and `*` start an anchor or an alias. Put the text in quotes if it is only text.",
    ),
    (("keys are not allowed",), "A key may not stand here. Put it on a line of its own, or the text in quotes."),
    (("tag",), "`!` starts a tag, and tags are not supported. Put the text in quotes."),
    (("directive", "incompatible"), "A line that starts with % is a directive. Remove it, or quote the text."),
    (
        ("comment or line break", "chomping or indentation", "indentation indicator", "block scalar"),
        "After `|` or `>` the text starts on the next line, indented. Put it there, or the whole value in quotes.",
    ),
)


def explain(error: yaml.YAMLError, text: str, file: str) -> tuple[str, str, str, Span]:
    """Code, summary, sentence and place of a syntax error."""
    mark: yaml.Mark | None = getattr(error, "problem_mark", None)
    span = Span(file, mark.line + 1, mark.column + 1) if mark else Span(file)
    problem = str(getattr(error, "problem", None) or "")
    if mark and "cannot start any token" in problem:
        return _bad_start(text, mark, span)
    sentence = next((words for phrases, words in _ROWS if any(phrase in problem for phrase in phrases)), "")
    context = getattr(error, "context_mark", None)
    where = f" on line {context.line + 1}" if context else ""
    sentence = sentence.replace("{context}", where) or "Check indentation, quotes and brackets on this line and above."
    return ("E204", "Tab in indentation", sentence, span) if sentence is _TAB else ("E203", "Not YAML", sentence, span)


def _bad_start(text: str, mark: yaml.Mark, span: Span) -> tuple[str, str, str, Span]:
    found = text[mark.index : mark.index + 1]
    if found == "\t":
        return "E204", "Tab in indentation", _TAB, span
    return "E203", "Not YAML", f"A plain value cannot start with {found!r}. Put the text in quotes.", span
