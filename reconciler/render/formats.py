"""The table of output formats: what each is called, what it is for, and which function writes each report in it.

Whatever lists formats runs over it: options and their help, the extensions of `--out`, the reference, the goldens,
the corpus of hostile strings. Functions are named here and imported when used, so that `--help` loads none of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from importlib import import_module
from typing import Any, TypedDict, Unpack


class Report(StrEnum):
    """What is shown. A function gets its JSON form, and returns a text."""

    PLAN = "a plan"
    DRIFT = "a drift report"
    PROBLEMS = "the problems of a tree"
    EXPLANATION = "an explanation"
    GRAPH = "a graph"
    OBJECTS = "the managed objects"
    OBJECT = "one object"
    OUTPUTS = "ids by address"
    HISTORY = "the releases of an assistant"
    ORPHANS = "what was left behind"
    HOLDER = "who has the stack"
    RECOVERY = "what would be recovered"
    EVENT = "an event of apply"


class Purpose(Enum):
    """What a format is for: the reports that it has to have a function for. It may have more."""

    EVERYTHING = tuple(one for one in Report if one is not Report.GRAPH)
    REVIEW = (Report.PLAN,)
    FINDINGS = (Report.PLAN, Report.PROBLEMS)
    DRAWING = (Report.GRAPH,)
    VARIABLES = (Report.OUTPUTS,)


class Asked(TypedDict, total=False):
    """What whoever asks for a report chooses.

    `context` is in unchanged lines around each change, `prefix` the stack's directory in its repository, `documents`
    the texts to be compared, by address.
    """

    context: int
    prefix: str
    documents: Mapping[str, tuple[str | None, str]] | None


class Shown(Asked, total=False):
    """What a function may have keyword arguments for; it is handed only those that it has. `width` is in columns."""

    color: bool
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One row: its functions are written `module:function`. Raises ValueError when one is missing.

    `media` is the media type of what is written, `extensions` are the ends of file names that stand for the format, the
    usual one first, and `remark` is what help says of them.
    """

    name: str
    purpose: Purpose
    media: str
    functions: Mapping[Report, str]
    extensions: tuple[str, ...] = ()
    remark: str = ""

    def __post_init__(self) -> None:
        missing = [report for report in self.purpose.value if report not in self.functions]
        if missing:
            raise ValueError(f"The format {self.name!r} has no function for {', '.join(missing)}.")

    def render(self, report: Report, body: Any, **shown: Unpack[Shown]) -> str:
        """The report as text. Raises ValueError when this is no format of it, or when the function is not there."""
        if report not in self.functions:
            raise ValueError(f"{self.name!r} is no format of {report}.")
        module, _, name = self.functions[report].partition(":")
        function = getattr(import_module(module), name, None)
        if function is None:
            raise ValueError(f"The format {self.name!r} names {module}:{name}, which is not there.")
        taken = function.__kwdefaults__ or {}
        return str(function(body, **{key: value for key, value in shown.items() if key in taken}))


@dataclass(frozen=True, slots=True)
class Formats:
    """The rows. Raises ValueError when two have the same name or extension."""

    rows: tuple[Format, ...]

    def __post_init__(self) -> None:
        for what in ([row.name for row in self], [end for row in self for end in row.extensions]):
            twice = next((one for one in what if what.count(one) > 1), None)
            if twice:
                raise ValueError(f"Two formats have {twice!r}.")

    def __iter__(self) -> Iterator[Format]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> Format:
        """The format of that name. Raises ValueError."""
        for row in self:
            if row.name == name:
                return row
        raise ValueError(f"There is no format {name!r}; there are {', '.join(row.name for row in self)}.")

    def of(self, report: Report) -> tuple[Format, ...]:
        """The formats that a report has; the first is the default."""
        return tuple(row for row in self if report in row.functions)

    def of_file(self, report: Report, name: str) -> Format | None:
        """What the end of a file's name says about the format of a report; the longest that fits counts."""
        known = [(end, row) for row in self.of(report) for end in row.extensions if name.lower().endswith(end)]
        return max(known, key=lambda item: len(item[0]))[1] if known else None


def render(name: str, report: Report, body: Any, **shown: Unpack[Shown]) -> str:
    """A report in the format of that name. Raises ValueError when there is no such format, or none of it."""
    return FORMATS[name].render(report, body, **shown)


_HERE = "reconciler.render"

FORMATS = Formats(
    (
        Format(
            name="text",
            purpose=Purpose.EVERYTHING,
            media="text/plain",
            extensions=(".txt",),
            functions={
                Report.PLAN: f"{_HERE}.text:render_plan",
                Report.DRIFT: f"{_HERE}.text:render_drift",
                Report.PROBLEMS: f"{_HERE}.problems:render_problems",
                Report.EXPLANATION: f"{_HERE}.explain.explanation:render_explanation",
                Report.GRAPH: f"{_HERE}.graph.forms:render_text",
                Report.OBJECTS: f"{_HERE}.tables:render_show",
                Report.OBJECT: f"{_HERE}.tables:render_object",
                Report.OUTPUTS: f"{_HERE}.tables:render_outputs",
                Report.HISTORY: f"{_HERE}.tables:render_history",
                Report.ORPHANS: f"{_HERE}.upkeep:render_orphans",
                Report.HOLDER: f"{_HERE}.upkeep:render_holder",
                Report.RECOVERY: f"{_HERE}.upkeep:render_recovery",
                Report.EVENT: f"{_HERE}.progress:render_event",
            },
        ),
        Format(
            name="json",
            purpose=Purpose.EVERYTHING,
            media="application/json",
            extensions=(".json",),
            remark="the saved plan, for `apply --plan`",
            functions={
                **dict.fromkeys(Purpose.EVERYTHING.value, f"{_HERE}.json:render"),
                Report.EVENT: f"{_HERE}.json:render_event",
            },
        ),
        Format(
            name="markdown",
            purpose=Purpose.REVIEW,
            media="text/markdown",
            extensions=(".md",),
            functions={Report.PLAN: f"{_HERE}.markdown:render_plan"},
        ),
        Format(
            name="html",
            purpose=Purpose.REVIEW,
            media="text/html",
            extensions=(".html",),
            functions={
                Report.PLAN: f"{_HERE}.html.page:render_plan",
                Report.DRIFT: f"{_HERE}.html.page:render_drift",
            },
        ),
        Format(
            name="env",
            purpose=Purpose.VARIABLES,
            media="text/x-shellscript",
            functions={Report.OUTPUTS: f"{_HERE}.variables:render_env"},
        ),
        Format(
            name="github",
            purpose=Purpose.FINDINGS,
            media="text/x-github-actions",
            functions={
                Report.PLAN: f"{_HERE}.github:render_plan",
                Report.PROBLEMS: f"{_HERE}.github:render_problems",
                Report.OUTPUTS: f"{_HERE}.variables:render_github",
            },
        ),
        Format(
            name="sarif",
            purpose=Purpose.FINDINGS,
            media="application/sarif+json",
            extensions=(".sarif", ".sarif.json"),
            functions={
                Report.PLAN: f"{_HERE}.sarif:render_plan",
                Report.PROBLEMS: f"{_HERE}.sarif:render_problems",
            },
        ),
        Format(
            name="junit",
            purpose=Purpose.FINDINGS,
            media="application/xml",
            extensions=(".xml",),
            remark="JUnit",
            functions={
                Report.PLAN: f"{_HERE}.junit:render_plan",
                Report.PROBLEMS: f"{_HERE}.junit:render_problems",
            },
        ),
        Format(
            name="mermaid",
            purpose=Purpose.DRAWING,
            media="text/vnd.mermaid",
            functions={Report.GRAPH: f"{_HERE}.graph.forms:render_mermaid"},
        ),
        Format(
            name="dot",
            purpose=Purpose.DRAWING,
            media="text/vnd.graphviz",
            functions={Report.GRAPH: f"{_HERE}.graph.forms:render_dot"},
        ),
        Format(
            name="svg",
            purpose=Purpose.DRAWING,
            media="image/svg+xml",
            functions={Report.GRAPH: f"{_HERE}.graph.forms:render_svg"},
        ),
    )
)
