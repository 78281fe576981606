"""Writes importance.json: ArviZ's k-hat, smoothed weights and generalized Pareto fits, beside the log ratios they are
of.

pip install "arviz<1" && python make_importance_references.py
"""

import json
import pathlib

import arviz
import numpy as np
from arviz.stats.stats import _gpdfit
from scipy import stats

random = np.random.default_rng(20240072)


def ratios_between(target, proposal, count):
    draws = proposal.rvs(count, random_state=random)
    return target.logpdf(draws) - proposal.logpdf(draws)


cases = {
    "too wide a normal": ratios_between(stats.norm(), stats.norm(0, 2), 400),
    "too narrow a normal": ratios_between(stats.norm(), stats.norm(0, 0.7), 400),
    "far too narrow a normal": ratios_between(stats.norm(), stats.norm(0, 0.4), 300),
    "Student's t by a normal": ratios_between(stats.t(3), stats.norm(), 500),
    "shifted, of size 1e4": 1e4 + ratios_between(stats.norm(), stats.norm(0.5, 1), 250),
    "almost equal": 1e-5 * random.normal(size=300),
    "few": ratios_between(stats.norm(), stats.norm(0, 0.8), 40),
}
smoothed = []
for name, ratios in cases.items():
    ratios = np.round(ratios, 12)
    weights, k = arviz.psislw(ratios)
    weights = weights - np.log(np.sum(np.exp(weights)))
    smoothed.append(
        {
            "name": name,
            "log_ratios": ratios.tolist(),
            "k_hat": float(k),
            "log_weights": np.asarray(weights).tolist(),
        }
    )

tails = []
for k in (-0.3, 0.0, 0.5, 1.2):
    exceedances = np.sort(stats.genpareto(k, scale=2.5).rvs(120, random_state=random))
    fitted_k, sigma = _gpdfit(exceedances)
    tails.append({"exceedances": exceedances.tolist(), "k": float(fitted_k), "sigma": float(sigma)})

path = pathlib.Path(__file__).with_name("importance.json")
path.write_text(json.dumps({"smoothed": smoothed, "tails": tails}, indent=1) + "\n")
