"""A model as a string: simulated, trained, and asked for the posteriors of a DataFrame's data sets."""
import sys

import arviz
import pandas as pd
import sibyl

model = sibyl.Model("""
    data { int<lower=1> N; vector[N] x; vector[N] y; }
    design { N ~ discrete_range(5, 14); x ~ normal(0, 1); }
    parameters { real intercept; real slope; real<lower=0> sigma; }
    model {
      intercept ~ normal(2, 3); slope ~ normal(0, 1); sigma ~ gamma(1, 1);
      y ~ normal(intercept + slope * x, sigma);
    }""")
print(f"prior of the slope: {model.simulate(10_000)['slope'].std():.2f}", file=sys.stderr)
sampler = model.train(time=sys.argv[1] if len(sys.argv) > 1 else "20s")
data = pd.DataFrame({"plant": ["a"] * 5 + ["b"] * 6, "x": [-1.2, -0.4, 0.1, 0.8, 1.5, -1, -0.6, 0, 0.3, 0.7, 1.1],
                     "y": [0.3, 1.1, 1.4, 2.3, 2.8, 3.9, 3.2, 3.0, 2.4, 2.5, 1.7]})
posterior = sampler.sample(data, by="plant")
print(arviz.summary(posterior, kind="stats").to_csv())
