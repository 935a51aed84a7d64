from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels.overlaps import overlap, trim

MODES = {"reflect": "symmetric", "nearest": "edge", "periodic": "wrap", "constant": "constant"}


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_block_with_margins_is_a_slice_of_the_padded_array_and_trimming_gives_the_block(data):
    size = data.draw(st.integers(1, 7))
    before, after = (data.draw(st.integers(0, size)) for _ in range(2))
    kind = data.draw(st.sampled_from([*MODES, "none"])) if before + after else "none"
    lo = data.draw(st.integers(0, size - 1))
    hi = data.draw(st.integers(lo + 1, size))
    x = np.arange(10.0, 10.0 + size)
    reach = (max(before, after),) * 2 if kind == "reflect" else (before, after)
    block = x[max(0, lo - reach[0]) : hi + reach[1]]
    pieces = [x[size - max(1, before) :], block, x[: max(1, after)]] if kind == "periodic" else [block]
    how = [0, size, before, after, kind, np.float64(-3).tobytes().hex()]
    found = overlap(*pieces, block=[(lo, hi)], shape=[size], axes=[how])
    if kind == "none":
        wanted = x[max(0, lo - before) : hi + after]
    else:
        more = {"constant_values": -3.0} if kind == "constant" else {}
        wanted = np.pad(x, (before, after), MODES[kind], **more)[lo : hi + before + after]
    np.testing.assert_array_equal(found, wanted)
    ends = kind != "none"
    back = trim(found, block=[(lo, hi)], shape=[size], axes=[[0, 0, before, after, ends]])
    np.testing.assert_array_equal(back, x[lo:hi])
