"""Limits on BLAS threads around small linear algebra, where a second thread costs more than it gives."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any


@functools.cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401  (so that SciPy's own BLAS is loaded and found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextlib.contextmanager
def single_blas_thread() -> Iterator[None]:
    """One BLAS thread inside the block."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
