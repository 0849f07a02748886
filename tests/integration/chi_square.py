# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Pearson's chi-square test of counts against wanted shares, without any library."""
import math


def _upper_gamma_by_series(a, x):
    term = total = 1.0 / a
    n = a
    for _ in range(10000):
        n += 1
        term *= x / n
        total += term
        if term < total * 1e-16:
            break
    return 1.0 - total * math.exp(a * math.log(x) - x - math.lgamma(a))


def _upper_gamma_by_fraction(a, x):
    tiny = 1e-300
    b = x + 1 - a
    c = 1 / tiny
    d = 1 / b
    result = d
    for i in range(1, 10000):
        numerator = -i * (i - a)
        b += 2
        d = numerator * d + b or tiny
        c = b + numerator / c or tiny
        d = 1 / d
        result *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return result * math.exp(a * math.log(x) - x - math.lgamma(a))


def survival(statistic, degrees):
    """The probability that chance alone gives a statistic at least this large."""
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    return _upper_gamma_by_series(a, x) if x < a + 1 else _upper_gamma_by_fraction(a, x)


def check(counts, weights, limit=1e-6):
    """Asserts that `counts` {name: n} may well come from draws with `weights` {name: weight}; returns (statistic, p).

    A name of weight 0 must not occur; a name that is in no weight must not either."""
    strangers = {name: n for name, n in counts.items() if n and not weights.get(name)}
    assert not strangers, f"drawn although their weight is 0 or they are not in the route: {strangers}"
    wanted = {name: weight for name, weight in weights.items() if weight}
    total, weight_sum = sum(counts.values()), sum(wanted.values())
    statistic = 0.0
    for name, weight in wanted.items():
        expected = total * weight / weight_sum
        assert expected >= 5, f"{name}: {total} draws are too few for weight {weight} of {weight_sum}"
        statistic += (counts.get(name, 0) - expected) ** 2 / expected
    p = survival(statistic, len(wanted) - 1) if len(wanted) > 1 else 1.0
    assert p > limit, f"chi-square {statistic:.1f}, p {p:.2g} <= {limit:g}: counts {counts}, weights {weights}"
    return statistic, p


def self_test():
    """Known values: the 95 % points of the usual tables, and 1e-6 for one degree."""
    for statistic, degrees, p in ((3.841, 1, 0.05), (5.991, 2, 0.05), (18.307, 10, 0.05), (124.342, 100, 0.05)):
        assert abs(survival(statistic, degrees) - p) < 1e-4, (statistic, degrees, survival(statistic, degrees))
    assert abs(survival(23.928, 1) / 1e-6 - 1) < 0.01, survival(23.928, 1)
    for wrong in ({"a": 1000, "b": 1000}, {"a": 1800, "b": 199, "c": 1}):
        try:
            check(wrong, {"a": 90, "b": 10, "c": 0})
        except AssertionError:
            continue
        raise AssertionError(f"{wrong} passed")
    check({"a": 1810, "b": 190}, {"a": 90, "b": 10, "c": 0})


if __name__ == "__main__":
    self_test()
