"""Makes a virtual environment with the Python package, built against an installed Sibyl, and with what its tests need.

usage: make_environment.py SOURCE INSTALLED WORK    (as an ordinary Python; the environment is WORK/venv)

Needs the network once: build tools, NumPy, ArviZ and pytest come from PyPI.
"""

import subprocess
import sys
from pathlib import Path

SOURCE, INSTALLED, WORK = (Path(argument).resolve() for argument in sys.argv[1:4])
PACKAGES = [
    "scikit-build-core>=0.10",
    "nanobind>=2.2",
    "numpy",
    "arviz",
    "h5netcdf",
    "h5py",
    "pandas",
    "pytest",
    "tqdm",
]

environment = WORK / "venv"
pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
if not (environment / "ready").exists():
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    if subprocess.run([*pip, *PACKAGES]).returncode != 0:
        sys.exit("this test installs packages from PyPI, and that failed: is there a network?")
    (environment / "ready").touch()

# Only the extension module is compiled, and only where it has changed.
subprocess.run(
    [
        *pip,
        "--no-build-isolation",
        "--no-deps",
        "--force-reinstall",
        f"-Cbuild-dir={WORK / 'build'}",
        f"-Ccmake.define.Sibyl_DIR={INSTALLED / 'lib' / 'cmake' / 'Sibyl'}",
        str(SOURCE),
    ],
    check=True,
)
