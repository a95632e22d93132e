"""What is shown of a plan or of a report of drift: made once from the JSON form, in the order that a reviewer needs.

Texts are escaped for a terminal here; a format lays them out, and escapes them again if it has to. So no format can
tell more than another, and none has to find out from a sentence what it is about.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.render import costs, documents, drift, escape, values
from reconciler.render.blocks import NAMES_SHOWN, ORDER, Block, blocks, doubles, ordered, position, tally
from reconciler.render.rows import Page, Row, labelled, prose

Plan = Mapping[str, Any]


class Notice(NamedTuple):
    """One thing that must be seen: a label such as `RISK R101`, what it is about, what is so, and where it is written.

    `lead` are words before the address; where there is no address, the text says what it is about.
    """

    label: str
    lead: str
    address: str
    text: str
    place: str = ""

    @property
    def sentence(self) -> str:
        """All of it but the label."""
        about = f"{self.lead}{self.address}: " if self.address else ""
        return f"{about}{self.text}{f' ({self.place})' if self.place else ''}"


class View(NamedTuple):
    """The parts, each of them empty where there is nothing to say. `facts` are labels and texts, the stack first."""

    facts: tuple[tuple[str, str], ...]
    changes: tuple[Block, ...]
    warnings: tuple[Notice, ...]
    summary: str
    digest: str
    risks: tuple[Notice, ...] = ()
    documents: tuple[Block, ...] = ()
    cost: tuple[str, ...] = ()
    recognised: str = ""

    def heading(self, page: Page) -> list[Row]:
        """Whose plan this is, and for which account."""
        return [row for label, text in self.facts for row in labelled(label, text, page, indent=0)]

    def costs(self, page: Page) -> list[Row]:
        """What it costs, one entry below the other; further lines of one stand a little deeper."""
        labels = ("Cost", *("" for _ in self.cost))
        entries = zip(labels, self.cost, strict=False)
        return [row for label, text in entries for row in labelled(label, text, page, indent=0, hang=11)]


def of_plan(plan: Plan, page: Page, texts: documents.Texts | None = None) -> View:
    """What is shown of a plan. `texts` are those of changed documents, to be compared."""
    return View(
        facts=_facts(plan),
        risks=(*_blocked(plan), *_notices("RISK", plan.get("risks") or ())),
        changes=tuple(blocks(plan, page)),
        documents=tuple(documents.blocks(plan, texts, page)),
        cost=tuple(costs.sentences(plan)),
        warnings=tuple(_notices("Warning", plan.get("warnings") or ())),
        recognised=_recognised(plan),
        summary=summary(plan),
        digest=digest(plan),
    )


def of_drift(report: Plan, page: Page) -> View:
    """What is shown of a report of drift, which has the form of a plan."""
    found = tuple(drift.drifted(report, page))
    return View(
        facts=_facts(report),
        changes=found,
        warnings=tuple(_notices("Warning", report.get("warnings") or ())),
        summary=drift.conclusion(len(found)),
        digest=digest(report),
    )


def notices(found: Iterable[Notice], page: Page, *, style: str) -> list[Row]:
    """Each notice as a paragraph."""
    return [row for one in found for row in prose(f"{one.label}  {one.sentence}", page, indent=0, style=style)]


def digest(plan: Plan) -> str:
    """What an approval names."""
    return escape.line(str(plan.get("digest")))


def summary(plan: Plan) -> str:
    """One line that sums up."""
    totals = plan.get("summary") or {}
    counts = [f"{values.number(totals['blocked'])} blocked"] if totals.get("blocked") else []
    counts += [f"{values.number(totals[action])} to {action}" for action in ORDER if totals.get(action)]
    unchanged = totals.get("unchanged") or 0
    if not counts:
        return _nothing_to_do(plan, unchanged)
    counts += [f"{values.number(unchanged)} unchanged"] if unchanged else []
    files = totals.get("files") or {}
    surplus = sum(len(doubles(change.get("files") or {})) for change in plan.get("changes") or ())
    counted = tally(files.get("add") or 0, files.get("change") or 0, (files.get("remove") or 0) - surplus, surplus)
    upload = f" ({values.size(files['upload_bytes'])} to upload)" if files.get("upload_bytes") else ""
    return f"Plan: {', '.join(counts)}{f'; {counted}{upload}' if counted else ''}."


def _nothing_to_do(plan: Plan, unchanged: int) -> str:
    """Without claiming that what is left alone on purpose equals the manifests."""
    alone = sum(1 for change in plan.get("changes") or () if change.get("action") == "none" and change.get("reason"))
    if alone:
        counted = f"{values.number(alone)} of {values.plural(unchanged, 'resource')}"
        return f"No changes. {counted} left alone on purpose: see the warnings above."
    return f"No changes. The account is as the manifests say ({values.plural(unchanged, 'resource')})."


def _facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    environment = plan.get("environment")
    stack = escape.line(str(plan.get("stack", ""))) + (f"/{escape.line(str(environment))}" if environment else "")
    account = plan.get("account") or {}
    parts = [str(account.get("host", ""))]
    parts += [f"{key} {account[key]}" for key in ("organization", "project") if account.get(key)]
    facts = (("Stack", stack), ("Account", escape.line(", ".join(parts))))
    note = ("Note", "First apply: nothing of this stack is in the account yet.")
    return (*facts, note) if plan.get("first_apply") else facts


def _blocked(plan: Plan) -> Iterator[Notice]:
    forbidden = [change for _, change in ordered(plan) if change.get("blocked")]
    for number, change in enumerate(forbidden, 1):
        so = " Apply refuses the whole plan (exit code 4)." if number == len(forbidden) else ""
        lead = "" if change.get("action") == "none" else escape.line(f"{change.get('action')} ")
        text = f"forbidden by {escape.line(str(change['blocked'].get('rule')))}.{so}"
        yield Notice("BLOCKED", lead, escape.line(str(change.get("address"))), text)


def _notices(word: str, found: Iterable[Mapping[str, Any]]) -> Iterator[Notice]:
    """Risks or warnings. The address is set in front unless the summary names it."""
    for notice in found:
        text, address = str(notice.get("summary")), str(notice.get("address") or "")
        label, about = f"{word} {notice.get('code')}", "" if address in text else address
        place = position(notice.get("source")) if word == "Warning" else ""
        yield Notice(escape.line(label), "", escape.line(about), escape.line(text), place)


def _recognised(plan: Plan) -> str:
    """Which unchanged resources were not read document by document."""
    names = [
        str(change.get("address"))
        for change in plan.get("changes") or ()
        if change.get("action") == "none" and change.get("verified") == "tag"
    ]
    if not names:
        return ""
    listed = escape.line(", ".join(names[:NAMES_SHOWN]))
    more = f" and {values.number(len(names) - NAMES_SHOWN)} more" if len(names) > NAMES_SHOWN else ""
    return f"Recognised by tag, documents not compared one by one (--refresh full does): {listed}{more}"
