"""Posteriors as ArviZ InferenceData (an xarray.DataTree from ArviZ 1.0 on), laid out as `sibyl sample -o draws.nc`
writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

if TYPE_CHECKING:
    from . import Variable


def _pad(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    if array.shape == tuple(shape):
        return array
    padded = np.full(shape, np.nan)
    padded[tuple(slice(0, extent) for extent in array.shape)] = array
    return padded


def _combine(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """The data sets side by side along `axis`, padded with NaN where their sizes differ."""
    shape = np.max([array.shape for array in arrays], axis=0)
    return np.stack([_pad(array, shape) for array in arrays], axis=axis)


def _of_datasets(datasets: dict[str, Any]) -> Any:
    import arviz
    import xarray

    if int(arviz.__version__.split(".")[0]) < 1:
        return arviz.InferenceData(**datasets)
    return xarray.DataTree.from_dict(datasets)


def chains_to_inference_data(variables: Sequence[Variable], chains: dict[str, Any]) -> Any:
    """Markov chains: arrays are [chain, draw, ...]."""
    import xarray

    def dataset(part: str, names: Sequence[str], leading: Sequence[str]) -> Any:
        contents, coordinates = {}, {}
        for name in names:
            values = chains[part][name]
            dimensions = [*leading, *(f"{name}_dim_{d}" for d in range(values.ndim - len(leading)))]
            contents[name] = (dimensions, values.astype(bool) if name == "diverging" else values)
            coordinates.update(zip(dimensions, map(np.arange, values.shape)))
        return xarray.Dataset(contents, coords=coordinates, attrs={"inference_library": "sibyl"})

    def chosen(part: str, *roles: str) -> list[str]:
        return [v.name for v in variables if v.role in roles and v.name in chains[part]]

    groups = {
        "posterior": ("draws", chosen("draws", "parameter", "transformed parameter", "generated"), ["chain", "draw"]),
        "sample_stats": ("statistics", list(chains["statistics"]), ["chain", "draw"]),
        "observed_data": ("data", chosen("data", "observed", "underlying"), []),
        "constant_data": ("data", chosen("data", "design"), []),
    }
    return _of_datasets({name: dataset(*group) for name, group in groups.items() if group[1]})


def to_inference_data(variables: Sequence[Variable], posteriors: Sequence[dict[str, Any]], by: str | None) -> Any:
    """`by`: the name of the data sets' dimension; None: there is one data set, and no such dimension."""
    import xarray

    names = {variable.name for variable in variables}
    while by in names:
        by += "_set"
    labels = [one["label"] for one in posteriors]
    if all(re.fullmatch("-?[0-9]+", label) and abs(int(label)) <= 2**53 for label in labels):
        labels = [int(label) for label in labels]

    def variable(name: str, arrays: Sequence[np.ndarray], has_draws: bool) -> tuple[list[str], np.ndarray]:
        leading = ["draw"] if has_draws else []
        values = arrays[0] if by is None else _combine(arrays, len(leading))
        dimensions = leading + ([] if by is None else [by])
        dimensions += [f"{name}_dim_{d}" for d in range(values.ndim - len(dimensions))]
        return (["chain", *dimensions], values[np.newaxis]) if has_draws else (dimensions, values)

    def dataset(contents: dict[str, tuple[list[str], np.ndarray]]) -> Any:
        coordinates = {}
        for dimensions, values in contents.values():
            for dimension, extent in zip(dimensions, values.shape):
                coordinates[dimension] = labels if dimension == by else np.arange(extent)
        return xarray.Dataset(contents, coords=coordinates, attrs={"inference_library": "sibyl"})

    verdicts = np.array([one["verdict"] for one in posteriors])
    stats = {"verdict": ([], verdicts.reshape(())) if by is None else ([by], verdicts)}
    for name in ("k_hat", "ess", "log_evidence", "log_evidence_error"):
        values = np.array([one[name] for one in posteriors])
        stats[name] = ([], values.reshape(())) if by is None else ([by], values)
    for name in ("data_p_value", "local_p_value", "local_c2st"):
        if any(name in one for one in posteriors):
            values = np.array([one.get(name, np.nan) for one in posteriors])
            stats[name] = ([], values.reshape(())) if by is None else ([by], values)
    if "log_density" in posteriors[0]:
        stats["log_density__"] = variable("log_density__", [one["log_density"] for one in posteriors], True)

    def group(part: str, roles: Sequence[str], has_draws: bool) -> dict[str, tuple[list[str], np.ndarray]]:
        """The variables of some roles among those of a part of the posteriors, in order of declaration."""
        chosen = [v.name for v in variables if v.role in roles and v.name in posteriors[0].get(part, {})]
        return {name: variable(name, [one[part][name] for one in posteriors], has_draws) for name in chosen}

    groups = {
        "posterior": group("draws", ("parameter", "transformed parameter", "generated"), True),
        "sample_stats": stats,
        "posterior_predictive": group("predictions", ("observed", "underlying"), True),
        "observed_data": group("data", ("observed", "underlying"), False),
        "constant_data": group("data", ("design",), False),
    }
    return _of_datasets({name: dataset(contents) for name, contents in groups.items() if contents})
