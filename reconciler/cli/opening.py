"""From options to a session: the tree, the account, and the guards between them."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.options import DEFAULT_DATABASE
from reconciler.cli.terminal import Terminal

if TYPE_CHECKING:
    from reconciler.account.port import Account
    from reconciler.apply.session import Session
    from reconciler.manifest.load.loader import Loaded
    from reconciler.model.rules import Rules

STATE_DIRECTORY = ".reconciler"
PROFILE_VARIABLE = "RECONCILER_PROFILE"


def terminal(options: Mapping[str, Any]) -> Terminal:
    """Where a command prints."""
    return Terminal(options.get("color", "auto"), options.get("quiet", False), options.get("format_", "text"))


def find_root(start: Path | None) -> Path:
    """The directory with reconciler.yaml: the one given, or the current one or the nearest above it."""
    from reconciler.model.errors import Exit, Stop

    if start is not None:
        return start
    here = Path.cwd()
    for directory in (here, *here.parents):
        if (directory / "reconciler.yaml").is_file():
            return directory
    raise Stop(
        Exit.INVALID,
        f"There is no reconciler.yaml in {here} or above it.",
        "Go to a stack's directory, name it as ROOT, or start one with `reconciler init DIR`.",
    )


def load_tree(root: Path | None, options: Mapping[str, Any], *, cached: bool) -> Loaded:
    """The manifests; raises Rejected. `cached`: known files are recognised by their status; not for what writes."""
    from reconciler.manifest.files.hashcache import HashCache
    from reconciler.manifest.load.loader import load

    where = find_root(root)
    follow = options.get("follow_symlinks") == "within-root"
    is_stack = (where / "reconciler.yaml").is_file()
    cache = HashCache(where / STATE_DIRECTORY / "cache.db", time.time_ns()) if cached and is_stack else nullcontext()
    with cache as opened:
        return load(where, environment=options.get("environment"), follow_symlinks=follow, cache=opened)


@asynccontextmanager
async def open_session(loaded: Loaded, options: Mapping[str, Any]) -> AsyncIterator[Session]:
    """A session on the account that the options or the environment name. Raises Stop."""
    from random import SystemRandom

    from reconciler.account.clock import SystemClock
    from reconciler.account.limiter import Throttled
    from reconciler.apply.limits import WIND_DOWN
    from reconciler.apply.session import Session
    from reconciler.model.observed import AccountInfo
    from reconciler.ownership.liveness import LockFiles
    from reconciler.ownership.taking import EMBEDDED, SERVICE
    from reconciler.review.history import head

    organization, project = _identity(loaded)
    rules = _rules(loaded, options)
    as_of = _today(options)
    live = _connect(loaded, options, organization, project)
    try:
        clock, random = SystemClock(), SystemRandom()
        inner: Account = _logged(live, options) if options.get("verbose") else live
        deadline = clock.monotonic() + float(options.get("timeout") or 3600)
        grace = WIND_DOWN if "lock_timeout" in options else 0.0
        account = Throttled(
            inner, clock=clock, random=random, parallelism=options.get("parallelism") or 16, deadline=deadline + grace
        )
        yield Session(
            loaded=loaded,
            account=account,
            info=AccountInfo(live.host, organization, project),
            clock=clock,
            random=random,
            as_of=as_of,
            rules=rules,
            refresh=options.get("refresh") or "auto",
            revision=head(loaded.tree.root),
            settle=_seconds(options, "settle", 60.0),
            file_deadline=_seconds(options, "file_timeout", 600.0),
            deadline=deadline,
            timing=EMBEDDED if options.get("local") else SERVICE,
            liveness=LockFiles(loaded.tree.root / STATE_DIRECTORY / "runs"),
        )
    finally:
        await live.aclose()


def _rules(loaded: Loaded, options: Mapping[str, Any]) -> Rules:
    """What the options allow, with the stack's own limits; raises Stop where --only names what is not there."""
    from reconciler.commands.plan import rules_for
    from reconciler.model.diagnostics import did_you_mean
    from reconciler.model.errors import Exit, Stop
    from reconciler.model.rules import Rules

    rules = Rules(
        allow_deletes=options.get("allow_deletes"),
        prune=not options.get("no_prune"),
        only=frozenset(_address(text) for text in options.get("only") or ()),
        roll_forward=bool(options.get("roll_forward")),
    )
    known = {desired.address for desired in loaded.desired}
    unknown = sorted(str(item) for item in rules.only - known)
    if unknown:
        hint = did_you_mean(unknown[0], map(str, known))
        raise Stop(Exit.INVALID, f"--only {unknown[0]}: there is no such manifest.", hint)
    return rules_for(loaded, rules)


def _seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name)
    return default if value is None else float(value)


def parse_address(text: str) -> Any:
    """An address given on the command line; raises Stop."""
    return _address(text)


def _address(text: str) -> Any:
    from reconciler.model.address import Address
    from reconciler.model.errors import Exit, Stop

    try:
        return Address.parse(text)
    except ValueError as error:
        raise Stop(Exit.INVALID, f"{error}.") from error


def _identity(loaded: Loaded) -> tuple[str | None, str | None]:
    """Organisation and project: what the stack demands, and what the environment says; they must not differ."""
    from reconciler.model.errors import Exit, Stop

    found = []
    for name, variable in (("organization", "OPENAI_ORG_ID"), ("project", "OPENAI_PROJECT_ID")):
        demanded, given = getattr(loaded.stack, name), os.environ.get(variable)
        if demanded and given and demanded != given:
            raise Stop(
                Exit.DENIED,
                f"reconciler.yaml is for {name} {demanded}, but {variable} is {given}.",
                "Nothing was sent. Use the other credentials, or the other stack.",
            )
        found.append(demanded or given or None)
    return found[0], found[1]


def _connect(loaded: Loaded, options: Mapping[str, Any], organization: str | None, project: str | None) -> Any:
    from reconciler.model.errors import Exit, Stop

    if options.get("local"):
        return _embedded(loaded.tree.root, options["local"])
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        raise Stop(
            Exit.DENIED,
            "OPENAI_API_KEY is not set.",
            "Set it to a key of the project, or use --local for the account on this machine.",
        )
    from reconciler.account.live import DEFAULT_BASE_URL, connect

    try:
        return connect(
            api_key=key,
            organization=organization,
            project=project,
            base_url=os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL,
        )
    except ValueError as error:
        raise Stop(Exit.INVALID, f"{error}.", "Check OPENAI_BASE_URL and OPENAI_API_KEY.") from error


def _embedded(root: Path, chosen: str) -> Any:
    from reconciler.model.errors import Exit, Stop

    database = root / STATE_DIRECTORY / "local.db" if chosen == DEFAULT_DATABASE else Path(chosen)
    if database.is_dir():
        raise Stop(
            Exit.INVALID,
            f"--local {chosen}: that is a directory, and --local takes a file.",
            f"Name the stack first: `reconciler COMMAND {chosen} --local`.",
        )
    profile = os.environ.get(PROFILE_VARIABLE, "openai")
    if profile not in {"openai", "compatible"}:
        raise Stop(Exit.INVALID, f"{PROFILE_VARIABLE} is {profile!r}.", "Known: openai, compatible.")
    from reconciler.emulator.account import embedded

    if chosen == DEFAULT_DATABASE:
        database.parent.mkdir(parents=True, exist_ok=True)
    elif not database.parent.is_dir():
        raise Stop(
            Exit.INVALID, f"--local {chosen}: there is no directory {database.parent}.", "Make it, or correct the path."
        )
    return embedded(database, profile)


def _logged(live: Any, options: Mapping[str, Any]) -> Account:
    from reconciler.account.log import Logged

    return Logged(live, Terminal(options.get("color", "auto")).note, as_json=options.get("log_format") == "json")


def _today(options: Mapping[str, Any]) -> str:
    from reconciler.model.errors import Exit, Stop

    chosen = options.get("as_of")
    if chosen is None:
        return dt.datetime.now(dt.UTC).date().isoformat()
    try:
        return dt.date.fromisoformat(chosen).isoformat()
    except ValueError as error:
        raise Stop(Exit.INVALID, f"--as-of {chosen!r} is not a date.", "Write YYYY-MM-DD.") from error
