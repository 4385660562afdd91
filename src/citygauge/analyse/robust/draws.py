"""Random numbers that depend on the seed, the factor and the number of the replication, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """The uniform numbers of one factor: `width` of them in each replication.

    `matrix` tells independent samples of the same factor apart ("A", "B", …).
    """

    seed: int
    factor: str
    matrix: str
    width: int

    def uniforms(self, first: int, n: int) -> Array:
        """Return the numbers of `n` replications from number `first` on ``(n, width)``, 0 <= u < 1.

        Philox counts: the counter stands at the replication's number times what one replication takes, so
        that any part of a stream is made on its own. Source: Salmon et al. 2011,
        doi:10.1145/2063384.2063405.

        Examples
        --------
        >>> stream = Stream(1, "weights", "A", 3)
        >>> bool((stream.uniforms(0, 9)[5:] == stream.uniforms(5, 4)).all())
        True
        """
        words = -(-self.width // 4)  # one step of the counter gives four numbers
        bits = np.random.Philox(key=[self.seed, self._number])
        bits.advance(first * words)
        drawn = np.random.Generator(bits).random((n, 4 * words))
        return drawn[:, : self.width]

    @property
    def _number(self) -> int:
        """A number of the factor and the matrix, the same wherever they stand among others."""
        digest = sha256(f"{self.matrix}\0{self.factor}".encode()).digest()
        return int.from_bytes(digest[:8], "big")
