#!/usr/bin/env python3
"""Writes extreme_densities.json: log densities with their gradients where the plain formulas lose digits: large shapes,
precisions, degrees of freedom and counts, and truncation far out in the tails. In 50 to 80 digits by mpmath; gradients
by differences in as many.

Run by hand when a row is added (needs mpmath): python3 make_extreme_references.py > extreme_densities.json
"""

import json
from mpmath import atan2, betainc, erfc, exp, expm1, fsum, gammainc, inf, log, log1p, loggamma, mp, mpf, pi, quad, sqrt

mp.dps = 70
rows = []


def derivative(f, x):
    step = (abs(x) + mpf(10) ** -10) * mpf(10) ** -(mp.dps // 3)
    # Fourth order: with a third of the digits as step, more than half of them are right.
    return (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / (12 * step)


def add(name, outcome, y, whole, given, log_density, bounds=(None, None)):
    """`whole`: integer arguments, which come first; `given`: the real ones; log_density(y, *whole, *given)."""
    a = [mpf(v) for v in given]
    value = log_density(mpf(y), *whole, *a)
    gradient = []
    if outcome == "real":
        gradient.append(derivative(lambda v: log_density(v, *whole, *a), mpf(y)))
    for i in range(len(a)):
        gradient.append(derivative(lambda v: log_density(mpf(y), *whole, *a[:i], v, *a[i + 1 :]), a[i]))
    rows.append(
        {
            "name": name,
            "outcome": outcome,
            "y": float(y),
            "whole": list(whole),
            "given": [float(v) for v in given],
            "lower": bounds[0],
            "upper": bounds[1],
            "log_density": float(value),
            "gradient": [float(g) for g in gradient],
        }
    )


# ---- log densities, from their definitions
def normal(y, m, s):
    return -(((y - m) / s) ** 2) / 2 - log(s) - log(2 * pi) / 2


def student_t(y, n, m, s):
    return (
        loggamma((n + 1) / 2) - loggamma(n / 2) - log(n * pi) / 2 - log(s) - (n + 1) / 2 * log1p(((y - m) / s) ** 2 / n)
    )


def gamma(y, a, b):
    return a * log(b) - loggamma(a) + (a - 1) * log(y) - b * y


def inv_gamma(y, a, b):
    return a * log(b) - loggamma(a) - (a + 1) * log(y) - b / y


def chi_square(y, n):
    return gamma(y, n / 2, mpf(1) / 2)


def beta(y, a, b):
    return (a - 1) * log(y) + (b - 1) * log1p(-y) - loggamma(a) - loggamma(b) + loggamma(a + b)


def log_choose(n, k):
    return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)


def binomial(y, n, p):
    return log_choose(n, y) + y * log(p) + (n - y) * log1p(-p)


def binomial_logit(y, n, a):
    return log_choose(n, y) - y * log1p(exp(-a)) - (n - y) * log1p(exp(a))


def poisson(y, r):
    return y * log(r) - r - loggamma(y + 1)


def poisson_log(y, a):
    return y * a - exp(a) - loggamma(y + 1)


def neg_binomial_2(y, m, f):
    return loggamma(y + f) - loggamma(y + 1) - loggamma(f) + y * log(m / (m + f)) + f * log(f / (m + f))


def beta_binomial(y, n, a, b):
    return (
        log_choose(n, y)
        + loggamma(y + a)
        + loggamma(n - y + b)
        - loggamma(n + a + b)
        + loggamma(a + b)
        - loggamma(a)
        - loggamma(b)
    )


for y, m, f in [
    (10, 8, 1e5),
    (10, 8, 1e10),
    (10, 8, 1e15),
    (10, 8, 1e25),
    (0, 8, 1e15),
    (3, 1e-3, 1e12),
    (1000000, 1000500, 1e3),
    (1000000, 1000500, 1e20),
    (2000000000, 1999990000, 1e18),
    (5, 1e8, 2),
    (700, 3, 0.2),
    (10, 8, 1e-3),
    (1, 1e6, 1e9),
]:
    add("neg_binomial_2", "int", y, [], [m, f], neg_binomial_2)
for y, e, f in [
    (10, 2.1, 1e5),
    (10, 2.1, 1e15),
    (10, 2.1, 1e25),
    (0, 2.1, 1e15),
    (3, -30, 1e12),
    (1000000, 13.816, 1e3),
    (1000000, 13.816, 1e20),
    (5, 800, 2),
    (700, 1.1, 0.2),
]:
    add("neg_binomial_2_log", "int", y, [], [e, f], lambda y, e, f: neg_binomial_2(y, exp(e), f))
for y, n, m, s in [
    (1.3, 1e4, 0, 1),
    (1.3, 1e8, 0, 1),
    (-2, 1e15, 1, 0.5),
    (7, 1e25, 0, 2),
    (30, 1e6, 0, 1),
    (2000, 1e5, 0, 1),
    (0.1, 999, 0, 1),
    (0.1, 1001, 0, 1),
    (1e9, 3, 0, 1),
    (3, 0.01, 0, 1),
]:
    add("student_t", "real", y, [], [n, m, s], student_t)
for a in [999, 1001, 1e6, 1e10, 1e15]:
    for shift in [0.5, -3, 30]:
        y = float((mpf(a) + mpf(shift) * sqrt(mpf(a))) / 7)
        add("gamma", "real", y, [], [a, 7], gamma)
    add("inv_gamma", "real", float(7 / (mpf(a) - sqrt(mpf(a)))), [], [a, 7], inv_gamma)
    add("chi_square", "real", float(2 * (mpf(a) + sqrt(mpf(a)))), [], [2 * a], chi_square)
add("gamma", "real", 1e-3, [], [5e3, 2], gamma)
add("gamma", "real", 1e-5, [], [1e-6, 2], gamma)
for y, a, b in [
    (0.5, 499, 499),
    (0.5, 501, 501),
    (0.5000003, 1e12, 1e12),
    (1e-9, 3, 3e9),
    (0.25, 1e10, 3e10),
    (0.999, 5e4, 50),
    (0.01, 1e3, 1e5),
]:
    add("beta", "real", y, [], [a, b], beta)
for y, n, p in [
    (500000, 1000000, 0.4995),
    (3, 2000000000, 1e-9),
    (1000000000, 2000000000, 0.50001),
    (0, 1000000, 1e-7),
    (1000000, 1000000, 0.9999999),
    (999, 1000, 0.5),
    (999999990, 1000000000, 0.99999998),
]:
    add("binomial", "int", y, [n], [p], binomial)
for y, n, a in [(500000, 1000000, -0.002), (3, 2000000000, -20.5), (1000000000, 2000000000, 1e-4), (0, 1000000, -16)]:
    add("binomial_logit", "int", y, [n], [a], binomial_logit)
for y, r in [(999, 1000.5), (1000, 1000.5), (1000000, 1001000), (2000000000, 1999960000), (3, 1e6), (5000, 1e-2)]:
    add("poisson", "int", y, [], [r], poisson)
for y, a in [(1000, 6.9), (1000000, 13.8), (2000000000, 21.4164), (3, 12)]:
    add("poisson_log", "int", y, [], [a], poisson_log)
for y, n, a, b in [
    (7, 20, 1e5, 2e5),
    (7, 20, 1e15, 2e15),
    (7, 20, 1e25, 1e25),
    (0, 20, 1e12, 1e12),
    (20, 20, 1e12, 1e3),
    (400000, 1000000, 1e9, 1.5e9),
    (400, 1000, 0.3, 0.2),
    (7, 20, 1e12, 3),
]:
    add("beta_binomial", "int", y, [n], [a, b], beta_binomial)


# ---- truncation: both tails exact
def by_tails(log_density, tails):
    """The truncated log density, by that tail in which the difference does not cancel."""

    def of(low, high, discrete=False):
        def value(y, *a):
            cdf, ccdf = tails(*a)
            from_low = None if low is None else mpf(low) - (1 if discrete else 0)
            if from_low is not None and (high is None or cdf(from_low) > 0.5):
                mass = ccdf(from_low) - (ccdf(mpf(high)) if high is not None else 0)
            else:
                mass = cdf(mpf(high)) - (cdf(from_low) if from_low is not None else 0)
            return log_density(y, *a) - log(mass)

        return value

    return of


def normal_tails(m, s):
    return lambda y: erfc(-(y - m) / s / sqrt(2)) / 2, lambda y: erfc((y - m) / s / sqrt(2)) / 2


def lognormal(y, m, s):
    return normal(log(y), m, s) - log(y)


def lognormal_tails(m, s):
    cdf, ccdf = normal_tails(m, s)
    return lambda y: cdf(log(y)), lambda y: ccdf(log(y))


def quadrature_tails(log_density, scale_of):
    """Upper and lower tails by integrating the density over pieces that grow."""

    def tails(*a):
        scale = scale_of(*a)

        def ray(y, sign):
            edges = [y + sign * scale * mpf(2) ** k for k in range(-4, 12)]
            return abs(quad(lambda v: exp(log_density(v, *a)), [y] + edges + [sign * inf]))

        return lambda y: ray(y, -1), lambda y: ray(y, 1)

    return tails


def student_tails(n, m, s):
    def upper(z):
        part = betainc(n / 2, mpf(1) / 2, 0, n / (n + z * z), regularized=True) / 2
        return part if z > 0 else 1 - part

    return lambda y: upper(-(y - m) / s), lambda y: upper((y - m) / s)


def gamma_tails(a, b):
    return (lambda y: gammainc(a, 0, b * y, regularized=True), lambda y: gammainc(a, b * y, inf, regularized=True))


def beta_tails(a, b):
    return lambda y: betainc(a, b, 0, y, regularized=True), lambda y: betainc(b, a, 0, 1 - y, regularized=True)


def cauchy(y, m, s):
    return -log(pi * s) - log1p(((y - m) / s) ** 2)


def logistic(y, m, s):
    return -(y - m) / s - log(s) - 2 * log1p(exp(-(y - m) / s))


def double_exponential(y, m, s):
    return -log(2 * s) - abs(y - m) / s


def laplace_cdf(z):
    return exp(z) / 2 if z < 0 else 1 - exp(-z) / 2


def weibull(y, a, s):
    return log(a / s) + (a - 1) * log(y / s) - (y / s) ** a


def exponential(y, b):
    return log(b) - b * y


def truncated(name, y, given, low, high, log_density, tails, outcome="real", whole=()):
    of = by_tails(log_density, tails)(low, high, outcome == "int")
    add(name, outcome, y, list(whole), list(given), of, (low, high))


mp.dps = 60
for m, s, low, high, y in [
    (-30, 0.5, 0, 5, 0.1),
    (-7, 1, 0, 5, 0.3),
    (-8, 1, 0, 5, 0.3),
    (-30, 1, 0, 5, 1),
    (30, 1, 0, 5, 4),
    (-1000, 1, 0, 5, 1e-3),
    (0, 1, -0.3, 0.2, 0.1),
    (0, 1, -9, 8, 1),
    (1e-3, 10, 0, 5, 2),
    (-40, 1, 0, None, 0.5),
    (40, 1, None, 0, -0.5),
    (0.3, 1, 2, 2.001, 2.0005),
]:
    truncated("normal", y, (m, s), low, high, normal, normal_tails)
for m, s, low, high, y in [(0, 0.25, 8, 20, 9), (0, 0.25, 0.01, 0.1, 0.09), (3, 0.1, 1, 4, 3.9), (-20, 1, 0.5, 3, 0.6)]:
    truncated("lognormal", y, (m, s), low, high, lognormal, lognormal_tails)
for a, b, low, high, y in [
    (2, 1, 60, 70, 61),
    (50, 1, 200, 210, 203),
    (50, 1, 0.5, 4, 3.5),
    (0.3, 2, 20, 30, 22),
    (900, 1, 1300, 1400, 1310),
    (2000, 1, 3000, 3100, 3010),
    (2000, 1, 1000, 1300, 1290),
    (2000, 1, 1950, 2010, 2000),
    (50000, 2, 24000, 24700, 24600),
]:
    truncated("gamma", y, (a, b), low, high, gamma, gamma_tails)
truncated("chi_square", 130, (4,), 120, 150, chi_square, lambda n: gamma_tails(n / 2, mpf(1) / 2))
truncated(
    "inv_gamma",
    1.5,
    (20, 1),
    1,
    3,
    inv_gamma,
    lambda a, b: tuple(reversed([(lambda y, t=t: t(1 / y)) for t in gamma_tails(a, b)])),
)
truncated(
    "inv_gamma",
    0.009,
    (2, 1),
    0.005,
    0.01,
    inv_gamma,
    lambda a, b: tuple(reversed([(lambda y, t=t: t(1 / y)) for t in gamma_tails(a, b)])),
)
for a, b, low, high, y in [
    (2, 50, 0.8, 0.9, 0.81),
    (50, 2, 0.05, 0.1, 0.09),
    (3, 4, 0.2, 0.7, 0.5),
    (3000, 2000, 0.7, 0.8, 0.71),
    (3000, 2000, 0.4, 0.5, 0.49),
    (3000, 2000, 0.59, 0.61, 0.6),
    (0.5, 3000, 0.01, 0.02, 0.011),
    (3000, 0.5, 0.5, 0.9, 0.89),
]:
    truncated("beta", y, (a, b), low, high, beta, beta_tails)
for m, s, low, high, y in [(0, 1, 1e6, 2e6, 1.1e6), (0, 1, -2e9, -1e9, -1.5e9), (0, 2, -3, 1, 0.5)]:
    truncated(
        "cauchy",
        y,
        (m, s),
        low,
        high,
        cauchy,
        lambda m, s: (lambda y: atan2(1, -(y - m) / s) / pi, lambda y: atan2(1, (y - m) / s) / pi),
    )
for low, high, y in [(60, 70, 61), (-70, -60, -61), (-1, 2, 0.5)]:
    truncated(
        "logistic",
        y,
        (0.1, 1.2),
        low,
        high,
        logistic,
        lambda m, s: (lambda y: 1 / (1 + exp(-(y - m) / s)), lambda y: 1 / (1 + exp((y - m) / s))),
    )
    truncated(
        "double_exponential",
        y,
        (0.1, 1.2),
        low,
        high,
        double_exponential,
        lambda m, s: (lambda y: laplace_cdf((y - m) / s), lambda y: laplace_cdf((m - y) / s)),
    )
truncated(
    "exponential", 100.5, (1.5,), 100, 120, exponential, lambda b: (lambda y: -expm1(-b * y), lambda y: exp(-b * y))
)
truncated(
    "exponential", 5e-7, (1.5,), 1e-7, 1e-6, exponential, lambda b: (lambda y: -expm1(-b * y), lambda y: exp(-b * y))
)
for low, high, y in [(4, 5, 4.1), (1e-3, 1e-2, 5e-3)]:
    truncated(
        "weibull",
        y,
        (3, 1.1),
        low,
        high,
        weibull,
        lambda a, s: (lambda y: -expm1(-((y / s) ** a)), lambda y: exp(-((y / s) ** a))),
    )
mp.dps = 50
for n, m, s, low, high, y in [
    (3, 0, 1, 50, 80, 51),
    (30, 0, 1, -20, -12, -13),
    (0.5, 0, 1, 1e4, 1e5, 2e4),
    (4, -100, 1, 0, 3, 1),
    (5, 0.2, 1, -0.5, 1, 0.1),
    (3000, 0, 1, 6, 8, 6.1),
    (1e5, 0, 1, -12, -9, -9.5),
    (1e7, 0, 1, 1, 3, 2),
    (4, 0.5, 1, 0.5, 4, 1),
]:
    truncated(
        "student_t",
        y,
        (n, m, s),
        low,
        high,
        student_t,
        student_tails if n < 1000 else quadrature_tails(student_t, lambda n, m, s: s / 4),
    )


def count_tails(log_mass, last):
    def tails(*a):
        mass = lambda k: exp(log_mass(mpf(k), *a))

        def upper(y):
            total, k = mpf(0), int(y) + 1
            while k <= last(*a):
                more = mass(k)
                total += more
                if more < total * mpf(10) ** -45 and k > int(y) + 5:
                    break
                k += 1
            return total

        return lambda y: fsum(mass(k) for k in range(0, int(y) + 1)), upper

    return tails


for r, low, high, y in [
    (2, 30, 40, 31),
    (300, 50, 100, 99),
    (1e-4, 1, 5, 1),
    (5, 2, 9, 4),
    (1500, 1700, 1800, 1710),
    (1500, 1200, 1300, 1290),
]:
    truncated("poisson", y, (r,), low, high, poisson, count_tails(poisson, lambda r: 10**9), "int")
for m, f, low, high, y in [(2, 3, 60, 80, 61), (500, 30, 50, 100, 90), (2, 1e12, 20, 30, 21)]:
    truncated(
        "neg_binomial_2", y, (m, f), low, high, neg_binomial_2, count_tails(neg_binomial_2, lambda m, f: 10**9), "int"
    )
for n, p, low, high, y in [(1000, 0.01, 60, 80, 61), (1000, 0.9, 600, 700, 690), (3000, 0.5, 1700, 1800, 1701)]:
    of = lambda low, high, n: by_tails(
        lambda y, p: binomial(y, n, p), count_tails(lambda y, p: binomial(y, n, p), lambda p: n)
    )(low, high, True)
    f = of(low, high, n)
    add("binomial", "int", y, [n], [p], lambda y, n, p, f=f: f(y, p), (low, high))

for n, a, b, low, high, y in [
    (30, 2, 3, 5, 12, 6),
    (200, 50, 3, 20, 60, 58),
    (200, 3, 50, 120, 150, 121),
    (50, 0.3, 0.2, 3, 40, 10),
]:
    mass = lambda y, a, b, n=n: beta_binomial(y, n, a, b)
    f = by_tails(mass, count_tails(mass, lambda a, b, n=n: n))(low, high, True)
    add("beta_binomial", "int", y, [n], [a, b], lambda y, n, a, b, f=f: f(y, a, b), (low, high))
truncated(
    "neg_binomial_2_log",
    61,
    (0.7, 3),
    60,
    80,
    lambda y, e, f: neg_binomial_2(y, exp(e), f),
    count_tails(lambda y, e, f: neg_binomial_2(y, exp(e), f), lambda e, f: 10**9),
    "int",
)

print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
