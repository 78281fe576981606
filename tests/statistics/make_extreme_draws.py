#!/usr/bin/env python3
"""Writes extreme_draws.json: what draws at extreme parameters, and from truncated distributions, should look like. For
each: bins with their probabilities (exact distribution functions, mpmath or SciPy), and mean, standard deviation and
kurtosis where a sample shows them.

Run by hand when a row is added (needs mpmath and SciPy): python3 make_extreme_draws.py > extreme_draws.json
"""

import json
import math
from mpmath import mp, mpf, erfc, exp, expm1, gammainc, betainc, inf, log, quad, sqrt, factorial, atan, pi
from scipy import stats

mp.dps = 40
BINS = 20
rows = []


def add(statement, outcome, edges, probabilities, moments=None, double_only=False):
    rows.append(
        {
            "statement": statement,
            "outcome": outcome,
            "edges": [float(e) for e in edges],
            "probabilities": [float(p) for p in probabilities],
            "moments": moments,
            "double_only": double_only,
        }
    )


def moments_of(d):
    mean, variance, excess = (float(v) for v in d.stats(moments="mvk"))
    if all(math.isfinite(v) for v in (mean, variance, excess)) and variance > 0 and excess < 30:
        return {"mean": mean, "sd": math.sqrt(variance), "kurtosis": excess + 3}
    return None


def continuous(statement, d, **more):
    add(statement, "real", [d.ppf(i / BINS) for i in range(1, BINS)], [1 / BINS] * BINS, moments_of(d), **more)


def discrete(statement, d, **more):
    edges, probabilities, before = [], [], 0.0
    for i in range(1, BINS):
        edge = d.ppf(i / BINS)
        if (edges and edge <= edges[-1]) or 1 - d.cdf(edge) < 1e-3:
            continue
        edges.append(edge)
        probabilities.append(d.cdf(edge) - before)
        before = d.cdf(edge)
    if not edges:  # nearly all the mass lies on one value
        edges, probabilities = [d.ppf(0.5)], [d.cdf(d.ppf(0.5))]
    probabilities.append(1 - sum(probabilities))
    add(statement, "int", edges, probabilities, moments_of(d), **more)


# ---- extreme parameters
continuous("normal(0, 1e-30)", stats.norm(0, 1e-30))
continuous("normal(-3e30, 1e30)", stats.norm(-3e30, 1e30))
continuous("normal(1e8, 1e-3)", stats.norm(1e8, 1e-3), double_only=True)
continuous("gamma(0.02, 1)", stats.gamma(0.02), double_only=True)
continuous("gamma(0.2, 1e-20)", stats.gamma(0.2, scale=1e20))
continuous("gamma(1000000, 1000)", stats.gamma(1e6, scale=1e-3))
continuous("gamma(1e12, 1)", stats.gamma(1e12), double_only=True)
continuous("gamma(3, 1e30)", stats.gamma(3, scale=1e-30))
continuous("inv_gamma(0.03, 1)", stats.invgamma(0.03), double_only=True)
continuous("inv_gamma(1000000, 1)", stats.invgamma(1e6))
continuous("chi_square(0.05)", stats.chi2(0.05), double_only=True)
continuous("chi_square(1e6)", stats.chi2(1e6))
continuous("beta(0.02, 0.02)", stats.beta(0.02, 0.02))
# Half of the draws are nearer to 1 than a number can be.
rows[-1].update(edges=rows[-1]["edges"][:10], probabilities=[1 / BINS] * 10 + [0.5])
continuous("beta(0.02, 3)", stats.beta(0.02, 3))
continuous("beta(1e6, 1e6)", stats.beta(1e6, 1e6))
continuous("beta(1e12, 3e12)", stats.norm(0.25, math.sqrt(0.25 * 0.75 / 4e12)), double_only=True)
continuous("beta(0.5, 1e8)", stats.beta(0.5, 1e8))
continuous("student_t(0.1, 0, 1)", stats.t(0.1))
continuous("student_t(1e8, 2, 3)", stats.norm(2, 3))
continuous("student_t(1e20, 2, 3)", stats.norm(2, 3))
continuous("cauchy(0, 1e20)", stats.cauchy(0, 1e20))
continuous("cauchy(0, 1e-20)", stats.cauchy(0, 1e-20))
continuous("lognormal(0, 25)", stats.lognorm(25))
continuous("lognormal(-75, 1)", stats.lognorm(1, scale=math.exp(-75)))
continuous("exponential(1e-30)", stats.expon(scale=1e30))
continuous("exponential(1e30)", stats.expon(scale=1e-30))
continuous("weibull(0.05, 1)", stats.weibull_min(0.05))
continuous("weibull(1000, 5)", stats.weibull_min(1000, scale=5))
continuous("logistic(0, 1e-20)", stats.logistic(0, 1e-20))
continuous("double_exponential(0, 1e20)", stats.laplace(0, 1e20))
continuous("uniform(-1e308, 1e308)", stats.uniform(-1, 2), double_only=True)
rows[-1]["edges"] = [e * 1e308 for e in rows[-1]["edges"]]
rows[-1]["moments"] = None
continuous("uniform(1000000, 1000001)", stats.uniform(1e6, 1), double_only=True)
continuous("uniform(0, 1e-30)", stats.uniform(0, 1e-30))
continuous("std_normal()", stats.norm())
continuous("inv_chi_square(0.05)", stats.invgamma(0.025, scale=0.5), double_only=True)
continuous("scaled_inv_chi_square(1e6, 3)", stats.invgamma(5e5, scale=4.5e6))
continuous("frechet(0.05, 1)", stats.invweibull(0.05))
continuous("gumbel(1e8, 1e-3)", stats.gumbel_r(1e8, 1e-3), double_only=True)
continuous("gumbel(0, 1e20)", stats.gumbel_r(0, 1e20))
continuous("loglogistic(1e10, 0.1)", stats.fisk(0.1, scale=1e10))
continuous("pareto(1, 0.05)", stats.pareto(0.05))
continuous("pareto(1e-20, 30)", stats.pareto(30, scale=1e-20))
continuous("pareto_type_2(0, 1, 0.05)", stats.lomax(0.05))
continuous("pareto_type_2(0, 1, 1e9)", stats.expon(scale=1e-9))
continuous("rayleigh(1e-20)", stats.rayleigh(scale=1e-20))
continuous(
    "skew_double_exponential(0, 1, 1e-3)",
    stats.laplace_asymmetric(math.sqrt(1e-3 / 0.999), scale=1 / (2 * math.sqrt(1e-3 * 0.999))),
)
continuous("skew_normal(0, 1, 1e12)", stats.halfnorm())
continuous("skew_normal(3, 0.1, -4)", stats.skewnorm(-4, 3, 0.1))
continuous("exp_mod_normal(0, 1, 1e-6)", stats.expon(scale=1e6))
continuous("exp_mod_normal(2, 3, 1e6)", stats.norm(2, 3))
continuous("beta_proportion(0.001, 0.5)", stats.beta(0.0005, 0.4995), double_only=True)
continuous("beta_proportion(0.25, 1e8)", stats.beta(0.25e8, 0.75e8))
continuous("von_mises(1, 1e12)", stats.norm(1, 1e-6), double_only=True)
continuous("von_mises(0.5, 1e5)", stats.norm(0.5, math.sqrt(1e-5)))
for rate in ["1e-3", "9.999999", "1e7", "1e9"]:
    discrete(f"poisson({rate})", stats.poisson(float(rate)))
discrete("poisson_log(20.5)", stats.poisson(math.exp(20.5)), double_only=True)
discrete("poisson_log(14.25)", stats.poisson(math.exp(14.25)))
discrete("poisson_log(-6)", stats.poisson(math.exp(-6)))
discrete("binomial(2000000000, 1e-9)", stats.binom(2000000000, 1e-9))
discrete("binomial(2147483647, 0.5)", stats.binom(2147483647, 0.5))
discrete("binomial(1000000, 0.999)", stats.binom(1000000, 0.999), double_only=True)
discrete("binomial(1000000, 0.001)", stats.binom(1000000, 0.001))
discrete("binomial_logit(1000000000, -18)", stats.binom(1000000000, 1 / (1 + math.exp(18))))
discrete("neg_binomial_2(3, 1e15)", stats.poisson(3))
discrete("neg_binomial_2(1e8, 1e8)", stats.norm(1e8, math.sqrt(2e8)))
discrete("neg_binomial_2(1e4, 0.5)", stats.nbinom(0.5, 0.5 / 10000.5))
discrete("neg_binomial_2(0.5, 1e-2)", stats.nbinom(0.01, 0.01 / 0.51))
discrete("neg_binomial_2_log(1.1, 1e15)", stats.poisson(math.exp(1.1)))
discrete("neg_binomial_2_log(-2, 0.05)", stats.nbinom(0.05, 0.05 / (0.05 + math.exp(-2))))
discrete("neg_binomial(3e15, 1e15)", stats.poisson(3))
discrete("neg_binomial(0.01, 0.02)", stats.nbinom(0.01, 0.02 / 1.02))
discrete("hypergeometric(1000000, 3000000, 5000000)", stats.hypergeom(8000000, 3000000, 1000000))
discrete("hypergeometric(20, 100000000, 100000000)", stats.binom(20, 0.5))
discrete(
    "ordered_logistic(40, [39, 1000]')",
    stats.rv_discrete(values=([1, 2], [1 / (1 + math.exp(1)), 1 / (1 + math.exp(-1))])),
)
discrete(
    "ordered_probit(-8, [-8.5, -7.5]')",
    stats.rv_discrete(values=([1, 2, 3], [stats.norm.cdf(-0.5), 1 - 2 * stats.norm.cdf(-0.5), stats.norm.cdf(-0.5)])),
)
discrete("beta_binomial(1000, 0.05, 0.05)", stats.betabinom(1000, 0.05, 0.05))
discrete("beta_binomial(2147483647, 5, 5)", stats.beta(5, 5, scale=2147483647))
discrete("beta_binomial(20, 1e15, 1e15)", stats.binom(20, 0.5))
discrete("bernoulli(1e-2)", stats.bernoulli(1e-2))
discrete("bernoulli_logit(-4)", stats.bernoulli(1 / (1 + math.exp(4))))
discrete("discrete_range(-2147483647, 2147483647)", stats.uniform(-2147483647, 2 * 2147483647))
discrete("discrete_range(2147483638, 2147483647)", stats.randint(2147483638, 2147483648))
discrete("categorical([0.25, 0.25, 0.5, 0]')", stats.rv_discrete(values=([1, 2, 3, 4], [0.25, 0.25, 0.5, 0])))
share = 1 / (1 + math.exp(1))
discrete("categorical_logit([-1000, 1000, 1001]')", stats.rv_discrete(values=([1, 2, 3], [0, share, 1 - share])))


# ---- truncation: the distribution function, exact in both tails, and the density
def normal_tails(m, s):
    return (
        lambda y: erfc(-(y - m) / s / sqrt(2)) / 2,
        lambda y: erfc((y - m) / s / sqrt(2)) / 2,
        lambda y: exp(-(((y - m) / s) ** 2) / 2) / (s * sqrt(2 * pi)),
    )


def gamma_tails(a, b):
    return (
        lambda y: gammainc(a, 0, b * y, regularized=True) if y > 0 else mpf(0),
        lambda y: gammainc(a, b * y, inf, regularized=True) if y > 0 else mpf(1),
        lambda y: exp(a * log(b) - mp.loggamma(a) + (a - 1) * log(y) - b * y),
    )


def beta_tails(a, b):
    return (
        lambda y: betainc(a, b, 0, y, regularized=True),
        lambda y: betainc(b, a, 0, 1 - y, regularized=True),
        lambda y: y ** (a - 1) * (1 - y) ** (b - 1) / mp.beta(a, b),
    )


def student_tails(nu, m, s):
    def tail(z):
        part = betainc(nu / 2, mpf(1) / 2, 0, nu / (nu + z * z), regularized=True) / 2
        return part if z > 0 else 1 - part

    return (
        lambda y: tail(-(y - m) / s),
        lambda y: tail((y - m) / s),
        lambda y: exp(mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2))
        / sqrt(nu * pi)
        / s
        * (1 + ((y - m) / s) ** 2 / nu) ** (-(nu + 1) / 2),
    )


def exponential_tails(b):
    return lambda y: -expm1(-b * y), lambda y: exp(-b * y), lambda y: b * exp(-b * y)


def lognormal_tails(m, s):
    cdf, ccdf, density = normal_tails(m, s)
    return lambda y: cdf(log(y)), lambda y: ccdf(log(y)), lambda y: density(log(y)) / y


def cauchy_tails(m, s):
    return (
        lambda y: mp.atan2(1, -(y - m) / s) / pi,
        lambda y: mp.atan2(1, (y - m) / s) / pi,
        lambda y: 1 / (pi * s * (1 + ((y - m) / s) ** 2)),
    )


def logistic_tails(m, s):
    return (
        lambda y: 1 / (1 + exp(-(y - m) / s)),
        lambda y: 1 / (1 + exp((y - m) / s)),
        lambda y: exp(-(y - m) / s) / (s * (1 + exp(-(y - m) / s)) ** 2),
    )


def laplace_tails(m, s):
    half = lambda z: exp(z) / 2 if z < 0 else 1 - exp(-z) / 2
    return lambda y: half((y - m) / s), lambda y: half((m - y) / s), lambda y: exp(-abs(y - m) / s) / (2 * s)


def weibull_tails(a, s):
    return (
        lambda y: -expm1(-((y / s) ** a)),
        lambda y: exp(-((y / s) ** a)),
        lambda y: a / s * (y / s) ** (a - 1) * exp(-((y / s) ** a)),
    )


def inv_gamma_tails(a, b):
    cdf, ccdf, density = gamma_tails(a, b)
    return lambda y: ccdf(1 / y), lambda y: cdf(1 / y), lambda y: density(1 / y) / y**2


def uniform_tails(a, b):
    return lambda y: (y - a) / (b - a), lambda y: (b - y) / (b - a), lambda y: 1 / (b - a)


def truncated(name, arguments, lower, upper, tails, scale, double_only=False):
    """`scale`: about how far from the finite bound the mass reaches."""
    positive = name in ("lognormal", "exponential", "gamma", "inv_gamma", "chi_square", "weibull", "beta", "frechet")
    a = [mpf(v) for v in arguments]
    cdf, ccdf, density = tails(*a)
    low = mpf(lower) if lower is not None else None
    high = mpf(upper) if upper is not None else None
    upper_side = low is not None and cdf(low) > 0.5
    if upper_side:
        from_low, to_high = ccdf(low), ccdf(high) if high is not None else mpf(0)
        within = lambda y: (from_low - ccdf(y)) / (from_low - to_high)
        mass = from_low - to_high
    else:
        from_low, to_high = cdf(low) if low is not None else mpf(0), cdf(high) if high is not None else mpf(1)
        within = lambda y: (cdf(y) - from_low) / (to_high - from_low)
        mass = to_high - from_low
    left = low if low is not None else mpf(10) ** -30 if positive else high - scale
    while low is None and not positive and within(left) > mpf(10) ** -12:
        left -= scale
    right = high if high is not None else low + scale
    while high is None and 1 - within(right) > mpf(10) ** -12:
        right += scale
    edges = []
    for i in range(1, BINS):
        a0, b0 = left, right
        for _ in range(70):
            middle = (a0 + b0) / 2
            a0, b0 = (middle, b0) if within(middle) < mpf(i) / BINS else (a0, middle)
        edges.append((a0 + b0) / 2)
    pieces = [left] + edges + [right]
    moment = lambda power, about: quad(lambda y: (y - about) ** power * density(y), pieces) / mass
    mean = edges[BINS // 2] + moment(1, edges[BINS // 2])
    variance = moment(2, mean)
    kurtosis = moment(4, mean) / variance**2
    moments = {"mean": float(mean), "sd": float(sqrt(variance)), "kurtosis": float(kurtosis)} if kurtosis < 30 else None
    bound = lambda v: "" if v is None else f"{v}"
    add(
        f"{name}({', '.join(str(v) for v in arguments)}) T[{bound(lower)}, {bound(upper)}]",
        "real",
        edges,
        [1 / BINS] * BINS,
        moments,
        double_only,
    )


mp.dps = 60
truncated("normal", (-9, 1), 0, 5, normal_tails, 0.2)
truncated("normal", (-30, 1), 0, None, normal_tails, 0.05)
truncated("normal", (-30, 0.5), 0, 5, normal_tails, 0.02)
truncated("normal", (40, 2), None, 1, normal_tails, 0.2)
truncated("normal", (0, 1), 1.5, 1.5001, normal_tails, 1)
truncated("normal", (0, 1), -0.5, 0.75, normal_tails, 1)
truncated("normal", (0, 1), -8, -6, normal_tails, 1)
truncated("normal", (1000, 0.01), None, 999, normal_tails, 0.0001, double_only=True)
truncated("student_t", (3, 0, 1), 50, None, student_tails, 20)
truncated("student_t", (30, 0, 1), None, -12, student_tails, 1)
truncated("student_t", (4, -100, 1), 0, 3, student_tails, 1)
truncated("cauchy", (0, 1), 1000, 5000, cauchy_tails, 100)
truncated("cauchy", (0, 1), -5000, -1000, cauchy_tails, 100)
truncated("lognormal", (0, 0.5), 60, None, lognormal_tails, 1)
truncated("lognormal", (0, 0.5), None, 0.01, lognormal_tails, 0.0005)
truncated("exponential", (1,), 100, None, exponential_tails, 1)
truncated("exponential", (0.001,), None, 0.01, exponential_tails, 1)
truncated("gamma", (2, 1), 60, None, gamma_tails, 1)
truncated("gamma", (50, 1), None, 4, gamma_tails, 0.1)
truncated("gamma", (50, 1), 200, 210, gamma_tails, 1)
truncated("inv_gamma", (20, 1), 1, None, inv_gamma_tails, 0.05)
truncated("inv_gamma", (2, 1), None, 0.01, inv_gamma_tails, 0.0001)
truncated("beta", (2, 50), 0.8, 0.9, beta_tails, 0.1)
truncated("beta", (50, 2), None, 0.1, beta_tails, 0.01)
truncated("logistic", (0, 1), 60, None, logistic_tails, 1)
truncated("logistic", (0, 1), -80, -60, logistic_tails, 1)
truncated("double_exponential", (0, 1), 60, 61, laplace_tails, 1)
truncated("double_exponential", (0, 1), None, -60, laplace_tails, 1)
truncated("weibull", (3, 1), 4, None, weibull_tails, 0.02)
truncated("weibull", (3, 1), None, 0.01, weibull_tails, 0.001)
truncated("chi_square", (4,), 120, None, lambda n: gamma_tails(n / 2, mpf(1) / 2), 2)
truncated("uniform", (0, 1), 0.4, 0.4001, uniform_tails, 1)


truncated(
    "frechet",
    (3, 1),
    None,
    0.2,
    lambda a, s: (
        lambda y: exp(-((y / s) ** -a)),
        lambda y: -expm1(-((y / s) ** -a)),
        lambda y: a / s * (y / s) ** (-1 - a) * exp(-((y / s) ** -a)),
    ),
    0.01,
)
truncated(
    "gumbel",
    (0, 1),
    None,
    -4,
    lambda m, b: (
        lambda y: exp(-exp(-(y - m) / b)),
        lambda y: -expm1(-exp(-(y - m) / b)),
        lambda y: exp(-(y - m) / b - exp(-(y - m) / b)) / b,
    ),
    0.1,
)
truncated(
    "rayleigh",
    (1,),
    12,
    None,
    lambda s: (
        lambda y: -expm1(-((y / s) ** 2) / 2),
        lambda y: exp(-((y / s) ** 2) / 2),
        lambda y: y / s**2 * exp(-((y / s) ** 2) / 2),
    ),
    0.1,
)
truncated(
    "loglogistic",
    (1, 4),
    50,
    None,
    lambda a, b: (
        lambda y: 1 / (1 + (y / a) ** -b),
        lambda y: 1 / (1 + (y / a) ** b),
        lambda y: b / a * (y / a) ** (b - 1) / (1 + (y / a) ** b) ** 2,
    ),
    200,
)
truncated(
    "pareto_type_2",
    (1, 2, 6),
    300,
    900,
    lambda m, l, a: (
        lambda y: 1 - (1 + (y - m) / l) ** -a,
        lambda y: (1 + (y - m) / l) ** -a,
        lambda y: a / l * (1 + (y - m) / l) ** (-a - 1),
    ),
    100,
)


def truncated_counts(name, arguments, lower, upper, mass, double_only=False):
    a = [mpf(v) for v in arguments]
    first = lower if lower is not None else 0
    weights, values, y = [], [], first
    while upper is None or y <= upper:
        weights.append(mass(mpf(y), *a))
        values.append(y)
        if (
            upper is None
            and len(weights) > 2
            and weights[-1] < weights[-2]
            and weights[-1] < mpf(10) ** -14 * sum(weights)
        ):
            break
        y += 1
    total = sum(weights)
    share = [w / total for w in weights]
    mean = sum(v * w for v, w in zip(values, share))
    variance = sum((v - mean) ** 2 * w for v, w in zip(values, share))
    fourth = sum((v - mean) ** 4 * w for v, w in zip(values, share))
    edges, probabilities, before, cumulative = [], [], mpf(0), mpf(0)
    for v, w in zip(values, share):
        cumulative += w
        if cumulative - before >= 0.03 and 1 - cumulative >= 0.001:
            edges.append(v)
            probabilities.append(cumulative - before)
            before = cumulative
    probabilities.append(1 - before)
    moments = None
    if variance > 1e-3 and fourth / variance**2 < 30:
        moments = {"mean": float(mean), "sd": float(sqrt(variance)), "kurtosis": float(fourth / variance**2)}
    bound = lambda v: "" if v is None else f"{v}"
    add(
        f"{name}({', '.join(str(v) for v in arguments)}) T[{bound(lower)}, {bound(upper)}]",
        "int",
        edges or [values[0]],
        probabilities if edges else [share[0], 1 - share[0]],
        moments,
        double_only,
    )


poisson = lambda y, r: exp(y * log(r) - r - mp.loggamma(y + 1))
binomial = lambda y, n, p: exp(
    mp.loggamma(n + 1) - mp.loggamma(y + 1) - mp.loggamma(n - y + 1) + y * log(p) + (n - y) * mp.log1p(-p)
)
neg_binomial = lambda y, m, f: exp(
    mp.loggamma(y + f) - mp.loggamma(f) - mp.loggamma(y + 1) + y * log(m / (m + f)) + f * log(f / (m + f))
)
beta_binomial = lambda y, n, a, b: exp(
    mp.loggamma(n + 1)
    - mp.loggamma(y + 1)
    - mp.loggamma(n - y + 1)
    + mp.loggamma(y + a)
    + mp.loggamma(n - y + b)
    - mp.loggamma(n + a + b)
    + mp.loggamma(a + b)
    - mp.loggamma(a)
    - mp.loggamma(b)
)
truncated_counts("poisson", (0.01,), 1, None, poisson)
truncated_counts("poisson", (0.0001,), 1, None, poisson)
truncated_counts("poisson", (2,), 30, 40, poisson)
truncated_counts("poisson", (300,), None, 100, poisson)
truncated_counts("poisson", (5,), 2, 9, poisson)
truncated_counts("poisson_log", (0.7,), 30, 40, lambda y, a: poisson(y, exp(a)))
truncated_counts("binomial_logit", (1000, -4.5), 60, None, lambda y, n, a: binomial(y, n, 1 / (1 + exp(-a))))
truncated_counts("neg_binomial", (3, 1.5), 60, None, lambda y, a, b: neg_binomial(y, a / b, a))
truncated_counts("binomial", (1000, 0.01), 60, None, binomial)
truncated_counts("binomial", (1000, 0.9), None, 700, binomial)
truncated_counts("neg_binomial_2", (2, 3), 60, None, neg_binomial)
truncated_counts("neg_binomial_2", (500, 30), None, 100, neg_binomial)
truncated_counts("neg_binomial_2_log", (0.7, 3), 60, None, lambda y, e, f: neg_binomial(y, exp(e), f))
truncated_counts("beta_binomial", (200, 3, 50), 120, 150, beta_binomial)
truncated_counts("discrete_range", (1, 1000), 990, 999, lambda y, a, b: mpf(1))

print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
