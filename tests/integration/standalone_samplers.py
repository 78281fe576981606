"""What `sibyl build` writes gives the draws of `sibyl sample`, byte for byte, for every network and frame that trains.

usage: standalone_samplers.py SIBYL REPOSITORY
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SIBYL, REPOSITORY = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(REPOSITORY / "examples" / "05_standalone"))
import posterior as client  # noqa: E402

WORK = tempfile.TemporaryDirectory()
FOLDER = Path(WORK.name)
os.environ["XDG_CACHE_HOME"] = str(FOLDER / "cache")

# Direct inputs alone, a bounded parameter, derived quantities of both kinds.
DIRECT = """
data { vector[3] x; }
parameters { vector[2] mu; real<lower=0> scale; }
transformed parameters { real difference = mu[2] - mu[1]; }
model {
  mu ~ normal(0, 1);
  scale ~ exponential(1);
  x ~ normal(mu[1] + difference, scale);
}
generated quantities { real next = normal_rng(mu[1], scale); }
"""

# More values than go straight to the posterior network.
GRID = """
data { matrix[9, 9] y; }
parameters { real mu; }
model {
  mu ~ normal(0, 1);
  for (i in 1:9) for (j in 1:9) y[i, j] ~ normal(mu * i, j);
}
"""

# Data on another scale than the model's: transformed data are computed before anything else.
LOGARITHMS = """
data { int<lower=1> N; vector<lower=0>[N] y; }
design { N ~ discrete_range(5, 14); }
transformed data { vector[N] log_y = log(y); }
parameters { real mu; real<lower=0> sigma; }
model {
  mu ~ normal(0, 1);
  sigma ~ exponential(1);
  log_y ~ normal(mu, sigma);
}
"""

# A design value that a file gives, and a generated quantity that is refused for half of the draws.
GIVEN = """
data { int<lower=1> N; real<lower=0> prior_sd; vector[N] y; }
design { N ~ discrete_range(3, 9); }
parameters { real mu; }
model {
  mu ~ normal(0, prior_sd);
  y ~ normal(mu, 1);
}
generated quantities { real z = normal_rng(0, mu); }
"""

# Parameters whose transforms change their number or their form.
CONSTRAINED = """
data { int<lower=1> N; array[N] vector[2] y; }
design { N ~ discrete_range(5, 14); }
parameters {
  ordered[2] mu;
  simplex[3] share;
  vector<lower=0>[2] scale;
  cholesky_factor_corr[2] factor;
  cov_matrix[2] spread;
}
model {
  mu ~ normal(0, 2);
  share ~ dirichlet([2, 3, 4]');
  scale ~ exponential(1);
  factor ~ lkj_corr_cholesky(2);
  spread ~ wishart(5, identity_matrix(2));
  for (n in 1:N) y[n] ~ multi_normal_cholesky(share[1] * mu, diag_pre_multiply(scale, factor));
}
"""

FACTS = REPOSITORY / "tests" / "models" / "facts"
REGRESSION = (REPOSITORY / "examples" / "01_linear_regression" / "linear_regression.sib").read_text()


def run(*command, code=0, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)
    if result.returncode != code:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


def train(name, text, *options):
    """A sampler after a few steps, and data for it; once for each name."""
    model, sampler, data = FOLDER / f"{name}.sib", FOLDER / f"{name}.sibyl", FOLDER / f"{name}.npz"
    if data.exists():
        return sampler, data
    model.write_text(text)
    run(SIBYL, "train", model, "-o", sampler, "--steps", "5", *options)
    run(SIBYL, "simulate", model, "-n", "5", "--seed", "3", "-o", data)
    return sampler, data


class Draws(unittest.TestCase):
    def agrees(self, name, text, *options):
        sampler, data = train(name, text, *options)
        program = FOLDER / name
        run(SIBYL, "build", sampler, "-o", program)
        flags = ["-n", "300", "--seed", "5", "--density", "-o"]
        jit, ahead = FOLDER / f"{name}.jit.csv", FOLDER / f"{name}.ahead.csv"
        expected = run(SIBYL, "sample", sampler, data, *flags, jit)
        actual = run(program, data, *flags, ahead)
        self.assertEqual(actual.stdout, expected.stdout)
        self.assertEqual(ahead.read_bytes(), jit.read_bytes())
        self.assertNotIn(b"Eigen/src", program.read_bytes())  # an assertion names its file
        return sampler, data, program

    def test_of_direct_inputs_with_derived_quantities(self):
        sampler, data, program = self.agrees("direct", DIRECT, "--frame", "prior")
        header = (FOLDER / "direct.ahead.csv").read_text().splitlines()[0]
        self.assertEqual(header, "set,mu.1,mu.2,scale,difference,next,log_density__")
        self.assertEqual(sorted(set(re.findall(r"lib(\w+)\.so", run("ldd", program).stdout))), ["c", "m"])
        exact = ["-n", "300", "--exact"]
        table = run(program, data, *exact).stdout
        self.assertEqual(table, run(SIBYL, "sample", sampler, data, *exact).stdout)
        self.assertRegex(table, "  exact: (importance sampling|HMC)")
        options = lambda text: re.findall(r"^ +(-.*)$", text, re.MULTILINE)  # noqa: E731
        shown = [line for line in options(run(program, "--help").stdout) if not line.startswith("--version")]
        # But --verify, which simulates.
        all_options = options(run(SIBYL, "sample", "--help").stdout)
        self.assertIn("--verify", "".join(all_options))
        words = lambda lines: [" ".join(line.replace(" --verify", "").split()) for line in lines]  # noqa: E731
        self.assertEqual(words(shown), words(line for line in all_options if not line.startswith("--verify")))
        self.assertIn("cannot read", run(program, FOLDER / "none.csv", code=2).stderr)

    def test_of_draws_that_fail_and_data_unlike_training(self):
        model, sampler, program = FOLDER / "given.sib", FOLDER / "given.sibyl", FOLDER / "given"
        data = {sd: FOLDER / f"given.{sd}.json" for sd in (1, 10)}
        for sd, file in data.items():
            file.write_text(json.dumps({"N": 20, "prior_sd": sd, "y": [0.1, -0.1] * 10}))
        model.write_text(GIVEN)
        run(SIBYL, "train", model, "-o", sampler, "--steps", "5", "--design", data[1])
        run(SIBYL, "build", sampler, "-o", program)
        tables, draws = [], []
        for name, command in (("jit", [SIBYL, "sample", sampler]), ("ahead", [program])):
            csv_file = FOLDER / f"given.{name}.csv"
            tables.append(run(*command, data[1], "-n", "300", "-o", csv_file).stdout)
            draws.append(csv_file.read_text())
            refusal = run(*command, data[10], code=2).stderr
            self.assertRegex(refusal, "`prior_sd` is 10, and the sampler was trained with 1:")
        self.assertEqual(*tables)
        self.assertEqual(*draws)
        rows = [line.split(",") for line in draws[0].splitlines()[1:]]
        failed = [mu for mu, z in rows if z == "nan"]
        self.assertTrue(0 < len(failed) < 300)
        self.assertEqual(failed, [mu for mu, _ in rows if float(mu) < 0])
        self.assertRegex(tables[0], f"`N` is 20, outside of 3 to 9.*; {len(failed)} of 300 draws failed: given.sib")

    def test_of_constrained_vectors_and_matrices(self):
        self.agrees("constrained", CONSTRAINED, "--frame", "prior")

    def test_of_a_residual_network(self):
        self.agrees("grid", GRID, "--frame", "prior")

    def test_of_a_sequence_network_in_the_laplace_frame(self):
        self.agrees("autoregression", (FACTS / "autoregression.sib").read_text(), "--frame", "laplace")

    def test_of_fused_networks_with_missing_values(self):
        self.agrees("fused", (FACTS / "two_sources.sib").read_text(), "--missing", "0.1")

    def test_of_transformed_data_in_the_laplace_frame(self):
        self.agrees("logarithms", LOGARITHMS, "--frame", "laplace")

    def test_of_a_set_network_in_the_laplace_frame_through_every_interface(self):
        sampler, data, program = self.agrees("regression", REGRESSION, "--frame", "laplace")
        table, truth = FOLDER / "regression.data.csv", FOLDER / "truth.csv"
        run(SIBYL, "simulate", FOLDER / "regression.sib", "-n", "5", "-o", table, "--truth", truth)

        at = [table, "--by", "set", "--at", truth]
        self.assertEqual(run(program, *at).stdout, run(SIBYL, "sample", sampler, *at).stdout)

        # One level of processors: the host's code has other lanes, and the same bits.
        older = FOLDER / "older"
        run(SIBYL, "build", sampler, "--cpu", "x86-64-v3", "-o", older)
        run(older, data, "-n", "300", "--seed", "5", "--density", "-o", FOLDER / "older.csv")
        self.assertEqual((FOLDER / "older.csv").read_bytes(), (FOLDER / "regression.jit.csv").read_bytes())

        library, draws = FOLDER / "libregression.so", FOLDER / "table.csv"
        run(SIBYL, "build", sampler, "--lib", "-o", library)
        run(SIBYL, "sample", sampler, table, "--by", "set", "-n", "100", "--seed", "2", "-o", draws)
        expected = {}
        for row in csv.DictReader(draws.read_text().splitlines()):
            for column, value in row.items():
                if column != "set":
                    expected.setdefault(row["set"], {}).setdefault(column, []).append(float(value))
        handle = client.open_sampler(library)
        self.assertEqual(client.draws_of(handle, table.read_text(), draws=100, seed=2, by=b"set"), expected)
        with self.assertRaisesRegex(ValueError, "no column `person`"):
            client.draws_of(handle, table.read_text(), by=b"person")
        header = (FOLDER / "sibyl_sampler.h").read_text()
        self.assertLessEqual(len(re.findall(r"^\w.*\bsibyl_sampler_\w+\(", header, re.MULTILINE)), 10)


class Messages(unittest.TestCase):
    def says(self, expected, *arguments, code=2, **options):
        message = run(SIBYL, "build", *arguments, code=code, **options).stderr
        self.assertRegex(message, expected)
        self.assertEqual(message.count("error:"), 1)

    @classmethod
    def setUpClass(cls):
        cls.sampler, _ = train("direct", DIRECT, "--frame", "prior")

    def test_a_file_that_is_no_sampler(self):
        self.says("is no sampler file", FOLDER / "direct.sib", "-o", FOLDER / "x")

    def test_a_level_of_processors_that_does_not_exist(self):
        self.says("there is no processor level `x86-64-v9`", self.sampler, "--cpu", "x86-64-v9", "-o", FOLDER / "x")

    def test_an_output_in_a_folder_that_does_not_exist(self):
        self.says("cannot write .*/nowhere/x: No such file", self.sampler, "-o", FOLDER / "nowhere" / "x")
        self.says(
            "cannot write .*/nowhere/x.html: No such file", self.sampler, "--web", "-o", FOLDER / "nowhere" / "x.html"
        )

    def test_a_machine_without_a_compiler(self):
        environment = {**os.environ, "PATH": str(FOLDER)}
        self.says("cannot run `cc`.*apt-get install g\\+\\+", self.sampler, "-o", FOLDER / "x", env=environment)
        self.says(
            "apt-get install clang-19 lld-19 wasi-libc libc\\+\\+-19-dev-wasm32 libclang-rt-19-dev-wasm32",
            self.sampler,
            "--web",
            "-o",
            FOLDER / "x.html",
            env=environment,
        )

    def test_a_sampler_trained_on_a_library_is_built_from_the_text_in_it(self):
        content = self.sampler.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = content[8 : 8 + length].replace(b'"model_library":""', b'"model_library":"direct.so"')

        def write(name, header):
            path = FOLDER / name
            path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
            return path

        run(SIBYL, "build", write("from_library.sibyl", header), "-o", FOLDER / "from_library")
        without = write("bare.sibyl", re.sub(rb'"model_text":"(\\.|[^"\\])*"', b'"model_text":""', header))
        self.says("trained on the library direct.so, which does not hold the model's text", without, "-o", FOLDER / "x")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
