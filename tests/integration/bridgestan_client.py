"""PyPI's bridgestan loads what `sibyl compile --shared` writes, unchanged, and agrees with Stan's own values.

usage: bridgestan_client.py SIBYL MODELS WORK    (as an ordinary Python: it makes a virtual environment in WORK)

Tolerances: 1e-8 relative for log densities, 1e-7 for gradients (relative to the gradient's largest element).
"""

import json
import subprocess
import sys
import unittest
import warnings
from pathlib import Path

SIBYL, MODELS, WORK = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])


def enter_environment():
    """Runs this file again with a Python that has bridgestan."""
    python = WORK / "venv" / "bin" / "python"
    ready = WORK / "venv" / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(WORK / "venv")], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "bridgestan", "numpy"]
        if subprocess.run(install).returncode != 0:
            sys.exit("this test installs bridgestan from PyPI, and that failed: is there a network?")
        ready.touch()
    sys.exit(subprocess.run([str(python), *sys.argv]).returncode)


if Path(sys.prefix).resolve() != (WORK / "venv").resolve():
    enter_environment()

import bridgestan  # noqa: E402
import numpy as np  # noqa: E402


def library(model):
    """The model's library, compiled by the program under test."""
    output = WORK / (model.stem + ".so")
    subprocess.run([str(SIBYL), "compile", "--shared", str(model), "-o", str(output)], check=True, capture_output=True)
    return output


def load(text, name, data):
    source = WORK / (name + ".stan")
    source.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the client warns when versions do not fit
        return bridgestan.StanModel(library(source), data, warn=False)


REGRESSION = """
data { int<lower=0> N; vector[N] x; vector[N] y; real<lower=0> scale; }
parameters { real alpha; array[2] real<lower=-1, upper=3> b; real<lower=0> sigma; }
transformed parameters { real total = b[1] + b[2]; }
model {
  alpha ~ normal(0, scale);
  b ~ normal(0, 1);
  sigma ~ exponential(1);
  y ~ normal(alpha + total * x, sigma);
}
generated quantities { array[2] real y_new; for (i in 1:2) y_new[i] = normal_rng(alpha, sigma); }
"""
DATA = {"N": 3, "x": [0.5, -1, 2], "y": [1.0, 0.25, 2.5], "scale": 2.0}


class AgreesWithStan(unittest.TestCase):
    """Models of every kind of constraint at the points where Stan's values are known (numerics_stan has all models)."""

    def check(self, name):
        reference = json.loads((MODELS / "density" / (name + ".json")).read_text())
        data = (MODELS / "data" / (reference["data"] + ".json")).read_text()
        model = bridgestan.StanModel(library(MODELS / (name + ".stan")), data, warn=False)
        self.assertEqual(model.param_unc_names(), reference["unconstrained_names"])
        count = model.param_num()
        self.assertEqual(model.param_names(), reference["constrained_names"][:count])
        points = [p for p in reference["points"] if p["log_density_jacobian"] is not None]
        self.assertTrue(points)
        for point in points:
            at = np.array(point["unconstrained"], dtype=float)
            parameters = np.array(point["constrained"], dtype=float)[:count]
            self.assertTrue(np.allclose(model.param_constrain(at), parameters, rtol=1e-10, atol=1e-10))
            self.assertTrue(np.allclose(model.param_unconstrain(parameters), at, rtol=1e-7, atol=1e-7))
            plain = model.log_density(at, propto=False, jacobian=False)
            self.assertTrue(np.isclose(plain, point["log_density"], rtol=1e-8, atol=0), (plain, point["log_density"]))
            value, gradient = model.log_density_gradient(at, propto=False)
            self.assertTrue(np.isclose(value, point["log_density_jacobian"], rtol=1e-8, atol=0))
            expected = np.array(point["gradient"], dtype=float)
            error = np.max(np.abs(gradient - expected)) / np.max(np.abs(expected))
            self.assertLess(error, 1e-7)


for model_name in (
    "GLMM_Poisson_data-GLMM_Poisson_model",
    "M0_data-M0_model",
    "arK-arK",
    "dugongs_data-dugongs_model",
    "earnings-logearn_interaction",
    "eight_schools-eight_schools_centered",
    "eight_schools-eight_schools_noncentered",
    "garch-garch11",
    "gp_pois_regr-gp_regr",
    "hudson_lynx_hare-lotka_volterra",
    "irt_2pl-irt_2pl",
    "low_dim_gauss_mix-low_dim_gauss_mix",
    "one_comp_mm_elim_abs-one_comp_mm_elim_abs",
    "radon_mn-radon_hierarchical_intercept_centered",
    "wells_data-wells_dist",
):

    def test(self, name=model_name):
        self.check(name)

    setattr(AgreesWithStan, "test_" + model_name.replace("-", "_"), test)


class Interface(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = load(REGRESSION, "regression", DATA)
        cls.at = np.array([0.3, -0.4, 0.6, 0.1])

    def test_names_and_numbers_follow_the_declarations(self):
        model = self.model
        self.assertEqual(model.name(), "regression_model")
        self.assertIn("Sibyl", model.model_info())
        self.assertEqual(model.param_names(), ["alpha", "b.1", "b.2", "sigma"])
        every = ["alpha", "b.1", "b.2", "sigma", "total", "y_new.1", "y_new.2"]
        self.assertEqual(model.param_names(include_tp=True, include_gq=True), every)
        self.assertEqual(model.param_num(include_tp=True), 5)
        self.assertEqual(model.param_unc_num(), 4)
        self.assertEqual(model.param_unc_names(), ["alpha", "b.1", "b.2", "sigma"])

    def test_constraints_are_stans(self):
        parameters = self.model.param_constrain(self.at, include_tp=True)
        logistic = 1 / (1 + np.exp(-self.at[1:3]))
        b = -1 + 4 * logistic
        self.assertTrue(np.allclose(parameters, [0.3, *b, np.exp(0.1), b.sum()], rtol=1e-14))
        self.assertTrue(np.allclose(self.model.param_unconstrain(parameters[:4]), self.at, rtol=1e-12))
        named = {"alpha": 0.3, "b": list(b), "sigma": float(np.exp(0.1))}
        self.assertTrue(np.allclose(self.model.param_unconstrain_json(named), self.at, rtol=1e-12))

    def test_density_gradient_and_hessian(self):
        value, gradient = self.model.log_density_gradient(self.at)
        self.assertEqual(value, self.model.log_density(self.at))
        step = 1e-6
        for i in range(4):
            move = step * np.eye(4)[i]
            slope = (self.model.log_density(self.at + move) - self.model.log_density(self.at - move)) / (2 * step)
            self.assertAlmostEqual(gradient[i], slope, delta=1e-6)
        value_again, gradient_again, hessian = self.model.log_density_hessian(self.at)
        self.assertEqual(value, value_again)
        self.assertTrue(np.array_equal(gradient, gradient_again))
        self.assertTrue(np.array_equal(hessian, hessian.T))
        # The second derivative by alpha is known: -N / sigma^2 - 1 / scale^2.
        self.assertAlmostEqual(hessian[0, 0], -3 / np.exp(0.2) - 0.25, delta=1e-7)
        vector = np.array([1.0, -2.0, 0.5, 3.0])
        _, product = self.model.log_density_hessian_vector_product(self.at, vector)
        self.assertTrue(np.allclose(product, hessian @ vector, rtol=1e-6, atol=1e-6))

    def test_generated_quantities_follow_the_generator(self):
        def draw(seed):
            rng = self.model.new_rng(seed)
            options = {"include_gq": True, "rng": rng}
            return (
                self.model.param_constrain(self.at, **options)[-2:],
                self.model.param_constrain(self.at, **options)[-2:],
            )

        first, second = draw(7)
        self.assertFalse(np.array_equal(first, second))
        self.assertTrue(np.array_equal(first, draw(7)[0]))
        self.assertFalse(np.array_equal(first, draw(8)[0]))

    def test_initialization_keeps_what_is_given(self):
        at = self.model.param_initialize(self.model.new_rng(1), {"sigma": 2.5})
        self.assertAlmostEqual(at[3], np.log(2.5), places=12)
        self.assertTrue(np.isfinite(self.model.log_density(at)))

    def test_wrong_data_are_errors_that_name_the_variable(self):
        def refused(name, **changes):
            data = {key: value for key, value in {**DATA, **changes}.items() if value is not None}
            with self.assertRaisesRegex(RuntimeError, name):
                bridgestan.StanModel(WORK / "regression.so", data, warn=False)

        refused("`x`", x=None)
        refused("`N`", N=2.5)
        refused("`y`", y=[1.0, 2.0])
        refused("scale", scale=-1.0)
        with self.assertRaisesRegex(RuntimeError, "JSON"):
            bridgestan.StanModel(WORK / "regression.so", "{", warn=False)

    def test_constrained_types_have_stans_names_order_and_values(self):
        model = load(
            '''
            parameters {
              array[2] simplex[3] p; cholesky_factor_corr[3] L; cholesky_factor_cov[3, 2] C; cov_matrix[2] S;
            }
            model { p[1] ~ dirichlet([1, 2, 3]'); L ~ lkj_corr_cholesky(2); S ~ wishart(3, identity_matrix(2)); }
            ''',
            "constrained",
            None,
        )
        self.assertEqual(
            model.param_unc_names(),
            ["p.1.1", "p.2.1", "p.1.2", "p.2.2"]
            + [f"L.{i}" for i in (1, 2, 3)]
            + [f"C.{i}" for i in range(1, 6)]
            + ["S.1", "S.2", "S.3"],
        )
        square = [f"{i}.{j}" for j in (1, 2, 3) for i in (1, 2, 3)]
        self.assertEqual(
            model.param_names(),
            ["p.1.1", "p.2.1", "p.1.2", "p.2.2", "p.1.3", "p.2.3"]
            + ["L." + i for i in square]
            + ["C." + i for i in square[:6]]
            + ["S.1.1", "S.2.1", "S.1.2", "S.2.2"],
        )
        at = np.linspace(-0.9, 1.1, 15)
        parameters = model.param_constrain(at)
        p = parameters[:6].reshape(3, 2).T
        self.assertTrue(np.allclose(p.sum(axis=1), 1, atol=1e-14))
        factor = parameters[6:15].reshape(3, 3).T
        self.assertTrue(np.allclose(np.diag(factor @ factor.T), 1, atol=1e-14))
        self.assertAlmostEqual(factor[1, 0], np.tanh(at[4]), places=14)
        self.assertTrue(np.allclose(model.param_unconstrain(parameters), at, rtol=1e-11, atol=1e-11))
        self.assertTrue(np.isfinite(model.log_density_gradient(at)[1]).all())
        parameters[0] += 0.01
        with self.assertRaisesRegex(RuntimeError, "`p` is no simplex: its sum is 1.01"):
            model.param_unconstrain(parameters)

    def test_a_failing_check_is_an_error_with_its_place(self):
        model = load("parameters { real s; } model { 1.5 ~ normal(0, s); }", "negative", None)
        with self.assertRaisesRegex(RuntimeError, r"negative\.\w+:1:"):
            model.log_density(np.array([-0.3]))

    def test_print_reaches_the_client(self):
        import contextlib
        import io

        model = load('parameters { real s; } model { s ~ normal(0, 1); print("s is ", s); }', "printing", None)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            model.log_density(np.array([0.5]))
        self.assertIn("s is 0.5", printed.getvalue())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
