"""How likely something is by accident: tails of the binomial distribution, in plain Python."""

from __future__ import annotations

from math import exp, inf, lgamma, log


def tail(hits: int, trials: int, chance: float) -> float:
    """The probability of at least so many hits in so many trials, each of which has a chance."""
    if hits <= 0:
        return 1.0
    if hits > trials or chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    return min(1.0, sum(exp(_log(k, trials, chance)) for k in range(hits, trials + 1)))


def _log(hits: int, trials: int, chance: float) -> float:
    ways = lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1)
    return ways + hits * log(chance) + (trials - hits) * log(1 - chance)


def at_least_once(expected: float) -> float:
    """The chance that something happens which happens so often on average."""
    return 1 - exp(-expected) if expected < inf else 1.0
