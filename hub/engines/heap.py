"""Memory that an engine has freed, given back to the system. Used inside worker processes."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return what is free on the heap to the system (malloc_trim(3)); nothing where the C library
    is not glibc. Blocks of ever other sizes would let the heap grow for weeks; a call takes a
    few milliseconds."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
