#!/usr/bin/env python3
"""Writes distributions.json: log densities and distribution functions of every distribution of the standard library at
some points, in 90 digits by mpmath from the textbook definitions, and bins with their probabilities for the samplers.

Run by hand when a distribution is added (needs mpmath): python3 make_references.py > distributions.json
"""

import json
from mpmath import (
    atan,
    besseli,
    betainc,
    cos,
    erfc,
    exp,
    factorial,
    fsum,
    gamma,
    gammainc,
    inf,
    log,
    mp,
    mpf,
    pi,
    quad,
    sqrt,
)

mp.dps = 90


def normal_cdf(z):
    return erfc(-z / sqrt(2)) / 2


def student_cdf(nu, z):
    tail = betainc(nu / 2, mpf(1) / 2, 0, nu / (nu + z * z), regularized=True) / 2
    return 1 - tail if z > 0 else tail


def choose(n, k):
    return gamma(n + 1) / gamma(k + 1) / gamma(n - k + 1)


def owens_t(h, a):
    return quad(lambda x: exp(-h * h * (1 + x * x) / 2) / (1 + x * x), [0, a]) / (2 * pi)


def normal_density(z):
    return exp(-z * z / 2) / sqrt(2 * pi)


def von_mises(y, m, k):
    return exp(k * cos(y - m)) / (2 * pi * besseli(0, k))


# name: (parameter sets, outcomes per set, density, distribution function or None)
continuous = {
    "normal": (
        [(0, 1), (-3.5, 0.25), (1e3, 20)],
        lambda m, s: [m, m + 1.3 * s, m - 2 * s, m + 9 * s, m - 30 * s],
        lambda y, m, s: exp(-(((y - m) / s) ** 2) / 2) / (s * sqrt(2 * pi)),
        lambda y, m, s: normal_cdf((y - m) / s),
    ),
    "std_normal": ([()], lambda: [0, 0.7, -1.9, 6, -25], lambda y: exp(-y * y / 2) / sqrt(2 * pi), normal_cdf),
    "student_t": (
        [(3, 0, 1), (0.7, 2, 3), (50, -1, 0.5)],
        lambda n, m, s: [m, m + s, m - 2.5 * s, m + 8 * s, m - 12 * s],
        lambda y, n, m, s: gamma((n + 1) / 2)
        / gamma(n / 2)
        / sqrt(n * pi)
        / s
        * (1 + ((y - m) / s) ** 2 / n) ** (-(n + 1) / 2),
        lambda y, n, m, s: student_cdf(n, (y - m) / s),
    ),
    "cauchy": (
        [(0, 1), (-2, 5)],
        lambda m, s: [m, m + s, m - 4 * s, m + 100 * s],
        lambda y, m, s: 1 / (pi * s * (1 + ((y - m) / s) ** 2)),
        lambda y, m, s: atan((y - m) / s) / pi + mpf(1) / 2,
    ),
    "lognormal": (
        [(0, 1), (2, 0.3)],
        lambda m, s: [0.01, 0.9, 4, 11],
        lambda y, m, s: exp(-(((log(y) - m) / s) ** 2) / 2) / (y * s * sqrt(2 * pi)),
        lambda y, m, s: normal_cdf((log(y) - m) / s),
    ),
    "exponential": (
        [(1,), (0.2,)],
        lambda b: [0.001, 0.5, 3, 40],
        lambda y, b: b * exp(-b * y),
        lambda y, b: 1 - exp(-b * y),
    ),
    "gamma": (
        [(1, 1), (0.3, 2), (7.5, 0.5), (200, 10)],
        lambda a, b: [0.01 * a / b, 0.5 * a / b, a / b, 1.2 * a / b, 3 * a / b],
        lambda y, a, b: b**a / gamma(a) * y ** (a - 1) * exp(-b * y),
        lambda y, a, b: gammainc(a, 0, b * y, regularized=True),
    ),
    "inv_gamma": (
        [(1, 1), (0.6, 2), (7.5, 3), (90, 50)],
        lambda a, b: [0.3 * b / a, 0.9 * b / a, b / a, 2 * b / a, 9 * b / a],
        lambda y, a, b: b**a / gamma(a) * y ** (-a - 1) * exp(-b / y),
        lambda y, a, b: gammainc(a, b / y, inf, regularized=True),
    ),
    "chi_square": (
        [(1,), (7.5,), (90,)],
        lambda n: [0.1 * n, 0.7 * n, n, 1.7 * n, 4 * n],
        lambda y, n: (y / 2) ** (n / 2) / y / gamma(n / 2) * exp(-y / 2),
        lambda y, n: gammainc(n / 2, 0, y / 2, regularized=True),
    ),
    "beta": (
        [(1, 1), (0.4, 0.7), (5, 2), (120, 300)],
        lambda a, b: [0.02, 0.25, 0.5, 0.9, 0.3],
        lambda y, a, b: gamma(a + b) / gamma(a) / gamma(b) * y ** (a - 1) * (1 - y) ** (b - 1),
        lambda y, a, b: betainc(a, b, 0, y, regularized=True),
    ),
    "uniform": (
        [(0, 1), (-3, 10)],
        lambda a, b: [a + 0.1 * (b - a), a + 0.75 * (b - a)],
        lambda y, a, b: 1 / (b - a),
        lambda y, a, b: (y - a) / (b - a),
    ),
    "logistic": (
        [(0, 1), (3, 0.2)],
        lambda m, s: [m, m + s, m - 3 * s, m + 20 * s, m - 40 * s],
        lambda y, m, s: exp(-(y - m) / s) / (s * (1 + exp(-(y - m) / s)) ** 2),
        lambda y, m, s: 1 / (1 + exp(-(y - m) / s)),
    ),
    "double_exponential": (
        [(0, 1), (3, 0.2)],
        lambda m, s: [m, m + s, m - 3 * s, m + 20 * s],
        lambda y, m, s: exp(-abs(y - m) / s) / (2 * s),
        lambda y, m, s: exp((y - m) / s) / 2 if y < m else 1 - exp(-(y - m) / s) / 2,
    ),
    "weibull": (
        [(1, 1), (0.6, 2), (4, 3)],
        lambda a, s: [0.1 * s, 0.7 * s, s, 1.6 * s],
        lambda y, a, s: a / s * (y / s) ** (a - 1) * exp(-((y / s) ** a)),
        lambda y, a, s: 1 - exp(-((y / s) ** a)),
    ),
    "inv_chi_square": (
        [(1,), (7.5,), (3000,)],
        lambda n: [0.3 / n, 0.9 / n, 1 / n, 1.1 / n, 9 / n],
        lambda y, n: 2 ** (-n / 2) / gamma(n / 2) * y ** (-n / 2 - 1) * exp(-1 / (2 * y)),
        lambda y, n: gammainc(n / 2, 1 / (2 * y), inf, regularized=True),
    ),
    "scaled_inv_chi_square": (
        [(1, 2), (7.5, 0.3), (3000, 1)],
        lambda n, s: [0.3 * s * s, 0.95 * s * s, s * s, 1.1 * s * s, 4 * s * s],
        lambda y, n, s: (n / 2) ** (n / 2) / gamma(n / 2) * s**n * y ** (-n / 2 - 1) * exp(-n * s * s / (2 * y)),
        lambda y, n, s: gammainc(n / 2, n * s * s / (2 * y), inf, regularized=True),
    ),
    "frechet": (
        [(1, 1), (0.6, 2), (4, 3)],
        lambda a, s: [0.5 * s, 0.8 * s, s, 1.6 * s, 50 * s],
        lambda y, a, s: a / s * (y / s) ** (-1 - a) * exp(-((y / s) ** -a)),
        lambda y, a, s: exp(-((y / s) ** -a)),
    ),
    "gumbel": (
        [(0, 1), (3, 0.2)],
        lambda m, b: [m, m + b, m - 2 * b, m + 20 * b],
        lambda y, m, b: exp(-(y - m) / b - exp(-(y - m) / b)) / b,
        lambda y, m, b: exp(-exp(-(y - m) / b)),
    ),
    "loglogistic": (
        [(1, 1), (3, 0.4), (0.5, 8)],
        lambda a, b: [0.05 * a, 0.7 * a, a, 1.6 * a, 40 * a],
        lambda y, a, b: b / a * (y / a) ** (b - 1) / (1 + (y / a) ** b) ** 2,
        lambda y, a, b: (y / a) ** b / (1 + (y / a) ** b),
    ),
    "pareto": (
        [(1, 1), (0.3, 2.5)],
        lambda m, a: [1.01 * m, 1.5 * m, 8 * m, 1e4 * m],
        lambda y, m, a: a * m**a / y ** (a + 1),
        lambda y, m, a: 1 - (m / y) ** a if y > m else mpf(0),
    ),
    "pareto_type_2": (
        [(0, 1, 1), (-2, 0.3, 2.5)],
        lambda m, l, a: [m + 0.01 * l, m + l, m + 8 * l, m + 1e4 * l],
        lambda y, m, l, a: a / l * (1 + (y - m) / l) ** -(a + 1),
        lambda y, m, l, a: 1 - (1 + (y - m) / l) ** -a if y > m else mpf(0),
    ),
    "rayleigh": (
        [(1,), (0.2,)],
        lambda s: [0.05 * s, 0.8 * s, 2 * s, 8 * s],
        lambda y, s: y / s**2 * exp(-((y / s) ** 2) / 2),
        lambda y, s: 1 - exp(-((y / s) ** 2) / 2),
    ),
    "skew_double_exponential": (
        [(0, 1, 0.5), (3, 0.2, 0.15)],
        lambda m, s, t: [m, m + s, m - 3 * s, m + 20 * s],
        lambda y, m, s, t: 2 * t * (1 - t) / s * exp(-2 * ((1 - t) * (m - y) if y < m else t * (y - m)) / s),
        lambda y, m, s, t: t * exp(-2 * (1 - t) * (m - y) / s) if y < m else 1 - (1 - t) * exp(-2 * t * (y - m) / s),
    ),
    "skew_normal": (
        [(0, 1, 0), (0, 1, 2), (-3.5, 0.25, -6), (2, 3, 0.3)],
        lambda m, s, a: [m, m + 0.7 * s, m - 0.6 * s, m - 3 * s, m + 6 * s, m - 12 * s, m + 12 * s],
        lambda y, m, s, a: 2 / s * normal_density((y - m) / s) * normal_cdf(a * (y - m) / s),
        lambda y, m, s, a: normal_cdf((y - m) / s) - 2 * owens_t((y - m) / s, a),
    ),
    "exp_mod_normal": (
        [(0, 1, 1), (-3.5, 0.25, 40), (2, 3, 0.01)],
        lambda m, s, l: [m, m + 1.3 * s, m - 2 * s, m - 12 * s, m + 3 / l, m + 9 * s + 9 / l],
        lambda y, m, s, l: l / 2 * exp(l / 2 * (2 * m + l * s * s - 2 * y)) * erfc((m + l * s * s - y) / (sqrt(2) * s)),
        lambda y, m, s, l: normal_cdf((y - m) / s)
        - exp(l * l * s * s / 2 - l * (y - m)) * normal_cdf((y - m) / s - l * s),
    ),
    "beta_proportion": (
        [(0.5, 2), (0.3, 0.7), (0.8, 15), (0.25, 3000)],
        lambda m, k: [0.02, 0.25, 0.5, 0.9, m],
        lambda y, m, k: gamma(k) / gamma(m * k) / gamma((1 - m) * k) * y ** (m * k - 1) * (1 - y) ** ((1 - m) * k - 1),
        lambda y, m, k: betainc(m * k, (1 - m) * k, 0, y, regularized=True),
    ),
    "von_mises": (
        [(0, 1), (2.5, 0), (-1, 0.3), (1.5, 60)],
        lambda m, k: [m, m + 0.5, m - 1.5, m + 3],
        von_mises,
        lambda y, m, k: quad(lambda x: von_mises(x, m, k), [-pi, m, y] if m < y else [-pi, y]),
    ),
}
without_functions = {"von_mises"}


def inv_logit(x):
    return 1 / (1 + exp(-x))


def binomial(y, n, p):
    return choose(n, y) * p**y * (1 - p) ** (n - y)


def poisson(y, rate):
    return exp(-rate) * rate**y / factorial(y)


# name: (types of the parameters, parameter sets, outcomes, mass, largest outcome with any mass to speak of, smallest)
discrete = {
    "bernoulli": (["real"], [(0.3,), (0.999,)], [0, 1], lambda y, p: p if y else 1 - p, lambda p: 1, 0),
    "bernoulli_logit": (
        ["real"],
        [(-1.2,), (30,)],
        [0, 1],
        lambda y, a: inv_logit(a) if y else inv_logit(-a),
        lambda a: 1,
        0,
    ),
    "binomial": (
        ["int", "real"],
        [(10, 0.3), (60, 0.5), (400, 0.9), (1000, 0.004)],
        [0, 1, 4, 10],
        binomial,
        lambda n, p: n,
        0,
    ),
    "binomial_logit": (
        ["int", "real"],
        [(10, -0.5), (60, 1)],
        [0, 1, 4, 10],
        lambda y, n, a: binomial(y, n, inv_logit(a)),
        lambda n, a: n,
        0,
    ),
    "poisson": (
        ["real"],
        [(0.3,), (4.5,), (9.9,), (60,), (3000,)],
        [0, 1, 4, 30, 100],
        poisson,
        lambda r: r + 15 * r**0.5 + 15,
        0,
    ),
    "poisson_log": (
        ["real"],
        [(-1,), (1.2,), (5,)],
        [0, 1, 4, 30, 100],
        lambda y, a: poisson(y, exp(mpf(a))),
        lambda a: exp(a) + 15 * exp(a / 2) + 15,
        0,
    ),
    "neg_binomial_2": (
        ["real", "real"],
        [(2, 0.5), (10, 3), (100, 20)],
        [0, 1, 4, 30, 100],
        lambda y, m, f: choose(y + f - 1, y) * (m / (m + f)) ** y * (f / (m + f)) ** f,
        lambda m, f: m + 60 * (m + m * m / f) ** 0.5,
        0,
    ),
    "neg_binomial_2_log": (
        ["real", "real"],
        [(0.7, 0.5), (2.3, 3), (4.6, 20)],
        [0, 1, 4, 30, 100],
        lambda y, e, f: choose(y + f - 1, y) * (exp(e) / (exp(e) + f)) ** y * (f / (exp(e) + f)) ** f,
        lambda e, f: exp(e) + 60 * (exp(e) + exp(2 * e) / f) ** 0.5,
        0,
    ),
    "discrete_range": (
        ["int", "int"],
        [(1, 6), (-3, 40)],
        [1, 3, 6],
        lambda y, a, b: 1 / (b - a + 1),
        lambda a, b: b,
        None,
    ),
    "categorical": (
        ["vector"],
        [([0.2, 0.5, 0.3],), ([0.05, 0.05, 0.1, 0.7, 0.1],)],
        [1, 2, 3],
        lambda y, t: t[int(y) - 1],
        lambda t: len(t),
        1,
    ),
    "categorical_logit": (
        ["vector"],
        [([0.2, -1.5, 0.3],), ([500, 501, 502.5, 499],)],
        [1, 2, 3],
        lambda y, t: exp(t[int(y) - 1] - max(t)) / fsum(exp(v - max(t)) for v in t),
        lambda t: len(t),
        1,
    ),
    "beta_binomial": (
        ["int", "real", "real"],
        [(10, 2, 3), (50, 0.5, 8)],
        [0, 1, 4, 10],
        lambda y, n, a, b: choose(n, y)
        * gamma(y + a)
        * gamma(n - y + b)
        / gamma(n + a + b)
        * gamma(a + b)
        / gamma(a)
        / gamma(b),
        lambda n, a, b: n,
        0,
    ),
    "beta_neg_binomial": (
        ["real", "real", "real"],
        [(2.5, 1.3, 0.7), (0.3, 0.8, 0.5), (5, 3.9, 20), (40, 12, 8)],
        [0, 1, 4, 30, 100],
        lambda y, r, a, b: gamma(y + b)
        / gamma(b)
        / gamma(y + 1)
        * gamma(r + a)
        / gamma(r)
        / gamma(a)
        * gamma(a + b)
        * gamma(y + r)
        / gamma(y + r + a + b),
        lambda r, a, b: 200,
        0,
    ),
    "poisson_binomial": (
        ["vector"],
        [([0.1, 0.5, 0.9, 0.3],), ([0.01] * 30,)],
        [0, 1, 2, 4, 10],
        lambda y, p: coins(p)[int(y)],
        lambda p: len(p),
        0,
    ),
    "neg_binomial": (
        ["real", "real"],
        [(0.5, 0.25), (3, 0.3), (20, 4)],
        [0, 1, 4, 30, 100],
        lambda y, a, b: choose(y + a - 1, y) * (1 / (1 + b)) ** y * (b / (1 + b)) ** a,
        lambda a, b: a / b + 60 * (a / b * (1 + 1 / b)) ** 0.5,
        0,
    ),
    "hypergeometric": (
        ["int", "int", "int"],
        [(10, 7, 20), (12, 30, 5), (300, 400, 900)],
        [0, 3, 7, 12, 70],
        lambda y, n, a, b: choose(a, y) * choose(b, n - y) / choose(a + b, n),
        lambda n, a, b: min(n, a),
        lambda n, a, b: max(0, n - b),
    ),
    "ordered_logistic": (
        ["real", "vector"],
        [(0.4, [-1, 0.5, 2]), (-30, [-1, 40]), (2, [1])],
        [1, 2, 3, 4],
        lambda y, e, c: ordered(y, c, lambda x: inv_logit(x - e)),
        lambda e, c: len(c) + 1,
        1,
    ),
    "ordered_probit": (
        ["real", "vector"],
        [(0.4, [-1, 0.5, 2]), (-9, [-1, 6]), (2, [1])],
        [1, 2, 3, 4],
        lambda y, e, c: ordered(y, c, lambda x: normal_cdf(x - e)),
        lambda e, c: len(c) + 1,
        1,
    ),
}
with_functions = {
    "bernoulli",
    "binomial",
    "poisson",
    "neg_binomial_2",
    "neg_binomial_2_log",
    "discrete_range",
    "beta_binomial",
    "neg_binomial",
    "beta_neg_binomial",
    "poisson_binomial",
    "ordered_logistic",
    "ordered_probit",
    "poisson_log",
    "bernoulli_logit",
    "binomial_logit",
    "categorical",
    "categorical_logit",
}


def ordered(y, c, below):
    y = int(y)
    return (below(c[y - 1]) if y <= len(c) else mpf(1)) - (below(c[y - 2]) if y > 1 else mpf(0))


def coins(p):
    masses = [mpf(1)]
    for chance in p:
        masses = [
            fsum(([masses[k] * (1 - chance)] if k < len(masses) else []) + ([masses[k - 1] * chance] if k else []))
            for k in range(len(masses) + 1)
        ]
    return masses


def exact(x):
    return [mpf(v) for v in x] if isinstance(x, (list, tuple)) else mpf(x)


def number(x):
    return float(x)


def quantile(cdf, p, start):
    low, high = start, start
    step = mpf(1)
    while cdf(low) > p:
        low, step = low - step, step * 2
    step = mpf(1)
    while cdf(high) < p:
        high, step = high + step, step * 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(middle) < p else (low, middle)
    return (low + high) / 2


def bisected(cdf, p, low, high):
    for _ in range(45):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(middle) < p else (low, middle)
    return (low + high) / 2


def positive_quantile(cdf, p):
    return exp(quantile(lambda u: cdf(exp(u)), p, mpf(0)))


def log_or_none(p):
    return number(log(p)) if p > 0 else None


result = []
for name, (sets, outcomes, density, cdf) in continuous.items():
    entry = {"name": name, "outcome": "real", "arguments": ["real"] * len(sets[0]), "points": [], "samples": []}
    for arguments in sets:
        a = [exact(v) for v in arguments]
        for y in outcomes(*arguments):
            point = {"y": y, "arguments": list(arguments), "log_density": number(log(density(exact(y), *a)))}
            if name not in without_functions:
                value = cdf(exact(y), *a)
                point.update(log_cdf=log_or_none(value), log_ccdf=log_or_none(1 - value))
            entry["points"].append(point)
        positive = name in (
            "lognormal",
            "exponential",
            "gamma",
            "inv_gamma",
            "chi_square",
            "weibull",
            "inv_chi_square",
            "scaled_inv_chi_square",
            "frechet",
            "loglogistic",
            "pareto",
            "rayleigh",
        )
        mp.dps = 20
        bins = 25
        if name in ("beta", "beta_proportion"):
            edges = [
                inv_logit(quantile(lambda u: cdf(inv_logit(u), *a), mpf(i) / bins, mpf(0))) for i in range(1, bins)
            ]
        elif positive:
            edges = [positive_quantile(lambda y: cdf(y, *a), mpf(i) / bins) for i in range(1, bins)]
        elif name == "von_mises":
            edges = [bisected(lambda y: cdf(y, *a), mpf(i) / bins, -pi, pi) for i in range(1, bins)]
        elif name == "uniform":
            edges = [a[0] + (a[1] - a[0]) * i / bins for i in range(1, bins)]
        else:
            edges = [
                quantile(lambda y: cdf(y, *a), mpf(i) / bins, mpf(arguments[-2] if arguments else 0))
                for i in range(1, bins)
            ]
        mp.dps = 90
        entry["samples"].append(
            {"arguments": list(arguments), "edges": [number(e) for e in edges], "probabilities": [1 / bins] * bins}
        )
    result.append(entry)

for name, (types, sets, outcomes, mass, largest, smallest) in discrete.items():
    entry = {"name": name, "outcome": "int", "arguments": types, "points": [], "samples": []}
    for arguments in sets:
        a = [exact(v) for v in arguments]
        first = arguments[0] if smallest is None else smallest(*arguments) if callable(smallest) else smallest
        table, total = [], mpf(0)
        for y in range(int(first), int(largest(*arguments)) + 1):
            total += mass(mpf(y), *a)
            table.append((y, total))
        for y in outcomes:
            if y < first or y > largest(*arguments):
                continue
            point = {"y": y, "arguments": list(arguments), "log_density": number(log(mass(mpf(y), *a)))}
            if name in with_functions:
                value = dict(table)[y]
                point.update(
                    log_cdf=log_or_none(value), log_ccdf=log_or_none(1 - value) if 1 - value > mpf(10) ** -30 else None
                )
            entry["points"].append(point)
        edges, probabilities, before = [], [], mpf(0)
        for y, cumulative in table:  # bins of at least 3%
            if cumulative - before >= 0.03 and 1 - cumulative >= 0.03:
                edges.append(y)
                probabilities.append(number(cumulative - before))
                before = cumulative
        probabilities.append(number(1 - before))
        if edges:
            entry["samples"].append({"arguments": list(arguments), "edges": edges, "probabilities": probabilities})
    result.append(entry)
print("[\n" + ",\n".join(json.dumps(entry) for entry in result) + "\n]")
