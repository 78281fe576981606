"""Writes chain_diagnostics.json: chains of known kinds and their diagnostics by ArviZ (pip install arviz==0.22.0).

The chains are made by the 32-bit arithmetic below, so that the test can hold a few numbers instead of thousands."""

import json
import sys
from pathlib import Path

import arviz
import numpy as np


def uniforms(seed: int, count: int) -> np.ndarray:
    """A linear congruential generator modulo 2^31 (the same in the test)."""
    state, values = seed, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        values.append((state + 0.5) / 2**31)
    return np.array(values)


def autoregression(seed: int, chains: int, draws: int, coefficient: float, shift: float, power: float) -> np.ndarray:
    noise = uniforms(seed, chains * draws).reshape(chains, draws) - 0.5
    values = np.zeros((chains, draws))
    for chain in range(chains):
        state = 0.0
        for draw in range(draws):
            state = coefficient * state + noise[chain, draw]
            values[chain, draw] = np.sign(state) * abs(state) ** power + shift * chain
    return values


def energy_bfmi(energies: np.ndarray) -> float:
    return float(np.sum(np.diff(energies) ** 2) / np.sum((energies - energies.mean()) ** 2))


cases = []
for name, seed, chains, draws, coefficient, shift, power, digits in [
    ("independent", 1, 4, 1000, 0.0, 0.0, 1.0, None),
    ("slow", 2, 4, 1000, 0.95, 0.0, 1.0, None),
    ("antithetic", 3, 4, 500, -0.6, 0.0, 1.0, None),
    ("apart", 4, 4, 500, 0.3, 0.2, 1.0, None),
    ("heavy tails", 5, 3, 401, 0.5, 0.0, 9.0, None),
    ("ties", 6, 2, 333, 0.8, 0.0, 1.0, 1),
    ("one chain", 7, 1, 200, 0.2, 0.0, 1.0, None),
    ("short", 8, 4, 6, 0.4, 0.0, 1.0, None),
    ("hardly moving", 9, 2, 64, 0.999, 0.0, 1.0, None),
]:
    values = autoregression(seed, chains, draws, coefficient, shift, power)
    if digits is not None:
        values = np.floor(values * 10**digits + 0.5)
    cases.append(
        dict(
            name=name, seed=seed, chains=chains, draws=draws, coefficient=coefficient, shift=shift, power=power,
            is_rounded=digits is not None,
            # ArviZ refuses one chain, which is split like any other.
            rhat=float(arviz.rhat(values, method="rank")) if chains > 1 else None,
            mean_ess=float(arviz.ess(values, method="mean")),
            bulk_ess=float(arviz.ess(values, method="bulk")),
            tail_ess=float(arviz.ess(values, method="tail")),
            mean_error=float(arviz.mcse(values, method="mean")),
            ebfmi=energy_bfmi(values[0]),
        )
    )
Path(sys.argv[1] if len(sys.argv) > 1 else "chain_diagnostics.json").write_text(json.dumps(cases, indent=1) + "\n")
