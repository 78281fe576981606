"""The REPL as a user sees it: at a pseudo-terminal, and with scripts on its standard input.

repl_terminal.py PROGRAM FOLDER: FOLDER takes history and cache.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

program, folder = sys.argv[1:3]
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
environment = dict(
    os.environ,
    HOME=folder,
    XDG_STATE_HOME=folder + "/state",
    XDG_CACHE_HOME=folder + "/cache",
    TERM="xterm",
    LC_ALL="C.UTF-8",
    EDITOR="sed -i s/1.5/2.5/",
)
environment.pop("VISUAL", None)


class Terminal:
    """A REPL at a terminal: what is typed into it, and what it shows since then."""

    def __init__(self, *arguments):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execve(program, [program, *arguments], environment)
        self.shown = ""

    def type(self, text):
        self.shown = ""
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern, seconds=60):
        """Reads until the pattern is shown; returns all since the last typing."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"waited for {pattern!r}, and saw:\n{self.shown}")
            try:
                data = os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"ended before {pattern!r}, after:\n{self.shown}") from None
            # Only text matters: no colours, no movements of the cursor.
            self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data).replace("\r", "")
        return self.shown

    def enter(self, line, seconds=60):
        """Types a line and returns what is shown until the next prompt."""
        self.type(line + "\r")
        return self.wait_for(r"\nsibyl> $", seconds)

    def end(self):
        _, status = os.waitpid(self.process, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


def check(condition, *shown):
    if not condition:
        raise AssertionError("\n".join(str(one) for one in shown))


def model_is_typed_trained_and_asked():
    repl = Terminal()
    repl.wait_for(r"sibyl> $")
    for line in [
        "int<lower=1> N;",
        "N ~ discrete_range(5, 20);",
        "data vector[N] y;",
        "real mu;",
        "mu ~ normal(0, 1.5);",
    ]:
        repl.enter(line)

    # Several lines until the brace closes.
    repl.type("for (n in 1:N) {\r")
    repl.wait_for(r"\n     \| $")
    repl.type("  y[n] ~ normal(mu, 1);\r")
    repl.wait_for(r"\n     \| $")
    check("in model" in repl.enter("}"), repl.shown)

    # Completion of a command, of a distribution's only match, and a list of several matches.
    check("for (n in 1:N)" in repl.enter(":mod\t"), repl.shown)
    check("in place of `mu ~ normal(0, 1.5);`" in repl.enter("mu ~ std_n\t);"), repl.shown)
    repl.enter(":undo")
    repl.type(":s\t")
    check(":save" in repl.wait_for(r":set"), repl.shown)

    # Ctrl-C leaves the line, and nothing else.
    repl.type("\x03")
    repl.wait_for(r"sibyl> $")

    # An error underlines what was typed, and the session goes on.
    check("^^" in repl.enter("y ~ normal(mu, sigm);"), repl.shown)

    check("▁" in repl.enter(":prior"), repl.shown)
    check("normal(0, 2.5)" in repl.enter(":edit") + repl.enter(":model"), repl.shown)

    # Training that is stopped early leaves a sampler.
    repl.enter(":set frame laplace")
    repl.type(":train 100s\r")
    repl.wait_for(r"step \d+")
    repl.type("\x03")
    check("stopped early" in repl.wait_for(r"\nsibyl> $"), repl.shown)
    repl.type(':data {"N": 6,\r')
    repl.wait_for(r"\n     \| $")
    check("1 data set" in repl.enter('"y": [1.2, 0.4, 2.2, 1.9, 0.7, 1.1]}'), repl.shown)
    check("verdict" in repl.enter(":sample"), repl.shown)
    check(re.search(r"P\(mu > 0\) = 0\.9", repl.enter("mu > 0")), repl.shown)
    check("replicated" in repl.enter(":check"), repl.shown)

    # What is only generated may change after training.
    check("in generated quantities" in repl.enter("real next = normal_rng(mu, 1);"), repl.shown)
    repl.enter(":sample")
    check(re.search(r"next +\d", repl.enter("next")), repl.shown)
    check("has changed" in repl.enter("mu ~ normal(0, 3);") + repl.enter(":sample"), repl.shown)
    repl.enter(":undo")
    check("verdict" in repl.enter(":sample"), repl.shown)
    check("answered by" in repl.enter(":sample verify"), repl.shown)
    check("the worst predicted first" in repl.enter(":loo"), repl.shown)
    check("correlation" in repl.enter(":pairs mu mu^2"), repl.shown)
    check("wrote kept.sibyl" in repl.enter(":save kept"), repl.shown)
    repl.type("\x04")
    check(repl.end() == 0)


def history_and_sampler_outlive_the_session():
    repl = Terminal("repl")
    repl.wait_for(r"sibyl> $")
    repl.type("\x1b[A")
    repl.wait_for(r":save kept")
    repl.type("\x1b[A\x1b[A\r")
    check("no posterior yet" in repl.wait_for(r"\nsibyl> $"), repl.shown)
    check("declarations and statements" in repl.enter(":load kept.siby\t"), repl.shown)
    repl.enter(':data {"N": 3, "y": [0, 1, 2]}')
    check("verdict" in repl.enter(":sample"), repl.shown)
    repl.type(":quit\r")
    check(repl.end() == 0)


def script(text, *arguments):
    return subprocess.run(
        [program, "repl", *arguments],
        input=text,
        text=True,
        capture_output=True,
        env=environment,
        cwd=folder,
        timeout=120,
    )


def scripts_end_at_an_error():
    fine = script("real mu;\nmu ~ normal(0, 1);\n2 + 3\n")
    check(fine.returncode == 0 and fine.stdout.endswith("5.000\n"), fine)
    wrong = script("real mu;\nmu ~ normal(0, tau);\n2 + 3\n")
    check(wrong.returncode != 0 and "5.000" not in wrong.stdout and "<2>:1:16" in wrong.stderr, wrong)
    cut = script("model {\n")
    check(cut.returncode != 0, cut)
    check(script("2 + 3\n:quit\n2 + 4\n").stdout == "5.000\n")
    check(script("mean(mu)\n", "kept.sib").returncode == 0)
    check(script("1\n", "missing.sib").returncode != 0)


def ctrl_c_stops_what_a_script_runs():
    running = subprocess.Popen(
        [program, "repl", "kept.sib"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    )
    running.stdin.write(":set frame laplace\n:train 100s\n2 + 3\n")
    running.stdin.close()
    for line in running.stdout:
        if "step" in line:
            break
    running.send_signal(signal.SIGINT)
    rest = running.stdout.read()
    check(running.wait(timeout=60) == 0 and "stopped early" in rest and rest.endswith("5.000\n"), rest)


for test in [
    model_is_typed_trained_and_asked,
    history_and_sampler_outlive_the_session,
    scripts_end_at_an_error,
    ctrl_c_stops_what_a_script_runs,
]:
    begin = time.monotonic()
    test()
    print(f"{test.__name__}: {time.monotonic() - begin:.1f} s")
