"""The benchmark's texts: what each simulates is that of the task's definition, which is written here once more, and
each can be trained on a fixed set of simulations and sampled.

usage: benchmarks.py SIBYL REPOSITORY
"""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from itertools import groupby
from pathlib import Path

SIBYL, REPOSITORY = (Path(argument).resolve() for argument in sys.argv[1:3])
BENCHMARKS = REPOSITORY / "examples" / "benchmarks"
WORK = tempfile.TemporaryDirectory()
FOLDER = Path(WORK.name)
os.environ["XDG_CACHE_HOME"] = str(FOLDER / "cache")
GLM = json.loads((BENCHMARKS / "bernoulli_glm.json").read_text())["X"]

# A design of slcp_distractors that is quick to write: one part, a scale of its own in each place, and an order.
PLACES = [1 + 37 * j % 100 for j in range(100)]
DISTRACTORS = {
    "parts": 1,
    "location": [[float(i) for i in range(92)]],
    "scale": [[[1.0 + 0.1 * i if i == j else 0.0 for j in range(92)] for i in range(92)]],
    "place": PLACES,
}


def sibyl(*arguments):
    done = subprocess.run([SIBYL, *map(str, arguments)], capture_output=True, text=True, cwd=FOLDER)
    assert done.returncode == 0, (arguments, done.stderr)
    return done


def column(rows, name):
    """A variable's numbers in the rows of one data set: those of `name` or name.1, name.2, ..., row by row."""
    keys = [key for key in rows[0] if key == name or key.startswith(name + ".")]
    return [float(row[key]) for row in rows for key in keys]


def residuals(values, means, sds):
    return [(value - mean) / sd for value, mean, sd in zip(values, means, sds)]


def runge_kutta(rates, state, time, steps):
    step = time / steps
    for _ in range(steps):

        def at(k, share):
            return [s + share * step * r for s, r in zip(state, k)]

        a = rates(state)
        b = rates(at(a, 0.5))
        c = rates(at(b, 0.5))
        d = rates(at(c, 1))
        state = [s + step / 6 * (p + 2 * q + 2 * r + t) for s, p, q, r, t in zip(state, a, b, c, d)]
    return state


# Of each task, what should have mean 0 and variance 1 in one data set.


def two_moons(theta, x):
    u = x[0] - 0.25 + abs(theta[0] + theta[1]) / math.sqrt(2), x[1] - (theta[1] - theta[0]) / math.sqrt(2)
    assert u[0] > 0
    return [(math.hypot(*u) - 0.1) / 0.01, math.atan2(u[1], u[0]) / (math.pi / math.sqrt(12))]


def gaussian_linear(theta, x):
    return residuals(x, theta, [math.sqrt(0.1)] * 10)


def gaussian_mixture(theta, x):
    far = [abs(a - b) for a, b in zip(theta, x)]
    # Nearly always both come from the same component: wide ones have both beyond .4 with probability .48.
    assert not (min(far) < 0.02 and max(far) > 8)
    return [(a - b) / math.sqrt(0.505) for a, b in zip(theta, x)]


def slcp_pairs(theta, pairs):
    s1, s2, rho = theta[2] ** 2, theta[3] ** 2, math.tanh(theta[4])
    found = []
    for x, y in pairs:
        a = (x - theta[0]) / math.sqrt(s1 * s1 + 1e-6)
        b = (y - theta[1]) / math.sqrt(s2 * s2 + 1e-6)
        found += [a, (b - rho * a) / math.sqrt(1 - rho * rho)]
    return found if min(s1, s2) > 0.05 and abs(rho) < 0.99 else []


def slcp(theta, x):  # column by column: a matrix of four rows
    return slcp_pairs(theta, zip(x[:4], x[4:]))


def slcp_distractors(theta, x):
    ordered = [0.0] * 100
    for value, place in zip(x, PLACES):
        ordered[place - 1] = value
    # The absolute value of a Student variable of two degrees of freedom is below 0.8165 in half of the cases.
    signs = [1 if abs(value - i) / (1 + 0.1 * i) < 0.816497 else -1 for i, value in enumerate(ordered[8:])]
    return slcp_pairs(theta, zip(ordered[0:8:2], ordered[1:8:2])) + signs[:1]


def spikes(theta):
    eta = [sum(t * value for t, value in zip(theta, row)) for row in GLM]
    return [1 / (1 + math.exp(-one)) for one in eta]


def bernoulli_glm_raw(theta, y):
    p = spikes(theta)
    return [(one - q) / math.sqrt(q * (1 - q)) for one, q in zip(y, p) if 0.05 < q < 0.95]


def bernoulli_glm(theta, x):
    p = spikes(theta)
    found = []
    for k, value in enumerate(x):
        mean = sum(q * row[k] for q, row in zip(p, GLM))
        variance = sum(q * (1 - q) * row[k] ** 2 for q, row in zip(p, GLM))
        found += [(value - mean) / math.sqrt(variance)] if variance > 1 else []
    return found


def sir(theta, x):
    beta, gamma = theta
    state, found = [1e6 - 1.0, 1.0], []
    for value in x[1:]:
        state = runge_kutta(
            lambda s: [-beta * s[0] * s[1] / 1e6, beta * s[0] * s[1] / 1e6 - gamma * s[1]], state, 17, 60
        )
        p = state[1] / 1e6
        found += [(value - 1000 * p) / math.sqrt(1000 * p * (1 - p))] if 0.02 < p < 0.98 else []
    return found


def lotka_volterra(theta, x):
    alpha, beta, gamma, delta = theta
    state = [30.0, 1.0]
    found = [math.log(x[0] / state[0]) / 0.1, math.log(x[10] / state[1]) / 0.1]
    for i in range(1, 10):
        state = runge_kutta(lambda s: [s[0] * (alpha - beta * s[1]), s[1] * (delta * s[0] - gamma)], state, 2.1, 200)
        found += [math.log(x[i] / state[0]) / 0.1, math.log(x[i + 10] / state[1]) / 0.1]
    return found


# Prior means and variances of the first parameter.
UNIFORM = {1: (0, 1 / 3), 3: (0, 3), 10: (0, 100 / 3)}
TASKS = {
    "two_moons": (two_moons, UNIFORM[1]),
    "gaussian_linear": (gaussian_linear, (0, 0.1)),
    "gaussian_linear_uniform": (gaussian_linear, UNIFORM[1]),
    "gaussian_mixture": (gaussian_mixture, UNIFORM[10]),
    "slcp": (slcp, UNIFORM[3]),
    "slcp_distractors": (slcp_distractors, UNIFORM[3]),
    "bernoulli_glm_raw": (bernoulli_glm_raw, (0, 2)),
    "bernoulli_glm": (bernoulli_glm, (0, 2)),
    "sir": (sir, (0.4 * math.exp(0.125), 0.16 * math.exp(0.25) * (math.exp(0.25) - 1))),
    "lotka_volterra": (lotka_volterra, (1, math.exp(0.25) - 1)),
}


def design_of(task):
    if task == "slcp_distractors":
        (FOLDER / "distractors.json").write_text(json.dumps(DISTRACTORS))
        return ["--design", "distractors.json"]
    return ["--design", BENCHMARKS / "bernoulli_glm.json"] if task.startswith("bernoulli_glm") else []


class Benchmarks(unittest.TestCase):
    def test_every_text_is_here(self):
        self.assertEqual(sorted(path.stem for path in BENCHMARKS.glob("*.sib")), sorted(TASKS))

    # Means within five standard errors: with fixed seeds, and a false-alarm rate of 1e-5 for all of them if they were
    # not.
    def test_texts_simulate_what_the_tasks_define(self):
        for task, (expected, (mean, variance)) in TASKS.items():
            with self.subTest(task):
                count = 40 if task == "slcp_distractors" else 300
                sibyl(
                    "simulate",
                    BENCHMARKS / f"{task}.sib",
                    "-n",
                    count,
                    "-o",
                    f"{task}.csv",
                    "--truth",
                    "truth.csv",
                    *design_of(task),
                )
                with (FOLDER / f"{task}.csv").open(newline="") as lines:
                    sets = [list(rows) for _, rows in groupby(csv.DictReader(lines), lambda row: row["set"])]
                with (FOLDER / "truth.csv").open(newline="") as lines:
                    truth = [
                        [float(value) for key, value in row.items() if key != "set"] for row in csv.DictReader(lines)
                    ]
                self.assertEqual((len(sets), len(truth)), (count, count))
                found = [
                    expected(t, column(rows, "y" if task == "bernoulli_glm_raw" else "x"))
                    for t, rows in zip(truth, sets)
                ]
                # A data set's residuals may depend on each other: those of one place are independent.
                means = [sum(one) / len(one) for one in found if one]
                squares = [sum(value * value for value in one) / len(one) for one in found if one]
                first = [(t[0] - mean) / math.sqrt(variance) for t in truth]
                for values, wanted in ((means, 0), (squares, 1), (first, 0), ([v * v for v in first], 1)):
                    middle = sum(values) / len(values)
                    error = math.sqrt(sum((v - middle) ** 2 for v in values)) / len(values)
                    self.assertLess(abs(middle - wanted), 5 * error + 1e-12)
                    self.assertGreater(len(values), count / 4)

    def test_texts_are_trained_and_sampled(self):
        for task in TASKS:
            with self.subTest(task):
                sibyl("simulate", BENCHMARKS / f"{task}.sib", "-n", 1, "-o", "one.csv", *design_of(task))
                sibyl(
                    "train",
                    BENCHMARKS / f"{task}.sib",
                    "--sims",
                    100,
                    "--steps",
                    10,
                    "--time",
                    "1s",
                    "-o",
                    "one.sibyl",
                    *design_of(task),
                )
                sibyl("sample", "one.sibyl", "one.csv", "--by", "set", "-n", 100, "-o", "draws.csv")
                with (FOLDER / "draws.csv").open(newline="") as lines:
                    draws = list(csv.DictReader(lines))
                self.assertEqual(len(draws), 100)
                self.assertTrue(all(math.isfinite(float(value)) for row in draws for value in row.values()))

    # What a design makes of it, too: a scale whose diagonal had negative elements could be drawn from, and no more.
    def test_the_shipped_design_has_a_finite_density(self):
        text = BENCHMARKS / "slcp_distractors.sib"
        sibyl("simulate", text, "--design", text.with_suffix(".npz"), "-n", 1, "-o", "one.npz")
        sibyl("optimize", text, "one.npz", "-o", "mode.csv")
        with (FOLDER / "mode.csv").open(newline="") as lines:
            rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
        self.assertTrue(rows and all(math.isfinite(float(value)) for row in rows for value in row.values()))

    def test_observations_of_the_benchmark_are_read(self):
        widths = {"slcp": 8, "slcp_distractors": 100, "bernoulli_glm_raw": 100}
        for task in ("two_moons", "slcp", "bernoulli_glm_raw", "bernoulli_glm", "sir"):
            with self.subTest(task):
                count = widths.get(task, 10 if task != "two_moons" else 2)
                (FOLDER / "observation.csv").write_text(
                    ",".join(f"data_{i + 1}" for i in range(count))
                    + "\n"
                    + ",".join(f"{i % 2}.0" for i in range(count))
                    + "\n"
                )
                subprocess.run(
                    [sys.executable, BENCHMARKS / "observation.py", task, "observation.csv", "-o", "observed.json"],
                    check=True,
                    cwd=FOLDER,
                )
                data = json.loads((FOLDER / "observed.json").read_text())
                name = "y" if task == "bernoulli_glm_raw" else "x"
                flat = [v for row in data[name] for v in row] if task == "slcp" else data[name]
                self.assertEqual(flat, [i % 2 for i in range(count)])
                self.assertEqual("X" in data, task.startswith("bernoulli_glm"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
