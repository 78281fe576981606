"""An observation of the benchmark as a data set: sbibm's observation.csv, beside the task's design where it has one.

usage: observation.py TASK observation.csv -o observation.json      (slcp_distractors needs numpy)
"""
import argparse
import csv
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent


def design(task):
    if task.startswith("bernoulli_glm"):
        return json.loads((HERE / "bernoulli_glm.json").read_text())
    if task == "slcp_distractors":
        import numpy

        return {name: array.tolist() for name, array in numpy.load(HERE / "slcp_distractors.npz").items()}
    return {}


def observation(task, numbers):
    if task == "slcp":
        return {"x": [numbers[i : i + 2] for i in range(0, 8, 2)]}
    if task == "bernoulli_glm_raw":
        return {"y": [int(number) for number in numbers]}
    return {"x": [int(number) for number in numbers] if task == "sir" else numbers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(path.stem for path in HERE.glob("*.sib")))
    parser.add_argument("csv", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    with options.csv.open(newline="") as lines:
        header, numbers = list(csv.reader(lines))[:2]
    data = {**design(options.task), **observation(options.task, [float(number) for number in numbers])}
    options.output.write_text(json.dumps(data))


if __name__ == "__main__":
    main()
