"""What befalls requests: drawn from a seed, or placed by hand at the request where it is wanted.

Every life has a climate of its own (which faults there are at all, and how often), so that rare combinations come
about: a life in which lists lag and nothing else goes wrong is as likely as one in which everything does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from reconciler.emulator.faults import Effect, Fault, applies
from reconciler.emulator.wire import Request
from tests.simulation.history import Sent

Make = Callable[[Random, "Climate"], Fault]

_RETRY_AFTER: tuple[Mapping[str, str], ...] = (
    {},
    {"retry-after": "2"},
    {"retry-after-ms": "700"},
    {"retry-after": "date+5"},
    {"retry-after": "-30"},
    {"retry-after": "NaN"},
    {"retry-after": "90"},
)
_AMBIGUOUS = (408, 409, 500, 502, 503, 504)


def _plain(effect: Effect) -> Make:
    return lambda _random, _climate: Fault(effect)


def _status(random: Random, _climate: Climate) -> Fault:
    return Fault(Effect.STATUS, status=random.choice(_AMBIGUOUS), executed=random.random() < 0.5)


def _limited(random: Random, _climate: Climate) -> Fault:
    return Fault(Effect.STATUS, status=429, headers=random.choice(_RETRY_AFTER))


def _quota(_random: Random, _climate: Climate) -> Fault:
    return Fault(Effect.STATUS, status=429, code="insufficient_quota")


def _denied(random: Random, _climate: Climate) -> Fault:
    return Fault(Effect.STATUS, status=random.choice((401, 403)))


MAKERS: Mapping[str, tuple[Effect, Make]] = {
    "lost": (Effect.LOST, _plain(Effect.LOST)),
    "dropped": (Effect.DROPPED, _plain(Effect.DROPPED)),
    "late": (Effect.LATE, lambda random, climate: Fault(Effect.LATE, seconds=random.uniform(0.1, climate.late))),
    "twice": (Effect.TWICE, _plain(Effect.TWICE)),
    "truncated": (Effect.TRUNCATED, _plain(Effect.TRUNCATED)),
    "html": (Effect.HTML, lambda random, _: Fault(Effect.HTML, executed=random.random() < 0.5)),
    "redirect": (Effect.REDIRECT, _plain(Effect.REDIRECT)),
    "status": (Effect.STATUS, _status),
    "limited": (Effect.STATUS, _limited),
    "refused": (Effect.STATUS, lambda _random, _climate: Fault(Effect.STATUS, status=400)),
    "quota": (Effect.STATUS, _quota),
    "denied": (Effect.STATUS, _denied),
    "delay": (Effect.DELAY, lambda random, _: Fault(Effect.DELAY, seconds=random.choice((1.0, 4.0, 30.0, 90.0)))),
    "stale": (Effect.STALE, lambda random, climate: Fault(Effect.STALE, seconds=random.uniform(0.1, climate.lag))),
    "short": (Effect.SHORT, _plain(Effect.SHORT)),
    "empty": (Effect.EMPTY, _plain(Effect.EMPTY)),
    "repeated": (Effect.REPEATED, _plain(Effect.REPEATED)),
    "cursor_gone": (Effect.CURSOR_GONE, _plain(Effect.CURSOR_GONE)),
    "ghost": (Effect.GHOST, lambda random, climate: Fault(Effect.GHOST, seconds=random.uniform(0.1, climate.lag))),
    "attach_404": (Effect.ATTACH_404, _plain(Effect.ATTACH_404)),
    "slow": (Effect.SLOW, lambda random, _: Fault(Effect.SLOW, seconds=random.choice((5.0, 40.0, 300.0)))),
    "failing": (
        Effect.FAILING,
        lambda random, _: Fault(Effect.FAILING, code=random.choice(("server_error", "invalid_file"))),
    ),
    "frozen": (Effect.FROZEN, _plain(Effect.FROZEN)),
}
"""The faults by name."""

SELDOM = frozenset({"quota", "denied", "refused", "frozen"})
"""Faults that end most runs: one in ten of those drawn happens."""


@dataclass(frozen=True, slots=True)
class Climate:
    """`rate` is the chance of a request to be struck, `kinds` by what; `lag` and `late` are the longest, in seconds."""

    rate: float = 0.0
    kinds: tuple[str, ...] = ()
    lag: float = 0.1
    late: float = 0.1

    @property
    def delay(self) -> float:
        """List lag and late execution together, as far as there is any."""
        lags = self.lag if self.rate and {"stale", "ghost"} & set(self.kinds) else 0.0
        return lags + (self.late if self.rate and "late" in self.kinds else 0.0)


FAIR = Climate()


def draw_climate(random: Random, *, settle: float = 60.0) -> Climate:
    """One in eight is fair; of the others, seven in eight keep to what the settle window covers."""
    if random.random() < 0.125:
        return FAIR
    share = random.choice((0.15, 0.4, 1.0))
    kinds = tuple(name for name in MAKERS if random.random() < share)
    rate = random.choice((0.02, 0.06, 0.15, 0.3))
    most = settle - 5.0 if random.random() < 0.875 else 5 * settle
    lag = most * random.choice((0.1, 0.5, 0.9))
    return Climate(rate, kinds, lag, most - lag)


@dataclass(slots=True)
class SeededWeather:
    """The weather of one life."""

    random: Random
    climate: Climate = FAIR
    calm: bool = False

    def strike(self, request: Request, sent: Sent) -> Fault | None:
        """The fault that happens to a request."""
        del sent
        if self.calm or not self.climate.kinds or self.random.random() >= self.climate.rate:
            return None
        names = [name for name in self.climate.kinds if applies(MAKERS[name][0], request)]
        if not names:
            return None
        name = self.random.choice(names)
        if name in SELDOM and self.random.random() >= 0.1:
            return None
        return MAKERS[name][1](self.random, self.climate)
