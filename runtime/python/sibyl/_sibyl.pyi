from typing import Any, Callable

import numpy as np

class UserError(ValueError): ...
class ModelError(UserError): ...

_Arrays = dict[str, np.ndarray]
_Posteriors = tuple[list[dict[str, Any]], list[str]]

class Density:
    @property
    def names(self) -> list[str]: ...
    def evaluate(self, points: np.ndarray, with_gradient: bool, jacobian: bool) -> np.ndarray: ...
    def constrain(self, point: np.ndarray, /) -> _Arrays: ...
    def unconstrain(self, parameters: _Arrays, /) -> np.ndarray: ...

class Model:
    @staticmethod
    def from_text(text: str, name: str) -> Model: ...
    @staticmethod
    def from_file(path: str, include_directories: list[str]) -> Model: ...
    def with_powers(self) -> tuple[Model, list[str]]: ...
    def with_priors(self, priors: list[str], /) -> Model: ...
    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def warnings(self) -> str: ...
    @property
    def facts(self) -> str: ...
    @property
    def variables(self) -> list[tuple[str, str, str]]: ...
    def simulate(self, n: int, seed: int, design: _Arrays, threads: int, /) -> tuple[_Arrays, int, str]: ...
    def train(
        self,
        seconds: float,
        steps: int,
        simulations: int,
        moves: int,
        frame: str,
        missing: float,
        design: _Arrays,
        around: _Arrays,
        self_consistency: float,
        real: list[_Arrays],
        networks: dict[str, str],
        posterior: str,
        batch: int,
        rate: float,
        device: str,
        seed: int,
        threads: int,
        on_progress: Callable[[int, int, float, float, float, float], None],
        on_note: Callable[[str], None],
        /,
    ) -> tuple[Sampler, bool]: ...
    def mcmc(
        self,
        data: _Arrays,
        chains: int,
        warmup: int,
        draws: int,
        dense: bool,
        adapt_delta: float,
        max_depth: int,
        init_radius: float,
        init: list[_Arrays],
        seed: int,
        threads: int,
        chees: bool,
        on_progress: Callable[[int, int, int], None],
        /,
    ) -> tuple[dict[str, Any], bool]: ...
    def optimize(
        self,
        data: _Arrays,
        jacobian: bool,
        laplace: int,
        iterations: int,
        init_radius: float,
        init: _Arrays,
        seed: int,
        /,
    ) -> tuple[dict[str, Any], bool]: ...
    def pathfinder(
        self,
        data: _Arrays,
        paths: int,
        draws: int,
        path_draws: int,
        init_radius: float,
        init: list[_Arrays],
        seed: int,
        threads: int,
        /,
    ) -> dict[str, Any]: ...
    def density(self, data: _Arrays, /) -> Density: ...

class Sampler:
    @staticmethod
    def load(path: str, /) -> Sampler: ...
    def save(self, path: str, /) -> None: ...
    @property
    def model(self) -> Model: ...
    @property
    def calibration(self) -> str: ...
    @property
    def history(self) -> str: ...
    def sample_each(
        self,
        data: list[_Arrays],
        draws: int,
        seed: int,
        log_density: bool,
        predictions: bool,
        exact: bool,
        verify: bool,
        threads: int,
        /,
    ) -> _Posteriors: ...
    def sample_table(
        self,
        csv: str,
        by: str,
        draws: int,
        seed: int,
        log_density: bool,
        predictions: bool,
        exact: bool,
        verify: bool,
        threads: int,
        /,
    ) -> _Posteriors: ...
    def sample_file(
        self,
        path: str,
        by: str,
        draws: int,
        seed: int,
        log_density: bool,
        predictions: bool,
        exact: bool,
        verify: bool,
        threads: int,
        /,
    ) -> _Posteriors: ...
    def loo(self, data: _Arrays, exact: bool, draws: int, seed: int, threads: int, /) -> dict[str, Any]: ...
    def diagnose(
        self, data: list[_Arrays], simulations: int, draws: int, seed: int, threads: int, /
    ) -> tuple[str, str, list[str]]: ...
    def sensitivity(self, data: _Arrays, draws: int, seed: int, threads: int, /) -> dict[str, Any]: ...
    @staticmethod
    def compare(
        samplers: list[Sampler], data: _Arrays, prior: list[float], draws: int, seed: int, threads: int, /
    ) -> list[dict[str, Any]]: ...
    def log_density(self, data: _Arrays, parameters: _Arrays, /) -> float: ...

class ModelChoice:
    @staticmethod
    def train(
        models: list[Model],
        seconds: float,
        steps: int,
        missing: float,
        design: _Arrays,
        networks: dict[str, str],
        batch: int,
        rate: float,
        device: str,
        seed: int,
        threads: int,
        on_progress: Callable[[int, int, float, float, float, float], None],
        on_note: Callable[[str], None],
        /,
    ) -> tuple[ModelChoice, bool]: ...
    @staticmethod
    def load(path: str, /) -> ModelChoice: ...
    def save(self, path: str, /) -> None: ...
    @property
    def models(self) -> list[str]: ...
    @property
    def calibration(self) -> str: ...
    def compare_each(self, data: list[_Arrays], prior: list[float], /) -> _Posteriors: ...
    def compare_table(self, csv: str, by: str, prior: list[float], /) -> _Posteriors: ...
    def compare_file(self, path: str, by: str, prior: list[float], /) -> _Posteriors: ...
