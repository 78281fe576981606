"""The page that `sibyl build --web` writes, in headless Chromium: its draws are the executable's to float rounding.

usage: web_page.py SIBYL REPOSITORY CACHE    (CACHE keeps the compiled runtime between runs)
With SIBYL_SCREENSHOTS=FOLDER, pictures of the page in light and dark are left there.
"""

import base64
import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

SIBYL, REPOSITORY, CACHE = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
sys.path.insert(0, str(REPOSITORY / "tests" / "integration"))
from browser import Browser  # noqa: E402

WORK = tempfile.TemporaryDirectory()
FOLDER = Path(WORK.name)

# A bounded parameter, constrained vectors and matrices, a Laplace frame, and derived quantities of both kinds.
MODEL = """
data { int<lower=1> N; vector[N] x; vector[N] y; }
design { N ~ discrete_range(5, 14); x ~ normal(0, 1); }
parameters {
  real intercept;
  real slope;
  real<lower=0> sigma;
  simplex[3] share;
  cholesky_factor_corr[2] factor;
}
transformed parameters { real at_one = intercept + slope; }
model {
  intercept ~ normal(2, 3);
  slope ~ normal(0, 1);
  sigma ~ gamma(1, 1);
  share ~ dirichlet([2, 3, 4]');
  factor ~ lkj_corr_cholesky(2);
  y ~ normal(intercept + share[1] + slope * x, sigma + factor[2, 1] ^ 2);
}
generated quantities { real next = normal_rng(at_one, sigma); }
"""
PARAMETERS = 3 + 3 + 4  # numbers of the table
CONSTANTS = 2  # of them, in the first row of a Cholesky factor: they have no picture


def run(*command):
    environment = {**os.environ, "XDG_CACHE_HOME": str(CACHE)}
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")


def table_of(text):
    """{set: {column: [number, ...]}}"""
    sets = {}
    for row in csv.DictReader(text.splitlines()):
        columns = sets.setdefault(row.pop("set"), {})
        for name, value in row.items():
            columns.setdefault(name, []).append(float(value))
    return sets


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        model, sampler, cls.data = FOLDER / "regression.sib", FOLDER / "regression.sibyl", FOLDER / "data.csv"
        cls.page = FOLDER / "page.html"
        model.write_text(MODEL)
        run(SIBYL, "train", model, "-o", sampler, "--steps", "30", "--frame", "laplace")
        run(SIBYL, "simulate", model, "-n", "4", "--seed", "3", "-o", cls.data)
        run(SIBYL, "sample", sampler, cls.data, "--by", "set", "-n", "1000", "--seed", "2", "-o", FOLDER / "draws.csv")
        run(SIBYL, "build", "--web", sampler, "-o", cls.page)
        cls.browser = Browser(shutil.which("chromium") or sys.exit("this test needs chromium"))
        cls.addClassCleanup(cls.browser.__exit__)
        cls.browser.command(
            "Emulation.setDeviceMetricsOverride", width=1100, height=900, deviceScaleFactor=1, mobile=False
        )
        cls.browser.command("Page.navigate", url=cls.page.as_uri())
        cls.browser.wait_for("document.readyState === 'complete' && !document.getElementById('run').disabled", 30)

    def draw(self, text, by, draws=1000, seed=2):
        self.browser.evaluate(f"""
          $("text").value = {json.dumps(text)};
          $("text").dispatchEvent(new Event("input"));
          $("by").value = {json.dumps(by)}; $("draws").value = {draws}; $("seed").value = {seed};
          $("run").click();""")
        self.browser.wait_for("!$('run').disabled", 60)

    def test_1_its_draws_are_those_of_the_program_to_rounding(self):
        self.draw(self.data.read_text(), "set")
        self.assertEqual(self.browser.evaluate("$('error').textContent"), "")
        drawn = table_of(self.browser.evaluate("drawsAsCsv().text()"))
        expected = table_of((FOLDER / "draws.csv").read_text())
        self.assertEqual(list(drawn), list(expected))
        for label, columns in expected.items():
            self.assertEqual(list(drawn[label]), list(columns))
            for name, values in columns.items():
                scale = statistics.stdev(values)
                furthest = max(abs(a - b) for a, b in zip(drawn[label][name], values))
                self.assertLessEqual(furthest, 1e-3 * scale, f"{name} of set {label}")

    def test_2_its_table_tells_screen_readers_what_a_number_is(self):
        rows = self.browser.evaluate("[...$('table').querySelectorAll('tbody tr')].length")
        self.assertEqual(rows, 4 * PARAMETERS)
        scopes = self.browser.evaluate("[...$('table').querySelectorAll('th')].map((one) => one.scope)")
        self.assertEqual({*scopes}, {"col", "row", "rowgroup"})
        self.assertIn("Drew 1000 times for 4 data sets", self.browser.evaluate("$('status').textContent"))
        unnamed = self.browser.evaluate("""[...document.querySelectorAll("input, select, textarea")]
          .filter((one) => one.labels.length === 0).length""")
        self.assertEqual(unnamed, 0)
        pictures = self.browser.evaluate(
            "[...document.querySelectorAll('svg')].map((one) => one.getAttribute('aria-label'))"
        )
        self.assertEqual(len(pictures), PARAMETERS - CONSTANTS + 1)
        self.assertIn("Density of sigma: median", " ".join(pictures))

    def test_3_it_is_used_by_keyboard_alone(self):
        self.browser.evaluate("$('results').hidden = true; $('file').focus()")
        visited = []
        for _ in range(6):
            visited.append(self.browser.evaluate("document.activeElement.id"))
            self.browser.press("Tab", 9)
        self.assertEqual(visited, ["file", "text", "by", "draws", "seed", "run"])
        self.browser.evaluate("$('run').focus()")
        self.browser.press("Enter", 13, "\r")
        self.browser.wait_for("!$('results').hidden", 60)

    def test_4_a_message_says_what_is_wrong_and_the_next_data_work(self):
        self.draw("x,y\n1,2\n1,oops\n", "")
        self.assertIn("oops", self.browser.evaluate("$('error').textContent"))
        self.draw('{"N": 2, "x": [1, 2], "y": [1, }', "")
        self.assertIn("syntax error", self.browser.evaluate("$('error').textContent"))
        self.draw('{"N": 5, "x": [0, 1, 2, 3, 4], "y": [1, 2, 3, 4, 6]}', "")
        self.assertEqual(self.browser.evaluate("$('error').textContent"), "")
        self.assertIn("for 1 data set", self.browser.evaluate("$('status').textContent"))

    def test_5_it_asks_for_nothing_from_anywhere_and_is_small(self):
        asked = [
            event["params"]["request"]["url"]
            for event in self.browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        self.assertEqual([url for url in asked if not url.startswith(("file:", "blob:", "data:"))], [])
        self.assertLess(self.page.stat().st_size, 3e6)

    def test_6_it_ships_no_assertions(self):
        packed = max(re.findall("[A-Za-z0-9+/=]+", self.page.read_text()), key=len)
        module = zlib.decompress(base64.b64decode(packed))
        self.assertTrue(module.startswith(b"\0asm"))
        self.assertNotIn(b"Assertion", module)
        self.assertNotIn(b"Eigen/src", module)

    def test_7_it_follows_the_colour_scheme(self):
        self.draw(self.data.read_text(), "set")
        colours = []
        for scheme in ("light", "dark"):
            self.browser.command(
                "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
            )
            colours.append(self.browser.evaluate("getComputedStyle(document.body).backgroundColor"))
            if folder := os.environ.get("SIBYL_SCREENSHOTS"):
                picture = self.browser.command("Page.captureScreenshot", captureBeyondViewport=True)
                (Path(folder) / f"page_{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
        self.assertNotEqual(*colours)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
