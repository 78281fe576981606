"""The Python package as its users see it. Needs SIBYL_PROGRAM, the program of the same installation."""

import os
import signal
import subprocess
import sys
import threading

import arviz
import numpy as np
import pandas as pd
import pytest

import sibyl

NORMAL_MEAN = """
data { int<lower=1> N; vector[N] y; }
design { N ~ discrete_range(3, 6); }
parameters { real mu; real<lower=0> sigma; }
model {
  mu ~ normal(0, 2);
  sigma ~ exponential(1);
  y ~ normal(mu, sigma);
}
generated quantities { vector[2] twice = [2 * mu, 2 * sigma]'; }
"""
DATA = {"N": 3, "y": [1.5, -0.5, 0.25]}
TABLE = pd.DataFrame({"who": ["ann"] * 3 + ["bob"] * 4, "y": [1.0, 0.1, 2.0, -1.0, 0.0, 1.0, 0.3]})


@pytest.fixture(scope="session")
def model():
    return sibyl.Model(NORMAL_MEAN)


class Watched:
    """One training that Ctrl-C ends at its first progress, with another thread beside it."""

    def __init__(self, model):
        self.turns, is_over = 0, threading.Event()

        def count():
            while not is_over.wait(0.001):
                self.turns += 1

        class Interrupting(sibyl.ProgressBar):
            is_told = False

            def update(self, *at):
                super().update(*at)
                if not self.is_told:
                    os.kill(os.getpid(), signal.SIGINT)
                self.is_told = True

        counter = threading.Thread(target=count)
        original, sibyl.ProgressBar = sibyl.ProgressBar, Interrupting
        counter.start()
        try:
            with pytest.warns(UserWarning, match="interrupted"):
                self.sampler = model.train(steps=10**6, frame="laplace", threads=2)
        finally:
            sibyl.ProgressBar = original
            is_over.set()
            counter.join()


@pytest.fixture(scope="session")
def training(model):
    return Watched(model)


@pytest.fixture(scope="session")
def sampler(training):
    return training.sampler


def group_names(data):
    groups = data.groups() if callable(data.groups) else data.children  # a DataTree from ArviZ 1.0 on
    return sorted(groups)


def closed_form(mu, log_sigma):
    sigma = np.exp(log_sigma)
    y = np.array(DATA["y"])
    prior = -0.5 * (mu / 2) ** 2 - np.log(2 * np.sqrt(2 * np.pi)) - sigma
    likelihood = -0.5 * ((y - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
    return prior + likelihood.sum() + log_sigma


def test_a_model_comes_from_a_text_or_a_path(tmp_path, model):
    path = tmp_path / "mean.sib"
    path.write_text(NORMAL_MEAN)
    for given in (path, str(path)):
        assert sibyl.Model(given).name == "mean"
    assert ("sigma", "parameter", "real") in [(v.name, v.role, v.type.split("<")[0]) for v in model.variables]
    assert model.facts["variables"][0]["name"] == "N"


def test_a_text_with_an_error_shows_the_place():
    with pytest.raises(sibyl.ModelError, match=r"(?s)wrong\.sib:2:14.*normall.*\^\^\^\^"):
        sibyl.Model("parameters { real mu; }\nmodel { mu ~ normall(0, 1); }", "wrong.sib")


def test_another_prior_is_another_model(model):
    wide = model.with_priors(mu="normal(0, 20)")
    point, change = np.array([1.5, 0.2]), 0.5 * (0.75**2 - 0.075**2) - np.log(10)
    np.testing.assert_allclose(wide.log_density(point, DATA), model.log_density(point, DATA) + change, rtol=1e-12)
    with pytest.raises(sibyl.UserError, match="it has mu, sigma"):
        model.with_priors(nu="normal(0, 1)")


def test_simulations_are_arrays_that_the_seed_decides(model):
    few, many = model.simulate(10, seed=3), model.simulate(50, seed=3)
    assert few["mu"].shape == (10,)
    assert few["N"].dtype == np.int64
    assert few["y"].dtype == np.float64
    np.testing.assert_array_equal(few["mu"], many["mu"][:10])
    assert not np.array_equal(few["mu"], model.simulate(10, seed=4)["mu"])
    assert np.isnan(few["y"]).sum() == (few["y"].shape[1] - few["N"]).sum()


def test_arrays_are_the_librarys_own_memory(model):
    mu = model.simulate(10)["mu"]
    assert not mu.flags.owndata
    assert mu.flags.writeable
    assert mu.base is not None


def test_the_log_density_and_its_gradient_are_the_closed_forms(model):
    points = np.random.default_rng(1).normal(size=(5, 7, 2))
    density = model.density(DATA)
    assert density.names == ["mu", "sigma"]
    expected = np.vectorize(closed_form)(points[..., 0], points[..., 1])
    np.testing.assert_allclose(density.log_density(points), expected, rtol=1e-12)
    assert np.ndim(model.log_density(points[0, 0], DATA)) == 0
    step = 1e-6 * np.array([1.0, 0.0])
    slope = (density.log_density(points + step) - density.log_density(points - step)) / 2e-6
    np.testing.assert_allclose(model.gradient(points, DATA)[..., 0], slope, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(density.unconstrain(density.constrain(points[0, 0])), points[0, 0])


def test_one_data_set_gives_inference_data_without_a_dimension_for_it(sampler):
    posterior = sampler.sample(DATA, draws=100, log_density=True)
    assert posterior.posterior["mu"].dims == ("chain", "draw")
    assert posterior.posterior["twice"].shape == (1, 100, 2)
    np.testing.assert_array_equal(posterior.posterior["twice"][..., 0], 2 * posterior.posterior["mu"])
    assert posterior.sample_stats["log_density__"].dims == ("chain", "draw")
    assert str(posterior.sample_stats["verdict"].values)
    for name in ("k_hat", "ess", "log_evidence", "log_evidence_error"):
        assert posterior.sample_stats[name].dims == ()
    assert posterior.sample_stats["ess"] > 0
    np.testing.assert_array_equal(posterior.observed_data["y"], DATA["y"])
    assert posterior.constant_data["N"] == 3
    assert list(arviz.summary(posterior).index) == ["mu", "sigma", "twice[0]", "twice[1]"]


def test_the_density_of_a_draw_is_what_log_density_says(sampler):
    posterior = sampler.sample(DATA, draws=5, log_density=True)
    for i in range(5):
        point = {name: posterior.posterior[name].values[0, i] for name in ("mu", "sigma")}
        assert sampler.log_density(point, DATA) == pytest.approx(
            posterior.sample_stats["log_density__"].values[0, i], abs=1e-4
        )


def test_verified_posteriors_have_a_p_value_of_their_data(sampler):
    posterior = sampler.sample(TABLE, by="who", draws=200, verify=True)
    assert all(str(one).startswith("exact: ") for one in posterior.sample_stats["verdict"].values)
    assert ((posterior.sample_stats["data_p_value"] > 0) & (posterior.sample_stats["data_p_value"] <= 1)).all()


def test_leave_one_out(sampler):
    found = sampler.loo(DATA)
    assert found["points"] == [f"y[{i + 1}]" for i in range(len(DATA["y"]))]
    assert found["elpd"] == pytest.approx(found["elpd_pointwise"].sum())
    assert found["elpd_error"] > 0


def test_leave_one_out_by_leaving_out(sampler):
    exact, smoothed = sampler.loo(DATA, exact=True), sampler.loo(DATA)
    assert exact["points"] == smoothed["points"]
    assert exact["elpd"] == pytest.approx(smoothed["elpd"], abs=0.5)


def test_diagnosis(sampler, tmp_path):
    found = sampler.diagnose([DATA], simulations=60, draws=120, html=tmp_path / "report.html")
    assert [one["name"] for one in found["parameters"]] == ["mu", "sigma"]
    assert len(found["parameters"][0]["ranks"]) == 60
    assert len(found["data"]) == 1 and isinstance(found["complaints"], list)
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_sensitivity(sampler):
    found = sampler.sensitivity(DATA)
    assert list(found) == ["mu", "sigma"]
    assert found["mu"]["likelihood"]["distance"] > 0
    assert found["mu"]["diagnosis"] in ("-", "the prior decides", "prior and data conflict")


def test_models_are_compared(sampler):
    one, other = sibyl.compare([sampler, sampler], DATA, prior=[0.25, 0.75])
    assert one["elpd"] == other["elpd"] and other["elpd_difference"] == 0
    assert one["no_evidence"] or one["probability"] == pytest.approx(0.25)
    with pytest.raises(sibyl.UserError, match="1 prior"):
        sibyl.compare([sampler, sampler], DATA, prior=[1])


def test_exact_draws_say_how_they_were_made(sampler):
    posterior = sampler.sample(TABLE, by="who", draws=200, exact=True)
    assert posterior.posterior["mu"].shape == (1, 200, 2)
    assert all(str(one).startswith("exact: ") for one in posterior.sample_stats["verdict"].values)
    assert posterior.sample_stats["k_hat"].dims == ("who",)
    assert sampler.draws(DATA, draws=50, exact=True)["mu"].shape == (50,)


def test_predictions_are_the_group_posterior_predictive(sampler):
    posterior = sampler.sample(TABLE, by="who", draws=30, predictions=True)
    assert posterior.posterior_predictive["y"].dims == ("chain", "draw", "who", "y_dim_0")
    assert posterior.posterior_predictive["y"].shape == (1, 30, 2, 4)
    assert np.isnan(posterior.posterior_predictive["y"]).sum() == 30  # ann has three values


def test_a_data_frame_is_split_by_a_column(sampler):
    posterior = sampler.sample(TABLE, by="who", draws=50)
    assert posterior.posterior["mu"].dims == ("chain", "draw", "who")
    assert list(posterior.posterior["who"].values) == ["ann", "bob"]
    np.testing.assert_array_equal(posterior.observed_data["y"].sel(who="ann").values, [1.0, 0.1, 2.0, np.nan])
    draws = sampler.draws(TABLE, by="who", draws=50)
    np.testing.assert_array_equal(draws["bob"]["mu"], posterior.posterior["mu"].sel(who="bob").values[0])


@pytest.mark.parametrize("labels, values", [(["7", "-8"], [7, -8]), (["7", "--8"], ["7", "--8"])])
def test_labels_that_are_integers_become_numbers(sampler, labels, values):
    table = TABLE.assign(who=[labels[0]] * 3 + [labels[1]] * 4)
    assert list(sampler.sample(table, by="who", draws=5).posterior["who"].values) == values


def test_a_list_of_data_sets_has_the_dimension_set(sampler):
    posterior = sampler.sample([DATA, {"N": 4, "y": np.arange(4)}], draws=20)
    assert posterior.posterior["mu"].dims == ("chain", "draw", "set")
    np.testing.assert_array_equal(posterior.posterior["set"], [1, 2])


def test_wrong_arguments_are_errors_that_name_them(model, sampler):
    with pytest.raises(sibyl.UserError, match="`y`"):
        sampler.sample({"N": 3})
    with pytest.raises(ValueError, match="`y`"):
        model.density({"N": 4, "y": [1, 2, 3]})
    with pytest.raises(sibyl.UserError, match="`y` is not an array"):
        sampler.sample({"N": 3, "y": "abc"})
    with pytest.raises(sibyl.UserError, match="2 numbers"):
        model.density(DATA).log_density([1.0, 2.0, 3.0])
    with pytest.raises(sibyl.UserError, match="frame"):
        model.train(steps=1, frame="none")
    with pytest.raises(sibyl.UserError, match="no duration"):
        model.train("soon")
    with pytest.raises(sibyl.UserError, match="missing.sibyl"):
        sibyl.Sampler.load("missing.sibyl")


def test_a_saved_sampler_gives_the_same_draws(sampler, tmp_path):
    sampler.save(tmp_path / "mean.sibyl")
    loaded = sibyl.Sampler.load(tmp_path / "mean.sibyl")
    np.testing.assert_array_equal(loaded.draws(DATA, draws=20)["mu"], sampler.draws(DATA, draws=20)["mu"])
    assert loaded.calibration["simulations"] == 1000
    assert loaded.model.text == NORMAL_MEAN


def test_models_are_told_apart(model, tmp_path):
    wide = sibyl.Model(NORMAL_MEAN.replace("sigma ~ exponential(1)", "sigma ~ exponential(0.05)"))
    choice = sibyl.ModelChoice.train([model, wide], steps=100, threads=1, progress=False)
    assert len(choice.models) == 2 and choice.calibration["accuracy"] > 0.6
    choice.save(tmp_path / "models.sibyl")
    loaded = sibyl.ModelChoice.load(tmp_path / "models.sibyl")
    spread = {"N": 4, "y": [-20.0, 15.0, 30.0, -8.0]}
    found = loaded.compare(spread)
    assert found["probabilities"][1] > 0.8 and found["probabilities"] == choice.compare(spread)["probabilities"]
    assert sum(loaded.compare(spread, prior=[0.9, 0.1])["probabilities"]) == pytest.approx(1)
    assert [one["label"] for one in loaded.compare(TABLE, by="who")] == sorted(set(TABLE["who"]))
    with pytest.warns(UserWarning, match="unlike the simulations of all models"):
        assert loaded.compare({"N": 3, "y": [1e4, -1e4, 1e4]})["unlike_all"]
    with pytest.raises(sibyl.UserError, match="prior probabilities"):
        loaded.compare(spread, prior=[1])


def test_control_c_stops_training_with_what_it_has(training):
    assert 0 < training.sampler.history["steps"] < 10**6
    assert training.sampler.draws(DATA, draws=10)["mu"].shape == (10,)


def test_other_threads_run_while_it_trains(training):
    assert training.turns > 20


def test_control_c_stops_a_simulation(model):
    told = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    told.start()
    with pytest.raises(KeyboardInterrupt):
        model.simulate(20_000_000)
    told.join()


def test_an_exception_of_the_progress_bar_ends_training(model):
    class Broken(sibyl.ProgressBar):
        def update(self, *at):
            raise KeyError("broken bar")

    original, sibyl.ProgressBar = sibyl.ProgressBar, Broken
    try:
        with pytest.raises(KeyError, match="broken bar"):
            model.train(steps=10**6, frame="laplace", threads=2)
    finally:
        sibyl.ProgressBar = original


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_progress_is_a_bar_where_tqdm_is_installed_and_a_line_elsewhere(monkeypatch, capsys, has_tqdm):
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with sibyl.ProgressBar(True) as bar:
        bar.update(120, 30720, 1.5, 1.25, 15.0, 45.0)
    shown = capsys.readouterr().err
    assert "step 120, loss 1.500, validation 1.250" in shown
    assert ("25%" in shown) == has_tqdm


class TestChains:
    """The exact posterior."""

    def test_inference_data(self, model):
        chains = model.mcmc(DATA, chains=3, draws=500, progress=False)
        assert chains.posterior["mu"].dims == ("chain", "draw")
        assert chains.posterior["twice"].shape == (3, 500, 2)
        assert chains.sample_stats["diverging"].dtype == bool
        assert set(chains.sample_stats) == {
            "lp",
            "acceptance_rate",
            "step_size",
            "tree_depth",
            "n_steps",
            "diverging",
            "energy",
        }
        np.testing.assert_array_equal(chains.observed_data["y"], DATA["y"])
        assert chains.constant_data["N"] == 3
        again = model.mcmc(DATA, chains=3, draws=500, threads=1, progress=False)
        np.testing.assert_array_equal(chains.posterior["mu"], again.posterior["mu"])

    def test_the_draws_are_the_posteriors(self, model):
        chains = model.mcmc(DATA, draws=2000, progress=False)
        log_sigma, mu = np.meshgrid(np.linspace(-4, 3, 400), np.linspace(-5, 5, 400))
        density = np.exp(model.log_density(np.stack([mu, log_sigma], axis=-1), DATA))
        for name, values in [("mu", mu), ("sigma", np.exp(log_sigma))]:
            exact = (density * values).sum() / density.sum()
            assert abs(float(chains.posterior[name].mean()) - exact) < 4 * float(arviz.mcse(chains)[name])

    def test_many_short_chains(self, model):
        chains = model.mcmc(DATA, chains=2, draws=1000, method="chees", progress=False)
        assert chains.posterior["mu"].shape == (1, 2000)
        assert "lp" in chains.sample_stats
        long = model.mcmc(DATA, draws=2000, progress=False)
        assert abs(float(chains.posterior["mu"].mean() - long.posterior["mu"].mean())) < 0.3 * float(
            long.posterior["mu"].std()
        )
        with pytest.raises(sibyl.UserError, match="nuts and chees"):
            model.mcmc(DATA, method="gibbs")

    def test_initial_values_and_wrong_arguments(self, model):
        first = model.mcmc(DATA, chains=2, warmup=0, draws=1, init=[{"mu": 1, "sigma": 2}, {"mu": 3}], progress=False)
        assert first.posterior["mu"].shape == (2, 1)
        with pytest.raises(sibyl.UserError, match="no parameter `nu`"):
            model.mcmc(DATA, init={"nu": 1}, progress=False)
        with pytest.raises(sibyl.UserError, match="diag and dense"):
            model.mcmc(DATA, metric="unit")
        with pytest.raises(sibyl.UserError, match="`y`"):
            model.mcmc({"N": 3})

    def test_what_is_wrong_is_warned_of(self):
        funnel = sibyl.Model(
            "parameters { real y; vector[9] x; } model { y ~ normal(0, 3); x ~ normal(0, exp(y / 2)); }"
        )
        with pytest.warns(UserWarning, match="diverged"):
            funnel.mcmc(seed=3, progress=False)

    def test_control_c_keeps_the_draws(self, model):
        told = threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT))
        told.start()
        with pytest.warns(UserWarning, match="interrupted"):
            chains = model.mcmc(DATA, draws=10**8, threads=2, progress=False)
        told.join()
        assert chains.posterior["mu"].shape[1] > 10

    def test_progress_is_shown(self, model, capsys):
        with sibyl.ChainsBar(True, 4000, 4000) as bar:
            bar.update(1000, 1000, 3)
        assert "25%" in capsys.readouterr().err

    def test_arviz_reads_what_the_command_writes(self, model, tmp_path):
        (tmp_path / "mean.sib").write_text(NORMAL_MEAN)
        (tmp_path / "data.json").write_text('{"N": 3, "y": [1.5, -0.5, 0.25]}')
        for output in ("draws.csv", "draws.nc"):
            arguments = ["mcmc", "mean.sib", "data.json", "--draws", "200", "-o", output]
            subprocess.run([os.environ["SIBYL_PROGRAM"], *arguments], cwd=tmp_path, check=True, capture_output=True)
        given = model.mcmc(DATA, draws=200, progress=False)
        read = arviz.from_netcdf(tmp_path / "draws.nc")
        assert group_names(read) == group_names(given)
        csv = arviz.from_cmdstan([str(tmp_path / f"draws_{chain}.csv") for chain in range(1, 5)])
        for name in ("mu", "sigma", "twice"):
            np.testing.assert_array_equal(read.posterior[name], given.posterior[name])
            np.testing.assert_allclose(csv.posterior[name], given.posterior[name], rtol=1e-15)
        for name in given.sample_stats:
            np.testing.assert_array_equal(read.sample_stats[name], given.sample_stats[name])
            np.testing.assert_allclose(csv.sample_stats[name], given.sample_stats[name], rtol=1e-15)


def test_the_mode_and_laplace_draws(model):
    mode = model.optimize(DATA, laplace=200)
    gradient = model.gradient(model.density(DATA).unconstrain({n: mode.values[n] for n in ("mu", "sigma")}), DATA)
    np.testing.assert_allclose(gradient, 0, atol=1e-3)
    assert mode.values["mu"].shape == () and mode.values["twice"].shape == (2,)
    assert mode.draws["twice"].shape == (200, 2) and mode.log_p.shape == mode.log_q.shape == (200,)
    assert model.optimize(DATA).draws == {}
    with pytest.raises(sibyl.UserError, match="no parameter `nu`"):
        model.optimize(DATA, init={"nu": 1})


def test_pathfinder(model):
    found = model.pathfinder(DATA, draws=300)
    assert found.posterior["twice"].shape == (1, 300, 2)
    assert found.sample_stats.attrs["k_hat"] < 1 and found.sample_stats["lp"].shape == (1, 300)
    np.testing.assert_array_equal(found.observed_data["y"], DATA["y"])
    funnel = sibyl.Model("parameters { real y; vector[9] x; } model { y ~ normal(0, 3); x ~ normal(0, exp(y / 2)); }")
    with pytest.warns(UserWarning, match="k-hat"):
        funnel.pathfinder()


@pytest.fixture(scope="session")
def files(sampler, tmp_path_factory):
    folder = tmp_path_factory.mktemp("netcdf")
    sampler.save(folder / "mean.sibyl")
    TABLE.to_csv(folder / "table.csv", index=False)
    return folder


class TestNetcdfOfTheCommandLine:
    """`sibyl sample -o draws.nc` writes the same InferenceData."""

    def run(self, files, *arguments, program=None):
        program = program or os.environ["SIBYL_PROGRAM"]
        return subprocess.run([program, "sample", "mean.sibyl", *arguments], cwd=files, text=True, capture_output=True)

    def test_arviz_reads_what_the_package_gives(self, sampler, files):
        result = self.run(files, "table.csv", "--by", "who", "-n", "30", "--density", "-o", "draws.nc")
        assert result.returncode == 0, result.stderr
        read = arviz.from_netcdf(files / "draws.nc")
        given = sampler.sample(TABLE, by="who", draws=30, log_density=True)
        assert group_names(read) == group_names(given)
        for group in group_names(given):
            assert set(read[group].variables) == set(given[group].variables), group
            for name, variable in given[group].variables.items():
                assert read[group][name].dims == variable.dims, name
                assert read[group][name].dtype == variable.dtype, name
                np.testing.assert_array_equal(read[group][name].values, variable.values, err_msg=name)

    def test_without_by_there_is_no_dimension_for_the_data_set(self, files):
        (files / "one.json").write_text('{"N": 3, "y": [1, 0.5, 2]}')
        assert self.run(files, "one.json", "-n", "30", "-o", "one.nc").returncode == 0
        read = arviz.from_netcdf(files / "one.nc")
        assert read.posterior["twice"].dims == ("chain", "draw", "twice_dim_0")
        assert "log_density__" not in read.sample_stats
        np.testing.assert_array_equal(read.observed_data["y"], [1, 0.5, 2])

    @pytest.mark.parametrize("place, reason", [("full.nc", "No space left"), ("nowhere/draws.nc", "No such file")])
    def test_what_cannot_be_written_is_one_clear_message(self, files, place, reason):
        if place == "full.nc":
            (files / place).symlink_to("/dev/full")
        result = self.run(files, "table.csv", "--by", "who", "-n", "30", "-o", place)
        assert result.returncode in (1, 2)
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        assert place in result.stderr and reason in result.stderr

    def test_without_its_library_the_message_says_what_to_do(self, files):
        bare = files / "sibyl"
        bare.write_bytes(open(os.environ["SIBYL_PROGRAM"], "rb").read())
        bare.chmod(0o755)
        result = self.run(files, "table.csv", "--by", "who", "-n", "30", "-o", "draws2.nc", program=str(bare))
        assert result.returncode == 2
        assert "libsibyl_netcdf.so" in result.stderr
