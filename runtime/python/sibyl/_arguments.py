"""What callers give, as C++ takes it."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping, Union

import numpy as np
import numpy.typing as npt

from ._sibyl import UserError

Data = Mapping[str, npt.ArrayLike]
Path = Union[str, "os.PathLike[str]"]


def arrays_of(data: Data | None) -> dict[str, np.ndarray]:
    """Named arrays as C++ takes them: numbers in row-major order; None is a missing value."""
    result = {}
    for name, value in (data or {}).items():
        try:
            result[name] = np.ascontiguousarray(value, dtype=np.float64).reshape(np.shape(value))
        except (TypeError, ValueError) as error:
            raise UserError(f"`{name}` is not an array of numbers: {error}") from None
    return result


def seconds_of(time: float | str | None) -> float:
    if time is None:
        return 0.0
    if isinstance(time, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*(s|m|min|h)?\s*", time)
        if not match:
            raise UserError(f"`{time}` is no duration; write 60s, 3m or 1h")
        time = float(match[1]) * {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}[match[2]]
    if not time > 0:
        raise UserError(f"the time is {time}, it must be more than 0 seconds")
    return float(time)


def call_with_data(handle: Any, name: str, data: Any, by: str | None, *options: Any) -> Any:
    """The handle's `name_file`, `name_table` or `name_each`, by what the data are: the path of a file, a DataFrame, or
    mappings of arrays, one or several."""
    if isinstance(data, (str, os.PathLike)):
        return getattr(handle, f"{name}_file")(os.fspath(data), by or "", *options)
    if hasattr(data, "to_csv"):  # pandas
        return getattr(handle, f"{name}_table")(data.to_csv(index=False, na_rep="nan"), by or "", *options)
    if hasattr(data, "write_csv"):  # polars
        return getattr(handle, f"{name}_table")(data.write_csv(), by or "", *options)
    if by is not None:
        raise UserError("`by` splits the rows of a table or file; several data sets are given as a list")
    sets = [data] if isinstance(data, Mapping) else list(data)
    return getattr(handle, f"{name}_each")([arrays_of(one) for one in sets], *options)
