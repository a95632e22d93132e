"""The file that says what goes wrong: which requests, how often, and how; read strictly, obeyed to the letter.

A rule that could never happen is a mistake: a pipeline that was rehearsed against it was not rehearsed. So every name,
every combination and every path is checked against what the emulator has, before it serves anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import yaml

from reconciler.emulator.fault_file import Fields, RulesError, compose, near, refuse, text_of
from reconciler.emulator.fault_paths import pattern_of, reaches, shown, steps_of
from reconciler.emulator.faults import Effect, Fault, applies, happens_to, possible
from reconciler.emulator.routes import ROUTES
from reconciler.emulator.wire import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reconciler.emulator.wire import Request

__all__ = ["Rule", "Rules", "RulesError", "parse", "read"]

MOST_STEPS = 12
LONGEST_SECONDS = 10**9
_METHODS = ("DELETE", "GET", "POST")
_TIMED = (Effect.DELAY, Effect.GHOST, Effect.LATE, Effect.SLOW, Effect.STALE)
_DETAILS: Mapping[str, tuple[Effect, ...]] = {
    "seconds": _TIMED,
    "status": (Effect.CURSOR_GONE, Effect.STATUS),
    "code": (Effect.FAILING, Effect.STATUS),
    "executed": (Effect.HTML, Effect.STATUS),
    "headers": (Effect.STATUS,),
}
"""The fields that say more about an effect, and the effects that have them."""
_WHEN = ("nth", "every", "probability")
_FIELDS = ("on", "effect", "times", *_WHEN, *_DETAILS)
_FAILURES = ("server_error", "invalid_file", "unsupported_file")
_OWN_HEADERS = ("connection", "content-length", "date", "transfer-encoding")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]{0,498}[!-~])?")
_CODE = re.compile(r"[a-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: to which requests it happens, and what. Of `nth`, `every` and `probability` at most one is given."""

    method: str
    path: re.Pattern[str]
    fault: Fault
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None

    def matches(self, request: Request) -> bool:
        """Whether this is a request of the kind that the rule counts."""
        return (
            self.method in ("*", request.method)
            and self.path.fullmatch(endpoint(request.path)) is not None
            and applies(self.fault.effect, request)
        )


@dataclass(slots=True)
class _Tally:
    """What one rule has counted so far. Each has its own chance, so that a new rule leaves the others' as it was."""

    random: Random
    matched: int = 0
    fired: int = 0


@dataclass(slots=True)
class Rules:
    """The chooser that a file stands for: `rules(request)` gives the fault of the first rule whose turn it is.

    Every rule counts every request that it matches, also one that an earlier rule takes. `say` gets one line for each
    fault. Equal requests in an equal order meet equal faults.
    """

    rules: Sequence[Rule]
    seed: int = 0
    say: Callable[[str], None] | None = None
    _seen: int = 0
    _tallies: list[_Tally] = field(init=False)

    def __post_init__(self) -> None:
        self._tallies = [_Tally(Random(f"{self.seed} {at}")) for at, _ in enumerate(self.rules)]  # noqa: S311

    def __call__(self, request: Request) -> Fault | None:
        """Choose what happens to a request."""
        self._seen += 1
        chosen: tuple[Rule, _Tally] | None = None
        for rule, tally in zip(self.rules, self._tallies, strict=True):
            if rule.matches(request):
                tally.matched += 1
                if _due(rule, tally) and chosen is None:
                    chosen = rule, tally
        if chosen is None:
            return None
        chosen[1].fired += 1
        if self.say is not None:
            path = "".join(char if char.isprintable() else "?" for char in request.path)
            self.say(f"fault: {chosen[0].fault.effect.value} {request.method} {path} (request {self._seen})")
        return chosen[0].fault


def _due(rule: Rule, tally: _Tally) -> bool:
    # Drawn whether it is needed or not: how often a rule has fired must not shift its later chances.
    drawn = tally.random.random() if rule.probability is not None else 0.0
    if rule.times is not None and tally.fired >= rule.times:
        return False
    if rule.nth is not None:
        return tally.matched == rule.nth
    if rule.every is not None:
        return tally.matched % rule.every == 0
    return rule.probability is None or drawn < rule.probability


def read(file: Path, *, say: Callable[[str], None] | None = None) -> Rules:
    """Read a file of rules, YAML or JSON; raises RulesError for anything in it that is not understood."""
    return parse(text_of(file), str(file), say=say)


def parse(text: str, file: str, *, say: Callable[[str], None] | None = None) -> Rules:
    """Read rules from a text; `file` is how messages call it. Raises RulesError."""
    top = Fields.of(compose(text, file), file, "the file of rules", ("faults", "seed"))
    listed = top.node("faults")
    if not isinstance(listed, yaml.SequenceNode):
        refuse(file, listed, "`faults` is not a list.", "It is a list of rules; each begins with `- on: POST /files`.")
    rules = [_rule(node, file) for node in listed.value]
    return Rules(rules, seed=top.whole("seed", least=0) or 0, say=say)


def _rule(node: yaml.Node, file: str) -> Rule:
    given = Fields.of(node, file, "a rule", _FIELDS)
    effect = Effect(given.choice("effect", [item.value for item in Effect]))
    for name in given.fields:
        allowed = _DETAILS.get(name, (effect,))
        if effect not in allowed:
            listed = ", ".join(sorted(item.value for item in allowed))
            given.fail(name, f"`{name}` does not go with the effect {effect.value}.", f"It goes with: {listed}.")
    method, path = _target(given, effect)
    when = [name for name in _WHEN if name in given.fields]
    if len(when) > 1:
        given.fail(when[1], f"`{when[0]}` and `{when[1]}` cannot both say when.", "Keep one of them.")
    probability = given.number("probability", most=1)
    if probability == 0:
        given.fail("probability", "With a `probability` of 0 the rule never happens.", "Remove the rule.")
    return Rule(
        method,
        path,
        _fault(given, effect),
        nth=given.whole("nth", least=1),
        every=given.whole("every", least=1),
        probability=probability,
        times=given.whole("times", least=1),
    )


def _fault(given: Fields, effect: Effect) -> Fault:
    seconds = given.number("seconds", most=LONGEST_SECONDS)
    if effect in _TIMED and not seconds:
        place = "seconds" if "seconds" in given.fields else "effect"
        given.fail(place, f"The effect {effect.value} needs `seconds` above 0.", "Write it like 5 or 0.5.")
    return Fault(
        effect,
        seconds=seconds or 0.0,
        status=_status(given, effect),
        code=_code(given, effect),
        executed=given.flag("executed"),
        headers=_headers(given),
    )


def _status(given: Fields, effect: Effect) -> int | None:
    status = given.whole("status", least=200)
    if effect is Effect.CURSOR_GONE and status not in (None, 400, 404):
        given.fail("status", f"A cursor that is gone is answered with 404 or 400, not {status}.")
    if status is not None and status > 599:
        given.fail("status", f"{status} is not a status.", "A status is from 200 to 599.")
    return status


def _code(given: Fields, effect: Effect) -> str:
    if "code" not in given.fields:
        return ""
    if effect is Effect.FAILING:
        return given.choice("code", _FAILURES)
    code = given.text("code")
    if not _CODE.fullmatch(code):
        given.fail("code", f"{code[:80]!r} is not an error code.", "A code looks like rate_limit_exceeded.")
    return code


def _headers(given: Fields) -> Mapping[str, str]:
    if "headers" not in given.fields:
        return {}
    headers = Fields.of(given.node("headers"), given.file, "`headers`", None)
    found: dict[str, str] = {}
    for name in headers.fields:
        value = headers.text(name)
        if name.lower() in _OWN_HEADERS:
            headers.fail(name, f"The header {name} is written by the emulator itself.", "Leave it out.")
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            headers.fail(name, f"{name[:80]!r} with {value[:80]!r} cannot be a header.", "Use printable ASCII.")
        found[name] = value
    return found


def _target(given: Fields, effect: Effect) -> tuple[str, re.Pattern[str]]:
    """Read `on`, and check that there is an endpoint it means and that the effect can happen there."""
    text = given.text("on")
    method, _, path = text.strip().partition(" ")
    path = endpoint(path.strip())
    steps = steps_of(path)
    known = [shown(route.method, route.path) for route in ROUTES]
    if not path.startswith("/") or len(steps) > MOST_STEPS or (method != "*" and method not in _METHODS):
        advice = near(text, known) or "Write it like: POST /vector_stores/*"
        given.fail("on", f"`on: {text[:80]}` is not a method and a path.", advice)
    meant = [route for route in ROUTES if method in ("*", route.method) and reaches(steps, route.path)]
    if not meant:
        advice = near(f"{method} {path}", known) or "Paths are written without /v1 and without a query."
        given.fail("on", f"There is no endpoint `{text[:80]}`.", advice)
    if not any(possible(effect, route.method, route.path) for route in meant):
        advice = f"It happens to: {happens_to(effect)}."
        given.fail("on", f"The effect {effect.value} cannot happen to `{text[:80]}`.", advice)
    return method, pattern_of(steps)
