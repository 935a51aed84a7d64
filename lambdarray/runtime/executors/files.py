"""The number of files, and with them connections, that this process may have open."""

from __future__ import annotations

import sys

# What a process needs beside its connections.
RESERVE = 256


class FileLimit:
    """Raises the soft limit as far as the hard one allows, and puts it back."""

    def __init__(self) -> None:
        self._before: tuple[int, int] | None = None

    def raise_to(self, connections: int) -> int:
        """Allow so many connections; how many there may be."""
        if sys.platform == "win32":  # no such limit
            return connections
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + RESERVE
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return connections
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        self._before = (soft, hard)
        return max(1, min(connections, wanted - RESERVE))

    def restore(self) -> None:
        """Put the limit back to what it was."""
        if self._before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_NOFILE, self._before)
            self._before = None
