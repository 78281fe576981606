"""Progress of trainings and chains: tqdm's bar where it is installed (in notebooks too), else a plain line on standard
error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TypeVar

_AnyBar = TypeVar("_AnyBar", bound="_Bar")


class _Bar:
    def __init__(self, is_shown: bool, **appearance: Any) -> None:
        self._is_shown = is_shown
        self._appearance = appearance  # tqdm's arguments
        self._bar: Any = None
        self._last_shown = float("-inf")
        self._is_line_open = False

    def __enter__(self: _AnyBar) -> _AnyBar:
        if self._is_shown:
            try:
                from tqdm.auto import tqdm

                self._bar = tqdm(**self._appearance)
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

    def _is_due(self) -> bool:
        """Whether it is time to show something again: five times a second where it is overwritten, else rarely."""
        pause = 0.2 if self._bar is not None or sys.stderr.isatty() else 10
        now = time.monotonic()
        if now - self._last_shown < pause:
            return False
        self._last_shown = now
        return True

    def _show_line(self, line: str) -> None:
        self._is_line_open = sys.stderr.isatty()
        sys.stderr.write(f"\r\x1b[K{line}" if self._is_line_open else line + "\n")
        sys.stderr.flush()


class ProgressBar(_Bar):
    """Percent of a training's budget, which may be one of time, steps or simulations."""

    def __init__(self, is_shown: bool) -> None:
        super().__init__(is_shown, total=100, bar_format="{l_bar}{bar}| {elapsed}<{postfix}", desc="training")

    def update(
        self, step: int, simulations: int, loss: float, validation_loss: float, seconds: float, seconds_left: float
    ) -> None:
        if not self._is_shown:
            return
        share = seconds / (seconds + seconds_left) if seconds_left > 0 else 1.0  # the last step may exceed the budget
        seconds_left = max(0.0, seconds_left)
        if not self._is_due() and share < 1:
            return
        status = f"step {step}, loss {loss:.3f}, validation {validation_loss:.3f}"
        if self._bar is None:
            return self._show_line(f"{status}, {seconds_left:.0f} s left")
        self._bar.n = round(100 * share, 1)
        if share >= 1:
            self._bar.set_description_str("calibrating", refresh=False)
        self._bar.set_postfix_str(f"{seconds_left:.0f} s, {status}")


class ChainsBar(_Bar):
    """Iterations of Markov chains, over all of them."""

    def __init__(self, is_shown: bool, warmup: int, draws: int) -> None:
        super().__init__(is_shown, total=warmup + draws, desc="chains", unit="iterations")
        self._warmup, self._draws = warmup, draws
        self._last_shown = time.monotonic()  # short chains show nothing

    def update(self, warmup: int, draws: int, divergent: int) -> None:
        if not self._is_shown:
            return
        if self._bar is None:
            if self._is_due():
                self._show_line(
                    f"warm-up {warmup} of {self._warmup}, draws {draws} of {self._draws}, divergent {divergent}"
                )
            return
        self._bar.n = warmup + draws
        if divergent:
            self._bar.set_postfix_str(f"{divergent} divergent", refresh=False)
        self._bar.refresh()
