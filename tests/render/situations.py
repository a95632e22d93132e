"""Plans as the tool makes them, one for each situation that a reviewer meets, and the goldens of every form of them.

Each situation is a tree and an account (the embedded one, in virtual time), something that happens to them, and the
plan that follows. Nothing here is random: ids are counted in the order in which a plan names them, days stand still.

    python -m tests.render.situations            what differs from the goldens
    python -m tests.render.situations --write    writes the goldens anew
"""

from __future__ import annotations

import difflib
import hashlib
import io
import itertools
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.apply.session import Session
from reconciler.emulator import Request
from reconciler.emulator.faults import Effect, Fault, Faulty
from reconciler.model import unicode
from reconciler.model.observed import AccountInfo
from reconciler.render import escape
from reconciler.render.formats import FORMATS, Format, Formats, Report
from reconciler.review import planfile
from tests.acceptance.world import Kept, Time, World
from tests.accounts import account
from tests.direct import DirectAccount
from tests.render.plans import HOSTILE

GOLDEN = Path(__file__).parent / "golden"
Body = dict[str, Any]

_MORNING = 1_795_338_000.0
"""22 November 2026, the day that `World` plans on."""
_DAY = 86_400
_LARGEST = 200_000
_HEAD, _HEAD_ROOM = 100, 20_000
_ID = re.compile(r"\b(vs|skill|agt|agent|file|asst|sess|skillver)_[0-9a-f]{32}\b")


# --- a small company --------------------------------------------------------------------------------------------------

SUPPORT = """# Lakeside Bikes: customer support

You answer customers of Lakeside Bikes, by chat and by mail.

## Voice

Be friendly and brief. Write in the language of the customer.
Never promise a date of delivery.

## Orders

Ask for the order number before anything else, and look it up.
If there is no such order, ask for the mail address that was used.

## Refunds

Refunds are paid within 14 days of the return, to the account it was paid from.
Shipping is refunded only when the bike was faulty.

## Handing over

Hand over to a person when a customer is angry, or asks for one.
"""

_TOPICS = (
    *("Brakes", "Gears", "Batteries", "Lights", "Tyres", "Saddles", "Chains", "Displays", "Racks", "Locks"),
    *("Returns", "Repairs", "Warranty", "Leasing", "Insurance", "Delivery", "Invoices", "Vouchers"),
)
_SENTENCES = (
    "Ask which model it is; the number is printed on the frame, below the bottom bracket.",
    "Look it up before you answer, and say which document the answer is from.",
    "If the bike is less than two years old, offer a free inspection in the nearest shop.",
    "Never tell a customer to open a sealed part; that ends the warranty.",
    "When the customer has tried that already, do not ask for it again.",
    "Offer a call when the third answer did not help.",
    "Parts that wear out are replaced within 14 days of the purchase.",
    "Write amounts with the currency, and never round them.",
)

_ORDER = {
    "type": "object",
    "properties": {
        "order_number": {"type": "string", "description": "As printed on the invoice, for example LB-204117."},
        "email": {"type": "string", "description": "The address that the order was made with."},
    },
    "required": ["order_number"],
    "additionalProperties": False,
}
_SEARCH = {"type": "file_search", "vector_stores": ["product-docs"], "max_num_results": 8}
_TRIAGE = {
    "type": "object",
    "properties": {
        "topic": {"type": "string", "enum": ["order", "repair", "refund", "other"]},
        "urgent": {"type": "boolean"},
    },
    "required": ["topic", "urgent"],
    "additionalProperties": False,
}
_DOCUMENTS = {
    "guides/assembly.md": "# Assembly\n\n" + "Fit the pedals, then the handlebar. " * 60 + "\n",
    "guides/batteries.md": "# Batteries\n\nCharge the battery before the first ride.\n",
    "guides/brakes.md": "# Brakes\n\n" + "Check the pads every 500 km. " * 40 + "\n",
    "returns.md": "# Returns\n\nWithin 14 days, unused, with the invoice.\n",
    "warranty.md": "# Warranty\n\nTwo years on the frame, one year on the battery.\n",
}


def _long_prompt() -> str:
    """40 kB of instructions in sections."""
    parts = ["# Lakeside Bikes: workshop", "", "You help mechanics and customers with repairs.", ""]
    for number, topic in enumerate(itertools.chain(_TOPICS, (f"{topic} (e-bikes)" for topic in _TOPICS)), 1):
        parts += [f"## {topic}", ""]
        for step in range(16):
            sentence = _SENTENCES[(number * 5 + step * 3) % len(_SENTENCES)]
            parts.append(f"{number}.{step + 1} {sentence}")
        parts.append("")
    return "\n".join(parts)


class Shop(World):
    """The tree of a small company, with the manifests that a situation changes."""

    def session(self) -> tuple[Session, DirectAccount]:
        """A session against the service itself, from a checkout."""
        session, direct = super().session()
        info = AccountInfo("api.openai.com", "org-lakeside", "proj_support")
        return replace(session, info=info, revision="3f8a61c0d27e"), direct

    def support(self, *, lifecycle: Any = None, name: str = "customer-support", **changes: Any) -> None:
        """The assistant that customers talk to."""
        spec = {
            "display_name": "Customer support",
            "instructions": {"file": "prompts/support.md"},
            "tools": [{"tool": "look-up-order"}, _SEARCH, {"type": "web_search"}],
            "temperature": 0.2,
            **changes,
        }
        more = {"lifecycle": lifecycle} if lifecycle else {}
        labels = more.pop("labels", spec.pop("labels", {"team": "cx", "tier": "front-line"}))
        present = {key: value for key, value in spec.items() if value is not None}
        file = "assistants/customer-support.yaml"
        self.manifest("Assistant", name, present, file=file, metadata={"labels": labels}, **more)

    def order(self, **parameters: Any) -> None:
        """The function that finds an order."""
        function = {"description": "Finds an order.", "parameters": {**_ORDER, **parameters}}
        spec = {"type": "function", "function": function}
        self.manifest("Tool", "look-up-order", spec, file="tools/look-up-order.yaml")

    def triage(self, schema: Mapping[str, Any] = _TRIAGE, **changes: Any) -> None:
        """The assistant that sorts mails."""
        answer = {"type": "json_schema", "json_schema": {"name": "triage", "schema": schema, "strict": True}}
        spec = {"instructions": "Sort the mail by topic.\n", "response_format": answer, **changes}
        self.manifest("Assistant", "mail-triage", spec, file="assistants/mail-triage.yaml")

    def writer(self, *, lifecycle: Any = None, **changes: Any) -> None:
        """The agent that drafts documents."""
        spec = {
            "runtime": "agents",
            "display_name": "Guide writer",
            "instructions": "Write guides in plain words.\n",
            **changes,
        }
        more = {"lifecycle": lifecycle} if lifecycle else {}
        self.manifest("Assistant", "guide-writer", spec, file="assistants/guide-writer.yaml", **more)

    def docs(self, *, lifecycle: Any = None, name: str = "product-docs", **changes: Any) -> None:
        """The store with the documents about products."""
        spec = {
            "display_name": "Product documentation",
            "files": [{"glob": "product-docs/**/*.md"}],
            "expires_after": {"anchor": "last_active_at", "days": 30},
            **changes,
        }
        more = {"lifecycle": lifecycle} if lifecycle else {}
        self.manifest("VectorStore", name, spec, file="knowledge/product-docs.yaml", **more)

    def contracts(self, *, lifecycle: Any = None) -> None:
        """The store with contracts, which nobody may delete."""
        self.write("knowledge/contracts/suppliers.md", "# Suppliers\n\nPayment within 30 days.\n")
        self.write("knowledge/contracts/leasing.md", "# Leasing\n\nThirty-six months.\n")
        spec = {"files": [{"glob": "contracts/*.md"}]}
        more = {"lifecycle": lifecycle} if lifecycle else {}
        self.manifest("VectorStore", "contracts", spec, file="knowledge/contracts.yaml", **more)

    def document(self, path: str, content: str) -> None:
        """A document of the store with the documents about products."""
        self.write(f"knowledge/product-docs/{path}", content)

    def delete(self, file: str) -> None:
        """Delete a file of the tree."""
        (self.root / file).unlink()

    def sources(self, **spec: Any) -> None:
        """The stack."""
        self.stack("lakeside", **spec)


def _tree(shop: Shop) -> Shop:
    """Every manifest, as it is before anything happens."""
    shop.sources()
    shop.write("assistants/prompts/support.md", SUPPORT)
    shop.order()
    shop.support()
    shop.triage()
    shop.writer()
    for path, content in _DOCUMENTS.items():
        shop.document(path, content)
    shop.docs()
    return shop


# --- the situations ---------------------------------------------------------------------------------------------------

SITUATIONS: dict[str, Callable[[Shop], Shop | None]] = {}
"""What happens to the shop, by name; it has been applied before, but for the first."""

Situation = Callable[[Shop], "Shop | None"]


def situation(happen: Situation) -> Situation:
    """Under its own name with hyphens."""
    SITUATIONS[happen.__name__.strip("_").replace("_", "-")] = happen
    return happen


@situation
def first_apply(shop: Shop) -> None:
    """Nothing is in the account yet."""
    fresh = _account(shop)
    shop.emulator, shop.time = fresh.emulator, fresh.time


@situation
def create_one(shop: Shop) -> None:
    """Another assistant."""
    spec = {
        "instructions": "Answer questions about leasing.\nNever name a rate that is not in the documents.\n",
        "tools": [{**_SEARCH, "max_num_results": 4}],
        "reasoning": {"effort": "low"},
    }
    shop.manifest("Assistant", "leasing-desk", spec, file="assistants/leasing-desk.yaml")


@situation
def one_word_in_a_long_prompt(shop: Shop) -> None:
    """14 becomes 30 in one line of forty thousand characters."""
    shop.write("assistants/prompts/support.md", _long_prompt())
    _apply(shop)
    lines = _long_prompt().split("\n")
    number = next(at for at, line in enumerate(lines) if line.startswith("13.") and "14 days" in line)
    lines[number] = lines[number].replace("14 days", "30 days")
    shop.write("assistants/prompts/support.md", "\n".join(lines))


@situation
def paragraph_rewritten(shop: Shop) -> None:
    """A paragraph is written anew, another one comes at the end."""
    new = SUPPORT.replace(
        "Be friendly and brief. Write in the language of the customer.\nNever promise a date of delivery.\n",
        "Be friendly, and come to the point in the first sentence.\n"
        "Answer in the language of the customer, also when documents are in another one.\n"
        "Never promise a date of delivery; say what the carrier says.\n",
    )
    shop.write("assistants/prompts/support.md", new + "Tell the customer how long that takes.\n")


@situation
def tool_parameter_required(shop: Shop) -> None:
    """A function takes another parameter, one becomes required, and a type is wider."""
    properties = {
        "order_number": {"type": ["string", "integer"], "description": "As printed on the invoice."},
        "email": _ORDER["properties"]["email"],  # type: ignore[index]
        "country": {"type": "string", "enum": ["DE", "AT", "CH"], "description": "Where it was sent to."},
    }
    shop.order(properties=properties, required=["order_number", "email"])


@situation
def tools_reordered_and_one_added(shop: Shop) -> None:
    """The same tools in another order, and one more that talks to a new host."""
    mcp = {
        "type": "mcp",
        "server_label": "stock",
        "server_url": "https://mcp.stock.example.com/v1",
        "allowed_tools": ["find_part", "reserve_part"],
        "require_approval": "never",
    }
    shop.support(tools=[{"type": "web_search"}, {"tool": "look-up-order"}, mcp, {**_SEARCH, "max_num_results": 12}])


@situation
def response_schema(shop: Shop) -> None:
    """The schema of an assistant's answers."""
    shop.triage(
        {
            **_TRIAGE,
            "properties": {
                "topic": {"type": "string", "enum": ["order", "repair", "refund", "leasing", "other"]},
                "urgent": {"type": "boolean", "description": "Whether somebody could get hurt."},
                "language": {"type": "string"},
            },
            "required": ["topic", "urgent", "language"],
        }
    )


@situation
def model_change(shop: Shop) -> None:
    """One assistant gets a cheaper model that is shut down soon, another one a better model."""
    shop.triage(model="gpt-4.1-mini")
    shop.writer(model="gpt-6.2-astra")


@situation
def labels_and_temperature(shop: Shop) -> None:
    """Small values."""
    shop.support(temperature=0.4, labels={"team": "customer-care", "region": "eu"}, max_output_tokens=1500)


@situation
def document_changed(shop: Shop) -> None:
    """One document has another text, one is new, and one is gone."""
    shop.document("returns.md", "# Returns\n\nWithin 30 days, unused, with the invoice.\n")
    shop.document("guides/lights.md", "# Lights\n\nThe lamp is part of the frame.\n")
    shop.delete("knowledge/product-docs/warranty.md")


@situation
def document_renamed(shop: Shop) -> None:
    """The same text under another name."""
    shop.delete("knowledge/product-docs/guides/brakes.md")
    shop.document("guides/brakes-and-pads.md", _DOCUMENTS["guides/brakes.md"])


@situation
def two_thousand_documents(shop: Shop) -> None:
    """A whole archive comes in, and most of the old documents go."""
    for number in range(2_000):
        shop.document(f"archive/{number // 100:02}/note-{number:04}.md", f"# Note {number}\n" + "x" * (number % 700))
    for path in ("guides/assembly.md", "guides/batteries.md", "returns.md"):
        shop.delete(f"knowledge/product-docs/{path}")
    shop.document("warranty.md", "# Warranty\n\nThree years on the frame.\n")


@situation
def drift(shop: Shop) -> None:
    """Somebody changed an agent, a release and a store in the account."""
    changed = {"instructions": "Write guides.\nMention our partners.\n", "service_tier": "flex"}
    shop.api("POST", f"/agents/{shop.id_of('Assistant/guide-writer')}", changed, beta="agents=v1")
    _release(shop, "mail-triage", {"model": "gpt-6-luna", "instructions": "Sort the mail by topic.\n"})
    store = shop.id_of("VectorStore/product-docs")
    shop.api("POST", f"/vector_stores/{store}", {"name": "Docs (do not touch!)"})
    attached = shop.api("GET", f"/vector_stores/{store}/files")["data"]
    taken = next(item["id"] for item in attached if item["attributes"]["reconciler_path"].endswith("/returns.md"))
    shop.api("DELETE", f"/vector_stores/{store}/files/{taken}")


@situation
def drift_and_manifest(shop: Shop) -> None:
    """Somebody changed an agent in the account, and its manifest changed as well."""
    changed = {"instructions": "Write guides in plain words.\nMention our partners.\n", "service_tier": "flex"}
    shop.api("POST", f"/agents/{shop.id_of('Assistant/guide-writer')}", changed, beta="agents=v1")
    shop.writer(instructions="Write guides in plain words.\nOne step to a line.\n", reasoning={"effort": "high"})


@situation
def replace_expired_store_with_users(shop: Shop) -> None:
    """Nobody searched a store for a month: it is lost, and everybody who uses it needs the new one."""
    shop.manifest(
        "Assistant",
        "leasing-desk",
        {"instructions": "Answer questions about leasing.\n", "tools": [_SEARCH]},
        file="assistants/leasing-desk.yaml",
    )
    _apply(shop)
    shop.time.base += 33 * _DAY


@situation
def runtime_change(shop: Shop) -> None:
    """An assistant moves from one runtime to another, which is another sort of object."""
    shop.writer(runtime="responses")


@situation
def delete_with_users(shop: Shop) -> None:
    """A store goes, and the assistant that searched it searches no more."""
    shop.delete("knowledge/product-docs.yaml")
    shop.support(tools=[{"tool": "look-up-order"}, {"type": "web_search"}])


@situation
def blocked_by_protect(shop: Shop) -> None:
    """The manifest of a protected store is removed."""
    shop.contracts(lifecycle={"protect": True})
    _apply(shop)
    shop.delete("knowledge/contracts.yaml")
    shop.triage(model="gpt-6.1-sol")


@situation
def blocked_by_delete_budget(shop: Shop) -> None:
    """More goes than the stack allows at once."""
    shop.sources(limits={"max_deletes": 1})
    shop.delete("assistants/mail-triage.yaml")
    shop.delete("assistants/guide-writer.yaml")


@situation
def adopt(shop: Shop) -> None:
    """A store that somebody made by hand comes under management."""
    made = {"name": "Contracts 2025", "metadata": {"owner": "legal"}}
    live = shop.api("POST", "/vector_stores", made)["id"]
    shop.contracts(lifecycle={"adopt": live})


@situation
def renamed(shop: Shop) -> None:
    """An assistant and a store have other names in the manifests; the live objects stay."""
    shop.docs(name="bike-docs", lifecycle={"moved_from": "VectorStore/product-docs"})
    search = {**_SEARCH, "vector_stores": ["bike-docs"]}
    shop.support(
        name="front-desk",
        lifecycle={"moved_from": "Assistant/customer-support"},
        tools=[{"tool": "look-up-order"}, search, {"type": "web_search"}],
    )


@situation
def forgotten(shop: Shop) -> None:
    """The manifest of an agent goes that is to be left running."""
    shop.writer(lifecycle={"on_delete": "retain"})
    _apply(shop)
    shop.delete("assistants/guide-writer.yaml")


@situation
def no_changes(shop: Shop) -> None:
    """The account is as the manifests say."""


@situation
def unconfirmed_double(shop: Shop) -> None:
    """A request that was given up arrived after all, minutes later."""
    shop.contracts()
    account = shop.emulator
    lost: list[Request] = []

    def late(request: Request) -> Fault | None:
        if lost or (request.method, request.path) != ("POST", "/vector_stores"):
            return None
        lost.append(request)
        return Fault(Effect.LATE, seconds=_DAY)

    shop.emulator = Faulty(account, late, clock=shop.time.now)  # type: ignore[assignment]
    shop.apply()
    shop.apply()
    shop.time.base += 2 * _DAY
    shop.api("GET", "/files")
    shop.emulator = account


@situation
def hostile_strings(shop: Shop) -> None:
    """What a hostile pull request would write, as far as validation lets it, and a hostile person in the account."""
    texts = [text.encode("utf-8", "replace").decode("utf-8") for text in HOSTILE if len(text) < 1_000]
    lines = [line for text in texts for line in text.replace("\x00", "?").split("\n")]
    passing = [line for line in lines if not unicode.hidden(line)]
    shop.write("assistants/prompts/support.md", "\n".join([SUPPORT, *passing, ""]))
    shop.support(
        description="Ends here. --> ]]> ::stop-commands::x ##vso[task.complete]",
        labels={"a--><b>": "@everyone", "::debug::x": "`` ``` [x](javascript:alert(1))"},
    )
    theirs = {"instructions": "\n".join(lines), "name": "</details><img src=x onerror=alert(1)> @everyone"}
    shop.api("POST", f"/agents/{shop.id_of('Assistant/guide-writer')}", theirs, beta="agents=v1")
    shop.document("a ##[group] <b>`x` @all #1.md", "# Names\n")
    shop.document("::set-output name=x::y.md", "# More names\n")


# --- making them ------------------------------------------------------------------------------------------------------


def _account(shop: Shop) -> Shop:
    """A shop in the same tree with an empty account, on the same morning."""
    time = Time()
    time.base = _MORNING
    return Shop(shop.root, account(clock=time.now, ids=_id), time)


_ids = itertools.count(1)


def _id(prefix: str) -> str:
    """One that no account has seen, in an order that is always the same."""
    return f"{prefix}{next(_ids):032x}"


def _apply(shop: Shop) -> None:
    assert shop.apply().exit == 0


def _release(shop: Shop, name: str, request: Mapping[str, Any]) -> None:
    """What a person does with the API: another version of a release, made the default."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr(f"{name}/SKILL.md", f"---\nname: {name}\ndescription: mine\n---\nx")
        target.writestr(f"{name}/assistant.json", json.dumps({"format": 1, "request": dict(request)}))
    parts = (
        b'Content-Disposition: form-data; name="default"\r\n\r\ntrue',
        b'Content-Disposition: form-data; name="files"; filename="x.zip"\r\nContent-Type: application/zip\r\n\r\n'
        + archive.getvalue(),
    )
    data = b"".join(b"--xxxx\r\n" + part + b"\r\n" for part in parts) + b"--xxxx--\r\n"
    headers = {"authorization": "Bearer sk-other", "content-type": "multipart/form-data; boundary=xxxx"}
    path = f"/skills/{shop.id_of(f'Assistant/{name}')}/versions"
    answer = shop.emulator.handle(Request("POST", path, (), headers, data))
    assert answer.status == 200, answer.body


@cache
def _applied() -> Kept:
    """The shop after its first apply."""
    with tempfile.TemporaryDirectory() as directory:
        shop = _account(Shop(Path(directory), account(), Time()))
        _tree(shop)
        _apply(shop)
        return Kept.of(shop)


@cache
def made(name: str) -> Body:
    """The plan of a situation, made by the tool itself."""
    with tempfile.TemporaryDirectory() as directory:
        shop = _account(Shop(Path(directory), account(), Time()))
        _applied().into(shop)
        SITUATIONS[name](shop)
        return _settled(shop.plan().body)


def _settled(body: Mapping[str, Any]) -> Body:
    """The plan with what another order of requests or another release of the tool would make different, made the same.

    Ids are counted in the order in which the plan names them.
    """
    written = json.dumps({**body, "tool": {"name": "reconciler", "version": "1.0.0"}})
    for number, found in enumerate(dict.fromkeys(match[0] for match in _ID.finditer(written)), 1):
        prefix = found.partition("_")[0]
        written = written.replace(found, f"{prefix}_{hashlib.sha256(str(number).encode()).hexdigest()[:32]}")
    plan: Body = json.loads(written)
    for change in plan["changes"]:
        if change["observed"]:
            change["observed"] = "sha256:" + hashlib.sha256(change["address"].encode()).hexdigest()
    plan["digest"] = planfile.digest(plan)
    return plan


# --- goldens ----------------------------------------------------------------------------------------------------------


def _page(page: str) -> str:
    """The page without its style sheet and its digest, which say nothing about a plan."""
    page = re.sub(r"(<style>).*?(</style>)", r"\1/* the same in every page */\2", page, flags=re.DOTALL)
    return re.sub(r"'sha256-[^']+'", "'sha256-(of the style sheet)'", page, count=1)


def _log(written: str) -> str:
    """The log without rules that nothing in it names: their table is the same in every log."""
    log = json.loads(written)
    for run in log["runs"]:
        used = {result["ruleId"] for result in run["results"]}
        driver = run["tool"]["driver"]
        driver["rules"] = [rule for rule in driver["rules"] if rule["id"] in used]
        for result in run["results"]:
            del result["ruleIndex"]
    return escape.json_text(log, indent=2) + "\n"


_KEPT: dict[str, Callable[[str], str]] = {"html": _page, "sarif": _log}
"""What of a form is kept in its goldens, where that is not all of it."""


def forms(formats: Formats = FORMATS) -> dict[str, Callable[[Body], str]]:
    """Every form of a plan, by the extension of its goldens."""

    def form(row: Format) -> Callable[[Body], str]:
        return lambda plan: _KEPT.get(row.name, str)(row.render(Report.PLAN, plan))

    return {
        row.extensions[0].removeprefix(".") if row.extensions else row.name: form(row)
        for row in formats.of(Report.PLAN)
    }


FORMS = forms()


@cache
def plan_of(name: str) -> Body:
    """The plan of a situation: the golden, or made anew where the golden was too large to be kept whole."""
    path = GOLDEN / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else made(name)


def golden_of(name: str, form: str, written: str) -> tuple[Path, str]:
    """Where a golden is, and what has to stand there: of a very large one only its beginning and a digest."""
    path = GOLDEN / f"{name}.{form}"
    if len(written.encode("utf-8")) <= _LARGEST:
        return path, written
    lines = written.split("\n")
    head = "\n".join(lines[:_HEAD])[:_HEAD_ROOM]
    digest = hashlib.sha256(written.encode("utf-8")).hexdigest()
    return path.with_name(f"{path.name}.cut"), f"{head}\n… of {len(lines):,} lines, sha256 {digest}\n"


def _goldens() -> Iterator[tuple[Path, str]]:
    for name in SITUATIONS:
        for form, render in FORMS.items():
            yield golden_of(name, form, render(made(name)))


def main(arguments: list[str]) -> int:
    """Write the goldens, or show how they differ."""
    expected = dict(_goldens())
    if "--write" in arguments:
        for path in set(GOLDEN.glob("*.*")) - set(expected):
            path.unlink()
        for path, written in expected.items():
            path.write_bytes(written.encode("utf-8"))
        return 0
    differing = 0
    for path, written in expected.items():
        old = path.read_bytes().decode("utf-8") if path.exists() else ""
        if old != written:
            differing += 1
            sys.stdout.writelines(
                f"{line}\n"
                for line in difflib.unified_diff(old.split("\n"), written.split("\n"), path.name, "now", n=2)
            )
    return min(differing, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
