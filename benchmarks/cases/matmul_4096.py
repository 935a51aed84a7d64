"""As `matmul`, in tiles of twice the side: BLAS packs each operand half as often."""

from __future__ import annotations

from cases.matmul import CHUNK, case

CASE = case(2 * CHUNK, "random, matmul, sum; 8192 x 8192, chunks of 4096")
