"""Loads libraries written by `sibyl compile --shared` with BridgeStan's own Python client, unchanged, and compares log
densities and gradients with Stan's values.

  bridgestan_accuracy.py SIBYL MODELS DATA REFERENCES [NAME...]

MODELS: folder of NAME.stan; REFERENCES: folder of NAME.json (see the posteriordb folder's notes); DATA: folder of the
data sets. Prints one JSON line with the largest relative errors; fails where a density is off by more than 1e-8 or a
gradient by 1e-7.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import bridgestan


def relative(value, reference, scale):
    return float(np.max(np.abs(value - reference) / np.maximum(scale, np.abs(reference))))


def check(sibyl, model_path, data_path, reference, folder):
    library = os.path.join(folder, os.path.basename(model_path).replace(".stan", ".so"))
    subprocess.run([sibyl, "compile", "--shared", model_path, "-o", library], check=True, stderr=subprocess.DEVNULL)
    model = bridgestan.StanModel(library, data=data_path, warn=False)
    assert model.param_unc_names() == reference["unconstrained_names"], "names of the unconstrained parameters"
    names = model.param_names()
    assert names == reference["constrained_names"][: len(names)], "names of the parameters"
    density_error = gradient_error = 0.0
    for point in reference["points"]:
        if point["log_density"] is None or any(g is None for g in point["gradient"]):
            continue
        u = np.array(point["unconstrained"])
        constrained = model.param_constrain(u)
        assert np.allclose(constrained, point["constrained"][: len(constrained)], rtol=1e-10, atol=1e-12), "constrain"
        assert np.allclose(model.param_unconstrain(constrained), u, rtol=1e-7, atol=1e-7), "unconstrain"
        for jacobian, key in ((False, "log_density"), (True, "log_density_jacobian")):
            value = model.log_density(u, propto=False, jacobian=jacobian)
            density_error = max(density_error, relative(value, point[key], 1.0))
        value, gradient = model.log_density_gradient(u, propto=False, jacobian=True)
        reference_gradient = np.array(point["gradient"])
        # A component far smaller than the others carries their rounding: it is measured against the largest.
        scale = max(1.0, float(np.max(np.abs(reference_gradient))) * 1e-3)
        gradient_error = max(gradient_error, relative(gradient, reference_gradient, scale))
        if len(u) <= 10:
            _, _, hessian = model.log_density_hessian(u)
            assert np.allclose(hessian, hessian.T, rtol=1e-5, atol=1e-5 * np.max(np.abs(hessian))), "Hessian"
    return density_error, gradient_error


def main():
    sibyl, models, data, references = sys.argv[1:5]
    chosen = sys.argv[5:] or sorted(name[:-5] for name in os.listdir(models) if name.endswith(".stan"))
    worst_density = worst_gradient = 0.0
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            with open(os.path.join(references, name + ".json")) as file:
                reference = json.load(file)
            data_path = os.path.join(data, os.path.basename(reference["data"]))
            if not data_path.endswith(".json"):
                data_path += ".json"
            try:
                density, gradient = check(sibyl, os.path.join(models, name + ".stan"), data_path, reference, folder)
            except Exception as error:  # one model's failure must not hide the others
                failed.append(f"{name}: {type(error).__name__}: {error}")
                continue
            print(f"{name}: density {density:.1e}, gradient {gradient:.1e}", file=sys.stderr)
            worst_density, worst_gradient = max(worst_density, density), max(worst_gradient, gradient)
            if density > 1e-8 or gradient > 1e-7:
                failed.append(f"{name}: density {density:.1e}, gradient {gradient:.1e}")
    print(
        json.dumps(
            {"models": len(chosen), "density_error": worst_density, "gradient_error": worst_gradient, "failed": failed}
        )
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
