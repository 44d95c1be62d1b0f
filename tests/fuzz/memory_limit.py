"""A limit on the memory that a test may take."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def limited_memory(more_bytes: int) -> Iterator[None]:
    """Taking ``more_bytes`` more than before is a ``MemoryError`` inside; on Linux alone."""
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + more_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
