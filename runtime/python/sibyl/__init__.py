"""Sibyl: one Stan-like model text becomes a simulator, a log density with its gradient, and an amortized posterior.

    model = sibyl.Model(text)
    sampler = model.train(time="60s")
    posterior = sampler.sample({"N": 3, "y": [1.2, 0.4, -0.3]})   # ArviZ InferenceData

Errors: ModelError, with the messages that `sibyl check` prints; UserError (a ValueError) for what the caller got wrong;
RuntimeError for what failed while it ran.
"""

from __future__ import annotations

import json
import os
import warnings
from importlib.metadata import version
from typing import Any, Mapping, NamedTuple, Sequence

import numpy as np
import numpy.typing as npt

from . import _sibyl
from ._arguments import Data, Path, arrays_of, call_with_data, seconds_of
from ._inference_data import chains_to_inference_data, to_inference_data
from ._progress import ChainsBar, ProgressBar
from ._sibyl import ModelError, UserError

__all__ = ["Density", "Mode", "Model", "ModelChoice", "ModelError", "Sampler", "UserError", "Variable", "compare"]

__version__ = version("sibyl")


class Variable(NamedTuple):
    """What the compiler knows of a variable: its role in the model, and its type as written."""

    name: str
    role: str
    type: str


class Mode(NamedTuple):
    """Where a log density is largest. `draws`: Laplace's, [draw, ...] by variable, with their log densities under the
    model, `log_p`, and under the normal distribution, `log_q`; empty where none were asked for."""

    values: dict[str, np.ndarray]
    log_density: float
    iterations: int
    reason: str
    draws: dict[str, np.ndarray]
    log_p: np.ndarray
    log_q: np.ndarray


class Density:
    """The log density of a model given one data set, a function of the unconstrained parameters."""

    def __init__(self, handle: _sibyl.Density) -> None:
        self._handle = handle

    @property
    def names(self) -> list[str]:
        """The unconstrained parameters, in Stan's order: `theta.1`."""
        return self._handle.names

    def _evaluate(self, unconstrained: npt.ArrayLike, with_gradient: bool, jacobian: bool) -> np.ndarray:
        points = np.asarray(unconstrained, dtype=np.float64)
        rows = np.ascontiguousarray(points.reshape(-1, points.shape[-1] if points.ndim else 1))
        result = self._handle.evaluate(rows, with_gradient, jacobian)
        return result.reshape(points.shape if with_gradient else points.shape[:-1])

    def log_density(self, unconstrained: npt.ArrayLike, jacobian: bool = True) -> float | np.ndarray:
        """At one point [parameter] or at many [..., parameter], with the Jacobian of the constraints or without.
        Minus infinity where a check in the model fails."""
        return self._evaluate(unconstrained, False, jacobian)[()]

    def gradient(self, unconstrained: npt.ArrayLike, jacobian: bool = True) -> np.ndarray:
        """The derivatives by the unconstrained parameters, in the shape of the points."""
        return self._evaluate(unconstrained, True, jacobian)

    def constrain(self, unconstrained: npt.ArrayLike) -> dict[str, np.ndarray]:
        """The parameters as the model declares them."""
        return self._handle.constrain(np.ascontiguousarray(unconstrained, dtype=np.float64).reshape(-1))

    def unconstrain(self, parameters: Data) -> np.ndarray:
        """The unconstrained parameters of given ones."""
        return self._handle.unconstrain(arrays_of(parameters))


class Model:
    """A compiled model. `model`: the text, or the path of a text (.sib, .stan) or of a library that `sibyl compile
    --shared` wrote (.so). What a text's file includes is looked for beside it, then in the directories `include`."""

    def __init__(self, model: Path, name: str = "model", include: Sequence[Path] = ()) -> None:
        is_path = not isinstance(model, str) or ("{" not in model and "\n" not in model)
        self._handle = (
            _sibyl.Model.from_file(os.fspath(model), [os.fspath(one) for one in include])
            if is_path
            else _sibyl.Model.from_text(str(model), name)
        )
        if self.warnings:
            warnings.warn(self.warnings, stacklevel=2)

    @classmethod
    def _of(cls, handle: _sibyl.Model) -> Model:
        model = cls.__new__(cls)
        model._handle = handle
        return model

    def __repr__(self) -> str:
        return f"<sibyl.Model {self.name}: {', '.join(v.name for v in self.variables)}>"

    @property
    def name(self) -> str:
        return self._handle.name

    @property
    def text(self) -> str:
        return self._handle.text

    @property
    def warnings(self) -> str:
        """What the compiler warned of; empty where there is nothing."""
        return self._handle.warnings

    @property
    def variables(self) -> list[Variable]:
        return [Variable(*one) for one in self._handle.variables]

    @property
    def facts(self) -> dict[str, Any]:
        """What the compiler proved about the model, as `sibyl check --json` prints it."""
        return json.loads(self._handle.facts)

    def with_priors(self, **priors: str) -> Model:
        """The model with other priors, in the place of the text's own or where it has none:
        `model.with_priors(alpha="normal(0, 10)")`."""
        model = Model._of(self._handle.with_priors([f"{name}={prior}" for name, prior in priors.items()]))
        if model.warnings:
            warnings.warn(model.warnings, stacklevel=2)
        return model

    def with_powers(self) -> Model:
        """The model with powers of its prior and its likelihood as data (`prior_power`, `likelihood_power`; one where a
        data set says nothing of them): a sampler that is trained on it draws at other powers, see Sampler.sensitivity.
        What cannot be raised is warned of."""
        handle, notes = self._handle.with_powers()
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return Model._of(handle)

    def simulate(
        self, n: int = 1000, seed: int = 1, design: Data | None = None, threads: int = 0
    ) -> dict[str, np.ndarray]:
        """`n` draws of parameters and data from the model: one array for each variable, the data set first, padded with
        NaN where sizes differ. A data set depends on the seed and its number alone. `design`: values of the design
        variables that the text does not draw. Simulations that fail are left out, with a warning."""
        arrays, failures, first = self._handle.simulate(n, seed, arrays_of(design), threads)
        if failures:
            warnings.warn(f"{failures} of {n} simulations failed and are left out; the first: {first}", stacklevel=2)
        return arrays

    def train(
        self,
        time: float | str | None = None,
        *,
        steps: int = 0,
        simulations: int = 0,
        moves: int = 4,
        frame: str = "auto",
        missing: float = 0.0,
        design: Data | None = None,
        around: Data | None = None,
        self_consistency: float | None = None,
        real: Data | Sequence[Data] = (),
        networks: Mapping[str, str] | None = None,
        posterior: str = "",
        batch: int = 0,
        rate: float = 0.0,
        device: str = "cpu",
        seed: int = 1,
        threads: int = 0,
        progress: bool = True,
    ) -> Sampler:
        """Trains an amortized posterior. The budget is a time (seconds, or "60s", "3m", "1h"; of preparing, training
        and calibration together), steps, or whichever of them comes first; without one, two minutes. Ctrl-C stops with
        what was learned.

        `simulations`: a fixed set of so many (at least 100), a tenth of them held out, made once and learned from in
        epochs until those held out gain no more; without it, they are made as they are needed, and
        with a time they come again where fresh ones are not ready.
        `moves`: with it, for models with a density, Markov moves of a data set's parameters along its posterior
        whenever it is learned from again; 0: none.

        `frame`: auto, prior, laplace or variational. `missing`: the share of observed values to drop at random, so that
        missing values are understood. `around`: a data set around whose posterior to train, instead of over the priors:
        for flat priors and very wide ones. `self_consistency`: the weight of the variance of the log evidence over the
        network's draws in the loss, for models with a density (without it: 0, or 0.1 with `real`). `real`: data sets
        whose parameters nobody knows, to learn from by it beside simulations. `networks`: by variable, its summary
        network: set, sequence or mlp. `posterior`: the family, spline_flow (where it is empty), flow_matching or
        mean_flow."""
        notes: list[str] = []
        with ProgressBar(progress) as bar:
            handle, was_interrupted = self._handle.train(
                seconds_of(time),
                steps,
                simulations,
                moves,
                frame,
                missing,
                arrays_of(design),
                arrays_of(around),
                float("nan") if self_consistency is None else self_consistency,
                [arrays_of(one) for one in ([real] if isinstance(real, Mapping) else real)],
                dict(networks or {}),
                posterior,
                batch,
                rate,
                device,
                seed,
                threads,
                bar.update,
                notes.append,
            )
        if was_interrupted:
            warnings.warn("training was interrupted; the sampler has what was learned until then", stacklevel=2)
        return Sampler(handle, notes)

    def mcmc(
        self,
        data: Data | None = None,
        *,
        chains: int = 4,
        warmup: int = 1000,
        draws: int = 1000,
        metric: str = "diag",
        method: str = "nuts",
        adapt_delta: float = 0.8,
        max_depth: int = 10,
        init: float | Data | Sequence[Data] = 2.0,
        seed: int = 1,
        threads: int = 0,
        progress: bool = True,
    ) -> Any:
        """The exact posterior of one data set, where the model has a density: Markov chains by the No-U-Turn sampler,
        as Stan's, in ArviZ InferenceData with the groups posterior, sample_stats, observed_data and constant_data. What
        is wrong with the chains (R-hat, divergences, ...) is warned of, with what to do. Ctrl-C keeps the draws so far.

        `method`: nuts, or chees: many short chains over the processor's lanes that run until they agree; chains * draws
        draws of them are given as one chain. `metric`: diag or dense. `init`: a radius (unconstrained parameters
        uniform between -init and init), or values of parameters, for all chains or a list with those of each; what is
        not given is random."""
        if metric not in ("diag", "dense"):
            raise UserError(f"there is no metric {metric}; there are diag and dense")
        if method not in ("nuts", "chees"):
            raise UserError(f"there is no method {method}; there are nuts and chees")
        is_radius = not isinstance(init, (Mapping, list, tuple))
        given = [] if is_radius else [arrays_of(one) for one in ([init] if isinstance(init, Mapping) else init)]
        with ChainsBar(progress, chains * warmup, chains * draws) as bar:
            result, was_interrupted = self._handle.mcmc(
                arrays_of(data),
                chains,
                warmup,
                draws,
                metric == "dense",
                adapt_delta,
                max_depth,
                float(init) if is_radius else 2.0,
                given,
                seed,
                threads,
                method == "chees",
                bar.update,
            )
        if was_interrupted:
            warnings.warn("the chains were interrupted; there are the draws until then", stacklevel=2)
        for one in result["warnings"]:
            warnings.warn(one, stacklevel=2)
        return chains_to_inference_data(self.variables, result)

    def optimize(
        self,
        data: Data | None = None,
        *,
        jacobian: bool = False,
        laplace: int = 0,
        iterations: int = 2000,
        init: float | Data = 2.0,
        seed: int = 1,
    ) -> Mode:
        """The mode of the density given `data`, by L-BFGS: of the constrained parameters' density, or with `jacobian`
        of the unconstrained ones'. `laplace`: so many draws of the normal distribution with the curvature at the mode
        (takes the Jacobian). `init` as for `mcmc`."""
        given = arrays_of(init) if isinstance(init, Mapping) else {}
        radius = 2.0 if given else float(init)
        mode, was_interrupted = self._handle.optimize(
            arrays_of(data), jacobian, laplace, iterations, radius, given, seed
        )
        if was_interrupted:
            warnings.warn("the search was interrupted; this is the best point until then", stacklevel=2)
        return Mode(**mode)

    def pathfinder(
        self,
        data: Data | None = None,
        *,
        paths: int = 4,
        draws: int = 1000,
        path_draws: int = 1000,
        init: float | Data | Sequence[Data] = 2.0,
        seed: int = 1,
        threads: int = 0,
    ) -> Any:
        """An approximate posterior in some hundred gradients, by Pathfinder, in ArviZ InferenceData: one chain of
        independent draws. Its sample_stats have the attributes `k_hat` (above 0.7 the draws cannot be trusted, which is
        warned of) and `effective_size`. `init` as for `mcmc`."""
        is_radius = not isinstance(init, (Mapping, list, tuple))
        given = [] if is_radius else [arrays_of(one) for one in ([init] if isinstance(init, Mapping) else init)]
        arrays = arrays_of(data)
        found = self._handle.pathfinder(
            arrays, paths, draws, path_draws, float(init) if is_radius else 2.0, given, seed, threads
        )
        if found["warning"]:
            warnings.warn(found["warning"], stacklevel=2)
        one_chain = {
            "draws": {name: values[np.newaxis] for name, values in found["draws"].items()},
            "statistics": {name: found[name][np.newaxis] for name in ("lp", "lp_approx")},
            "data": arrays,
        }
        result = chains_to_inference_data(self.variables, one_chain)
        result["sample_stats"].attrs.update(k_hat=found["k_hat"], effective_size=found["effective_size"])
        return result

    def density(self, data: Data | None = None) -> Density:
        """The log density given `data`; quicker than `log_density` where it is evaluated often."""
        return Density(self._handle.density(arrays_of(data)))

    def log_density(
        self, unconstrained: npt.ArrayLike, data: Data | None = None, jacobian: bool = True
    ) -> float | np.ndarray:
        """The log density at unconstrained parameters, one point [parameter] or many [..., parameter]."""
        return self.density(data).log_density(unconstrained, jacobian)

    def gradient(self, unconstrained: npt.ArrayLike, data: Data | None = None, jacobian: bool = True) -> np.ndarray:
        """The gradient of the log density by the unconstrained parameters."""
        return self.density(data).gradient(unconstrained, jacobian)


class Sampler:
    """A trained posterior: draws for any data set in milliseconds. From Model.train or Sampler.load."""

    def __init__(self, handle: _sibyl.Sampler, notes: Sequence[str] = ()) -> None:
        self._handle = handle
        self.notes = list(notes)  #: what training decided: frame, networks

    @classmethod
    def load(cls, path: Path) -> Sampler:
        """A file that `save` or `sibyl train` wrote."""
        return cls(_sibyl.Sampler.load(os.fspath(path)))

    def save(self, path: Path) -> None:
        self._handle.save(os.fspath(path))

    @property
    def model(self) -> Model:
        return Model._of(self._handle.model)

    @property
    def calibration(self) -> dict[str, Any] | None:
        """How good the sampler was on fresh simulations; None where that was interrupted."""
        return json.loads(self._handle.calibration)

    @property
    def history(self) -> dict[str, Any]:
        """How training went."""
        return json.loads(self._handle.history)

    def _posteriors(
        self,
        data: Any,
        by: str | None,
        draws: int,
        seed: int,
        log_density: bool,
        predictions: bool,
        exact: bool,
        verify: bool,
        exact_seconds: float,
        threads: int,
    ) -> list[dict[str, Any]]:
        options = (draws, seed, log_density, predictions, exact, verify, exact_seconds, threads)
        posteriors, notes = call_with_data(self._handle, "sample", data, by, *options)
        for note in notes:
            warnings.warn(note, stacklevel=3)
        return posteriors

    def sample(
        self,
        data: Any,
        by: str | None = None,
        draws: int = 4000,
        seed: int = 1,
        log_density: bool = False,
        predictions: bool = False,
        exact: bool = False,
        verify: bool = False,
        threads: int = 0,
        exact_seconds: float = 30,
    ) -> Any:
        """Posterior draws as ArviZ InferenceData, with the groups posterior, sample_stats (verdict, k_hat, ess,
        log_evidence and its error, and log_density__ where it is wanted), posterior_predictive (data simulated anew for
        each draw, where it is wanted), observed_data and constant_data.

        `data`: a mapping of arrays, a list of such mappings, a DataFrame, or the path of a file (.csv, .json, .npz).
        `by`: the column of a table that tells data sets apart, and the name of their dimension. `exact`: draws of the
        model's own posterior, resampled by importance weights where these allow it, else by Markov chains that start
        from the amortized draws; the verdicts say what was done. `verify`: that too where the model has a density, and
        whether it can have made the data: sample_stats then has data_p_value, which is uniform for data of the model.
        `exact_seconds`: what the chains of one data set may take; the verdict says where that was too short.
        """
        posteriors = self._posteriors(
            data, by, draws, seed, log_density, predictions, exact, verify, exact_seconds, threads
        )
        is_single = isinstance(data, Mapping) or (by is None and len(posteriors) == 1)
        return to_inference_data(self.model.variables, posteriors, None if is_single else by or "set")

    def draws(
        self,
        data: Any,
        by: str | None = None,
        draws: int = 4000,
        seed: int = 1,
        exact: bool = False,
        verify: bool = False,
        threads: int = 0,
        exact_seconds: float = 30,
    ) -> dict[str, np.ndarray] | dict[str, dict[str, np.ndarray]]:
        """The draws alone, as NumPy arrays [draw, ...] by variable; with `by` or a list, by label and variable."""
        posteriors = self._posteriors(data, by, draws, seed, False, False, exact, verify, exact_seconds, threads)
        if isinstance(data, Mapping) or (by is None and len(posteriors) == 1):
            return posteriors[0]["draws"]
        return {one["label"]: one["draws"] for one in posteriors}

    def loo(
        self, data: Data, exact: bool = False, draws: int = 4000, seed: int = 1, threads: int = 0
    ) -> dict[str, Any]:
        """How well each point of a data set is predicted from all others, by Pareto-smoothed importance sampling:
        `elpd` with its standard error `elpd_error`, and for each of the `points` elpd_pointwise, p_loo_pointwise and
        k_hat. `exact`: by a posterior for each point left out, where the design draws the number of points. `doubt`
        says in words why the draws are not the model's posterior, where they are not."""
        found = self._handle.loo(arrays_of(data), exact, draws, seed, threads)
        if found["bad_points"]:
            warnings.warn(
                f"k-hat is above {found['largest_good_k_hat']:.2f} for {found['bad_points']} points: "
                "their elpd is not to be trusted",
                stacklevel=2,
            )
        if found["doubt"]:
            warnings.warn(f"the draws are {found['doubt']}", stacklevel=2)
        return found

    def diagnose(
        self,
        data: Data | Sequence[Data] | None = None,
        simulations: int = 500,
        draws: int = 400,
        seed: int = 1,
        threads: int = 0,
        html: Path | None = None,
    ) -> dict[str, Any]:
        """How good the sampler is on fresh simulations, and for given data: `parameters` with calibration, recovery,
        contraction, coverage and ranks; k_hat; what is wrong as `complaints`; what it was trained for. `html`: where a
        report goes, one page that needs nothing beside it."""
        sets = [] if data is None else [data] if isinstance(data, Mapping) else list(data)
        text, page, complaints = self._handle.diagnose(
            [arrays_of(one) for one in sets], simulations, draws, seed, threads
        )
        if html is not None:
            with open(html, "w", encoding="utf-8") as file:
                file.write(page)
        return {**json.loads(text), "complaints": complaints}

    def sensitivity(self, data: Data, draws: int = 4000, seed: int = 1, threads: int = 0) -> dict[str, Any]:
        """Which conclusions hang on the prior and which on the data: for each parameter how far its marginal moves for
        each doubling of the power of either (`distance`; above 0.05 it is sensitive), means and sds at the powers 0.8
        and 1.25, and a `diagnosis` (Kallioinen et al. 2024)."""
        return self._handle.sensitivity(arrays_of(data), draws, seed, threads)

    def log_density(self, parameters: Data, data: Data) -> float:
        """The amortized posterior's log density at given parameters, in the model's own space."""
        return self._handle.log_density(arrays_of(data), arrays_of(parameters))


def compare(
    samplers: Sequence[Sampler],
    data: Data,
    prior: Sequence[float] | None = None,
    draws: int = 4000,
    seed: int = 1,
    threads: int = 0,
) -> list[dict[str, Any]]:
    """Several models of one data set: of each its log_evidence, posterior probability and elpd, with their errors, and
    the elpd's difference to the best model. `prior`: the models' probabilities; equal where it is not given."""
    handles = [one._handle for one in samplers]
    return _sibyl.Sampler.compare(handles, arrays_of(data), list(prior or []), draws, seed, threads)


class ModelChoice:
    """Which of several models of the same data made a data set: a classifier, learned from simulations of all, with
    densities or without."""

    def __init__(self, handle: _sibyl.ModelChoice, notes: Sequence[str] = ()) -> None:
        self._handle = handle
        self.notes = list(notes)  #: what training decided: networks

    @classmethod
    def train(
        cls,
        models: Sequence[Model],
        time: float | str | None = None,
        *,
        steps: int = 0,
        missing: float = 0.0,
        design: Data | None = None,
        networks: Mapping[str, str] | None = None,
        batch: int = 0,
        rate: float = 0.0,
        device: str = "cpu",
        seed: int = 1,
        threads: int = 0,
        progress: bool = True,
    ) -> ModelChoice:
        """The arguments are those of Model.train. The models must have the same data and design."""
        notes: list[str] = []
        with ProgressBar(progress) as bar:
            handle, was_interrupted = _sibyl.ModelChoice.train(
                [one._handle for one in models],
                seconds_of(time),
                steps,
                missing,
                arrays_of(design),
                dict(networks or {}),
                batch,
                rate,
                device,
                seed,
                threads,
                bar.update,
                notes.append,
            )
        if was_interrupted:
            warnings.warn(
                "training was interrupted; what tells the models apart is what was learned until then", stacklevel=2
            )
        return cls(handle, notes)

    @classmethod
    def load(cls, path: Path) -> ModelChoice:
        """A file that `save` or `sibyl train A.sib B.sib` wrote."""
        return cls(_sibyl.ModelChoice.load(os.fspath(path)))

    def save(self, path: Path) -> None:
        self._handle.save(os.fspath(path))

    @property
    def models(self) -> list[str]:
        """Their names, in the order of the probabilities."""
        return self._handle.models

    @property
    def calibration(self) -> dict[str, Any]:
        """On fresh simulations: accuracy, mean log probability of the true model, expected calibration error."""
        return json.loads(self._handle.calibration)

    def compare(
        self, data: Any, by: str | None = None, prior: Sequence[float] | None = None
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Of each data set: its label, the models' posterior `probabilities`, and `p_values`, the share of each model's
        simulations whose summaries lie as far out; `unlike_all`: these are below 0.01 for all models, and the
        probabilities mean nothing (which is warned of). `data` and `by` as for Sampler.sample; one data set gives one
        dictionary, several a list. `prior`: the models' probabilities; equal where it is not given."""
        chances = list(prior or [])
        found, notes = call_with_data(self._handle, "compare", data, by, chances)
        unlike = [one["label"] for one in found if one["unlike_all"]]
        if unlike:
            notes = [*notes, f"data unlike the simulations of all models: {', '.join(map(str, unlike))}"]
        for note in notes:
            warnings.warn(note, stacklevel=2)
        is_single = isinstance(data, Mapping) or (by is None and len(found) == 1)
        return found[0] if is_single else found
