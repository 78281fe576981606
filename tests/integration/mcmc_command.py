"""`sibyl mcmc`, `sibyl optimize` and `sibyl pathfinder` as their users see them: tables, files, the same draws from any
number of threads, Ctrl-C, clear errors.

usage: mcmc_command.py SIBYL REPOSITORY
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

SIBYL, REPOSITORY = (Path(argument).resolve() for argument in sys.argv[1:3])
POSTERIORDB = REPOSITORY / "tests" / "models" / "posteriordb"
MODEL = POSTERIORDB / "eight_schools-eight_schools_noncentered.stan"
DATA = POSTERIORDB / "data" / "eight_schools.json"
WORK = tempfile.TemporaryDirectory()
FOLDER = Path(WORK.name)
os.environ["XDG_CACHE_HOME"] = str(FOLDER / "cache")


def run(*arguments, fails=None, command="mcmc"):
    done = subprocess.run([SIBYL, command, *map(str, arguments)], capture_output=True, text=True, cwd=FOLDER)
    assert done.returncode == (fails or 0), (done.returncode, done.stderr)
    return done


def body(path):
    return [line for line in (FOLDER / path).read_text().splitlines() if not line.startswith("#")]


class Mcmc(unittest.TestCase):
    def test_table(self):
        lines = run(MODEL, DATA).stdout.splitlines()
        self.assertEqual(lines[0].split(), "parameter mean MCSE sd 5% 50% 95% R-hat ESS bulk ESS tail".split())
        self.assertEqual(
            [line.split()[0] for line in lines[1:12]], ["lp__", *(f"theta_trans.{i}" for i in range(1, 9)), "mu", "tau"]
        )
        self.assertRegex(lines[12], r"^4 chains of 1000 draws in ")
        everything = run(MODEL, DATA, "--all").stdout
        self.assertIn("\ntheta.8 ", everything)

    def test_json(self):
        result = json.loads(run(MODEL, DATA, "--json", "--chains", 2, "--draws", 500).stdout)
        self.assertEqual((result["chains"], result["draws"], len(result["ebfmi"])), (2, 500, 2))
        self.assertAlmostEqual(result["summary"]["mu"]["mean"], 4.41, delta=0.6)  # four errors of 1,000 draws
        self.assertLess(result["summary"]["mu"]["rhat"], 1.05)

    def test_a_prior_beside_the_text(self):
        options = ["--json", "--chains", 1, "--draws", 500]
        close = json.loads(
            run(MODEL, DATA, "--prior", "mu=normal(50, 0.1)", *options, "--prior", "tau = exponential(9)").stdout
        )
        self.assertAlmostEqual(close["summary"]["mu"]["mean"], 50, delta=0.5)
        self.assertIn("no parameter", run(MODEL, DATA, "--prior", "nu=normal(0, 1)", fails=2).stderr)

    def test_files_do_not_depend_on_threads(self):
        for threads in (1, 3):
            run(MODEL, DATA, "-o", f"t{threads}.csv", "--threads", threads, "--chains", 3, "--draws", 50, "--seed", 5)
        for chain in (1, 2, 3):
            self.assertEqual(body(f"t1_{chain}.csv"), body(f"t3_{chain}.csv"))
        self.assertNotEqual(body("t1_1.csv"), body("t1_2.csv"))
        self.assertEqual(len(body("t1_1.csv")), 51)
        run(MODEL, DATA, "-o", "single.csv", "--chains", 1, "--draws", 50, "--seed", 5)
        self.assertEqual(body("single.csv"), body("t1_1.csv"))
        run(MODEL, DATA, "-o", "draws.npz", "--chains", 3, "--draws", 50)
        with zipfile.ZipFile(FOLDER / "draws.npz") as arrays:
            header = arrays.read("theta.npy")[:128].decode("latin1")
        self.assertIn("(3, 50, 8, )", header)

    def test_ctrl_c_keeps_the_draws(self):
        # Of 758 rows: some hundred draws a second, not the hundred thousand of eight schools.
        slow, rows = POSTERIORDB / "nes1980-nes.stan", POSTERIORDB / "data" / "nes1980.json"
        arguments = [SIBYL, "mcmc", slow, rows, "--warmup", "200", "--draws", "50000000", "-o", "stopped.csv"]
        running = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=FOLDER)
        time.sleep(4)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=120)
        self.assertEqual(running.returncode, 0)
        self.assertRegex(out, r"interrupted: \d of 4 chains with \d+ of 50000000 draws each are kept")
        self.assertGreater(len(body("stopped_1.csv")), 10)

    def test_many_chains_over_lanes(self):
        out = run(MODEL, DATA, "--method", "chees", "-o", "lanes.csv").stdout
        self.assertRegex(out, r"\n4000 draws of 128 chains over lanes in [0-9.]+ s: nested R-hat 1\.0")
        self.assertEqual(
            out.splitlines()[0].split(), "parameter mean MCSE sd 5% 50% 95% nested R-hat ESS bulk ESS tail".split()
        )
        self.assertEqual(len(body("lanes.csv")), 4001)
        result = json.loads(run(MODEL, DATA, "--method", "chees", "--json").stdout)
        mu = result["summary"]["mu"]
        self.assertAlmostEqual(mu["mean"], 4.41, delta=0.42)  # four errors of 1,000 draws
        self.assertEqual(set(mu), set("mean mcse sd q5 median q95 nested_rhat ess_bulk ess_tail".split()))
        self.assertLess(mu["nested_rhat"], 1.03)
        self.assertGreater(mu["ess_bulk"], 500)
        self.assertLess(abs(mu["mean"] - 4.41), 5 * mu["mcse"] + 5 * 0.03)  # that of the reference, too
        self.assertIn("lp__", result["summary"])

    def test_errors(self):
        def error(*arguments, code=2):
            return run(*arguments, fails=code).stderr

        (FOLDER / "short.json").write_text('{"J": 8, "y": [28, 8, -3, 7, -1, 1, 18, 12]}')
        self.assertIn("`sigma`", error(MODEL, "short.json"))
        self.assertIn("no file is given", error(MODEL))
        (FOLDER / "init.json").write_text('{"mu": 1, "tau": -2}')
        message = error(MODEL, DATA, "--init", "init.json")
        self.assertIn("init.json", message)
        self.assertIn("tau", message)
        self.assertIn("written as .csv, .npz or .nc", error(MODEL, DATA, "-o", "draws.txt"))
        self.assertIn("adapt_delta is 1.5", error(MODEL, DATA, "--adapt-delta", 1.5))
        (FOLDER / "never.sib").write_text("parameters { real x; }\nmodel { x ~ normal(0, 1); target += log(-1.0); }\n")
        message = error("never.sib", code=1)
        self.assertIn("not finite at any of 100 random points", message)
        (FOLDER / "flat.sib").write_text("parameters { real x; }\nmodel { target += 0 * x; }\n")
        self.assertIn("improper", error("flat.sib", code=1))


class Optimize(unittest.TestCase):
    RATE = 'data { int N; int k; } parameters { real<lower=0, upper=1> p; } model { k ~ binomial(N, p); }'

    def setUp(self):
        (FOLDER / "rate.sib").write_text(self.RATE)
        (FOLDER / "rate.json").write_text('{"N": 10, "k": 7}')

    def test_mode(self):
        out = run("rate.sib", "rate.json", "-o", "mode.csv", command="optimize").stdout
        self.assertRegex(out, r"parameter +mode\np +0\.700\nlog density -[0-9.]+ without the Jacobian")
        self.assertEqual(body("mode.csv")[0], "lp__,p")
        self.assertAlmostEqual(float(body("mode.csv")[1].split(",")[1]), 0.7, places=4)
        found = json.loads(run("rate.sib", "rate.json", "--jacobian", "--json", command="optimize").stdout)
        self.assertAlmostEqual(found["mode"]["p"], 8 / 12, places=4)  # of the logit, carried back
        self.assertTrue(found["converged"])

    def test_laplace_draws(self):
        out = run("rate.sib", "rate.json", "--laplace", 500, "-o", "laplace.csv", command="optimize").stdout
        self.assertEqual(out.splitlines()[0].split(), "parameter mode mean sd 5% 50% 95%".split())
        self.assertEqual(body("laplace.csv")[0], "log_p__,log_q__,p")
        self.assertEqual(len(body("laplace.csv")), 501)
        self.assertEqual(body("laplace_mode.csv")[0], "lp__,p")
        self.assertIn("#     mode = laplace_mode.csv\n", (FOLDER / "laplace.csv").read_text())

    def test_errors(self):
        (FOLDER / "none.sib").write_text("parameters { real x; } model { target += exp(x / 10); }")
        message = run("none.sib", "--iterations", 20, fails=1, command="optimize").stderr
        self.assertIn("no mode was found", message)
        self.assertIn("as .csv", run("rate.sib", "rate.json", "-o", "mode.nc", fails=2, command="optimize").stderr)


class Pathfinder(unittest.TestCase):
    REGRESSION = POSTERIORDB / "sblrc-blr.stan", POSTERIORDB / "data" / "sblrc.json"

    def test_table_and_files(self):
        done = run(*self.REGRESSION, "-o", "path.csv", "-n", 300, command="pathfinder")
        self.assertEqual(done.stdout.splitlines()[0].split(), "parameter mean sd 5% 50% 95%".split())
        self.assertRegex(done.stdout, r"\n300 draws from 4 of 4 paths in [0-9.]+ s: k-hat 0\.[0-6]")
        self.assertEqual(body("path.csv")[0], "lp_approx__,lp__,path__,beta.1,beta.2,beta.3,beta.4,beta.5,sigma")
        self.assertEqual(len(body("path.csv")), 301)
        result = json.loads(run(*self.REGRESSION, "--json", command="pathfinder").stdout)
        self.assertLess(result["k_hat"], 0.7)
        self.assertAlmostEqual(result["summary"]["sigma"]["mean"], 1.042, delta=0.02)

    def test_a_bad_approximation_is_told(self):
        (FOLDER / "funnel.sib").write_text(
            "parameters { real y; vector[9] x; } model { y ~ normal(0, 3); x ~ normal(0, exp(y / 2)); }"
        )
        self.assertIn("above 0.7", run("funnel.sib", command="pathfinder").stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
