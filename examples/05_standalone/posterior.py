"""Posteriors of all data sets of a CSV through a sampler's library, with the standard library alone.

usage: posterior.py LIBRARY DATA.csv
"""

import ctypes
import sys
from ctypes import POINTER, c_char_p, c_double, c_int32, c_size_t, c_uint64
from pathlib import Path


class Options(ctypes.Structure):
    _fields_ = [
        ("draws", c_uint64),
        ("seed", c_uint64),
        ("threads", c_int32),
        ("with_density", c_int32),
        ("by", c_char_p),
        ("exact", c_int32),
    ]


class Posterior(ctypes.Structure):
    _fields_ = [
        ("label", c_char_p),
        ("verdict", c_char_p),
        ("is_fine", c_int32),
        ("draw_count", c_size_t),
        ("column_count", c_size_t),
        ("columns", POINTER(c_char_p)),
        ("draws", POINTER(c_double)),
        ("summaries", POINTER(c_double)),
        ("k_hat", c_double),
        ("effective_size", c_double),
        ("log_evidence", c_double),
        ("log_evidence_error", c_double),
    ]


class Posteriors(ctypes.Structure):
    _fields_ = [("count", c_size_t), ("items", POINTER(Posterior)), ("notes", c_char_p)]


def open_sampler(path):
    sampler = ctypes.CDLL(str(Path(path).resolve()))
    sampler.sibyl_sampler_sample_text.restype = POINTER(Posteriors)
    sampler.sibyl_sampler_sample_text.argtypes = [c_char_p, POINTER(Options)]
    sampler.sibyl_sampler_free.argtypes = [POINTER(Posteriors)]
    sampler.sibyl_sampler_last_error.restype = c_char_p
    return sampler


def draws_of(sampler, text, **options):
    """{label: {column: [draw, ...]}} for the data sets of a CSV or Stan JSON text."""
    result = sampler.sibyl_sampler_sample_text(text.encode(), Options(**options))
    if not result:
        raise ValueError(sampler.sibyl_sampler_last_error().decode())
    draws = {}
    for one in result.contents.items[: result.contents.count]:
        width = one.column_count
        values = one.draws[: one.draw_count * width]
        draws[one.label.decode()] = {one.columns[c].decode(): values[c::width] for c in range(width)}
    sampler.sibyl_sampler_free(result)
    return draws


if __name__ == "__main__":
    posteriors = draws_of(open_sampler(sys.argv[1]), Path(sys.argv[2]).read_text(), draws=2000, seed=1, by=b"set")
    for label, columns in posteriors.items():
        means = ", ".join(f"{name} {sum(values) / len(values):.3f}" for name, values in columns.items())
        print(f"{label}: {means}")
