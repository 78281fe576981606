"""Progress of trainings and chains: tqdm's bar where it is installed (in notebooks too), else a plain line on standard
error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


class ProgressBar:
    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._bar: Any = None
        self._last_shown = float("-inf")
        self._is_line_open = False

    def __enter__(self) -> ProgressBar:
        if self._is_shown:
            try:
                from tqdm.auto import tqdm

                # Percent of the budget: it may be one of time, steps or simulations.
                self._bar = tqdm(total=100, bar_format="{l_bar}{bar}| {elapsed}<{postfix}", desc="training")
            except ImportError:
                pass
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._is_line_open:
            sys.stderr.write("\n")

    def update(
        self, step: int, simulations: int, loss: float, validation_loss: float, seconds: float, seconds_left: float
    ) -> None:
        if not self._is_shown:
            return
        share = seconds / (seconds + seconds_left) if seconds_left > 0 else 1.0  # the last step may exceed the budget
        seconds_left = max(0.0, seconds_left)
        is_terminal = sys.stderr.isatty()
        pause = 0.2 if is_terminal or self._bar is not None else 10
        now = time.monotonic()
        if now - self._last_shown < pause and share < 1:
            return
        self._last_shown = now
        status = f"step {step}, loss {loss:.3f}, validation {validation_loss:.3f}"
        if self._bar is not None:
            self._bar.n = round(100 * share, 1)
            if share >= 1:
                self._bar.set_description_str("calibrating", refresh=False)
            self._bar.set_postfix_str(f"{seconds_left:.0f} s, {status}")
            return
        self._is_line_open = is_terminal
        line = f"{status}, {seconds_left:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{line}" if is_terminal else line + "\n")
        sys.stderr.flush()


class ChainsBar:
    """Iterations of Markov chains, over all of them."""

    def __init__(self, is_shown: bool, warmup: int, draws: int) -> None:
        self._is_shown, self._warmup, self._draws = is_shown, warmup, draws
        self._bar: Any = None
        self._last_shown = time.monotonic()
        self._is_line_open = False

    def __enter__(self) -> ChainsBar:
        if self._is_shown:
            try:
                from tqdm.auto import tqdm

                self._bar = tqdm(total=self._warmup + self._draws, desc="chains", unit="iterations")
            except ImportError:
                pass
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._is_line_open:
            sys.stderr.write("\n")

    def update(self, warmup: int, draws: int, divergent: int) -> None:
        if not self._is_shown:
            return
        if self._bar is not None:
            self._bar.n = warmup + draws
            if divergent:
                self._bar.set_postfix_str(f"{divergent} divergent", refresh=False)
            self._bar.refresh()
            return
        is_terminal = sys.stderr.isatty()
        now = time.monotonic()
        if now - self._last_shown < (0.2 if is_terminal else 10):
            return
        self._last_shown, self._is_line_open = now, is_terminal
        line = f"warm-up {warmup} of {self._warmup}, draws {draws} of {self._draws}, divergent {divergent}"
        sys.stderr.write(f"\r\x1b[K{line}" if is_terminal else line + "\n")
        sys.stderr.flush()
