"""What arrays and plans look like: one line, a table with a drawing, a graph; well formed, in the page's own colour."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api.layers import place
from lambdarray.api.pictures import grid_svg
from lambdarray.errors import ConfigError
from lambdarray.tiling import Tiling

from ..judge import cuts
from ..test_tiny import Broken

SVG = "{http://www.w3.org/2000/svg}"


class Balanced(HTMLParser):
    """Holds the elements that are open; fails where one is closed that is not the last."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.tags = [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "img", "iframe", "link")
        assert not [name for name, _ in attrs if name.startswith("on") or name == "id"]
        self.open.append(tag)
        self.tags.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check_markup(html: str) -> str:
    """Assert that it is well formed, runs nothing and sets no colour; gives its text."""
    parsed = Balanced(html)
    colours = re.findall(r"(?:fill|stroke|color|background)[:=]\s*[\"']?([\w#]+)", html)
    assert set(colours) <= {"currentColor", "none"}
    return " ".join(parsed.text)


def drawing(html: str) -> ET.Element:
    return ET.fromstring(re.search(r"<svg.*</svg>", html, re.DOTALL)[0])


# -- an array


def test_an_array_is_one_line():
    for x in (la.ones((10, 4), chunks=(5, 2)), la.ones(()), la.ones((3,) * 20), la.zeros(4, "U3")):
        assert "\n" not in repr(x)
    assert repr(la.ones((10, 4), chunks=(5, 2))) == "<lambdarray.Array shape=(10, 4) dtype=float64 chunks=(5, 2)>"


def test_the_table_has_shape_dtype_chunks_bytes_and_the_number_of_tiles():
    text = check_markup(la.ones((2000, 1000), "f4", chunks=(500, 300))._repr_html_())
    for fact in (
        "(2000, 1000)",
        "(500, 300)",
        "float32",
        "8.0 MB",
        "600.0 kB",
        "16 in a grid of (4, 4)",
        "largest tile",
    ):
        assert fact in text
    assert "largest" not in check_markup(la.ones((2000, 1000), chunks=500)._repr_html_())


def test_names_of_fields_are_text_and_no_markup():
    x = la.zeros(3, [("a<b>&'\"", "f8")])
    assert "a<b>&" in check_markup(x._repr_html_())


@settings(max_examples=50)
@given(st.data())
def test_any_grid_is_drawn(data):
    shape = data.draw(st.lists(st.sampled_from([0, 1, 3, 7, 1000, 10**7]), max_size=8))
    chunks = [data.draw(st.one_of(st.just((n,)), st.just(cuts(data.draw, n)))) for n in shape]
    tiling = Tiling.from_chunks(chunks)
    found = grid_svg(tiling)
    check_markup(found)
    if not shape:
        assert found == ""
        return
    root = ET.fromstring(found)
    width, height = float(root.get("width")), float(root.get("height"))
    for group in root.findall(f"{SVG}g"):
        left, top = map(float, re.findall(r"-?[\d.]+", group.get("transform")))
        for shape_ in group.findall(f"{SVG}polygon"):
            for corner in shape_.get("points").split():
                x, y = map(float, corner.split(","))
                assert 0 <= x + left <= width
                assert 0 <= y + top <= height
    rows = -(-len(shape) // 3)
    assert len(root.findall(f"{SVG}g")) == rows
    boxes = (len(shape) - len(shape) % 3) // 3
    assert len(root.findall(f".//{SVG}polygon")) == 3 * boxes + (len(shape) % 3 > 0)


def lines(group: ET.Element) -> list[list[tuple[float, float]]]:
    """The lines of a drawing, each as its two ends."""
    paths = "".join(path.get("d") for path in group.iter(f"{SVG}path"))
    return [[tuple(map(float, end.split(","))) for end in line.split("L")] for line in paths.split("M")[1:]]


def test_lines_are_where_tiles_meet():
    root = drawing(la.from_array(np.zeros((10, 20)), chunks=((1, 6, 3), (5, 15)))._repr_html_())
    corners = root.find(f".//{SVG}polygon").get("points").split()
    (left, top), (right, bottom) = (tuple(map(float, corners[n].split(","))) for n in (0, 2))
    assert (right - left, bottom - top) == (150, 75)
    rows = sorted(a[1] - top for a, b in lines(root) if a[1] == b[1])
    columns = sorted(a[0] - left for a, b in lines(root) if a[0] == b[0])
    assert rows == pytest.approx([7.5, 52.5], abs=0.1)
    assert columns == pytest.approx([37.5], abs=0.1)


def test_a_box_has_the_lines_of_each_axis_on_two_of_its_sides():
    root = ET.fromstring(grid_svg(Tiling.regular((4, 6, 8), (2, 2, 2))))
    assert len(lines(root)) == 2 * (1 + 2 + 3)


def test_grids_with_many_lines_are_thinned_and_say_so():
    html = la.ones((10**6, 10**6), chunks=1000)._repr_html_()
    assert len(lines(drawing(html))) < 80
    assert len(html) < 6000
    text = check_markup(html)
    assert "axis 0: a line for every 28 tiles" in text
    assert "axis 1: a line for every 28 tiles" in text
    assert "1,000,000 in a grid of (1000, 1000)" in text


# -- a plan


def expression():
    x = la.random.default_rng(0).random((40, 40), chunks=10)
    y = (x @ x.T) * 2 + la.from_array(np.arange(40.0))
    return y.mean(axis=0), abs(y).max()


def test_the_graph_has_each_stage_with_its_tasks_grid_and_bytes():
    outputs = expression()
    plan, graph = la.plan(*outputs), la.visualize(*outputs)
    text = check_markup(graph._repr_html_())
    for program in plan.programs:
        assert program.name in text
        assert f"grid {' x '.join(map(str, program.grid))}" in text
        assert f"{program.task_count:,} task" in text
    for words in ("matmul of (40, 40) by (40, 40)", "ndarray of this process", "reads 102.4 kB", "test_looking.py"):
        assert words in text
    assert text.count("result") >= 2
    assert repr(graph) == f"<plan of {len(plan.programs)} stages and {plan.task_count} tasks>"


def test_every_stage_is_joined_to_what_it_reads_and_what_reads_it(tmp_path):
    la.ones(8, chunks=4).to_zarr(tmp_path / "a.zarr")
    x = la.open_zarr(tmp_path / "a.zarr") + la.ones(8, chunks=4).persist()
    root = drawing(la.visualize(x.sum(), x * 2)._repr_html_())
    plan = la.plan(x.sum(), x * 2)
    boxes = root.findall(f".//{SVG}rect")
    assert len(boxes) == len(plan.programs) + 2 + 2
    text = " ".join(root.itertext())
    assert "a.zarr" in text
    assert "persisted tiles" in text
    arrows = root.findall(f".//{SVG}polygon")
    assert len(arrows) >= len(boxes) - 1


def test_drawing_a_plan_reads_and_runs_nothing(tmp_path):
    x = la.from_array(Broken(), chunks=10)
    for store in ("memory://", str(tmp_path / "scratch")):
        with la.config(store=store):
            assert "Broken of this process" in (x + 1).visualize()._repr_html_()
            assert "result" in x.visualize()._repr_html_()
    assert not list(tmp_path.iterdir())


def test_a_graph_is_written_where_a_name_is_given(tmp_path):
    x = la.ones((4, 4), chunks=2) @ la.ones((4, 4), chunks=2)
    graph = x.visualize(tmp_path / "plan.svg")
    written = (tmp_path / "plan.svg").read_text()
    assert written == graph._repr_svg_()
    assert ET.fromstring(written).tag == f"{SVG}svg"
    assert "prefers-color-scheme:dark" in written
    la.visualize(x, filename=str(tmp_path / "plan.html"))
    page = (tmp_path / "plan.html").read_text()
    assert page.startswith("<!doctype html>")
    assert graph._repr_html_() in page
    for name in ("plan.png", "plan"):
        with pytest.raises(ConfigError, match=r"\.svg or a \.html"):
            x.visualize(tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 2


NODES = "abcdefgh"


@settings(max_examples=50)
@given(st.lists(st.sampled_from(list(combinations(NODES, 2))), unique=True), st.data())
def test_nodes_never_overlap_and_edges_lead_down(edges, data):
    sizes = {n: (data.draw(st.sampled_from([20.0, 90.0])), data.draw(st.sampled_from([10.0, 30.0]))) for n in NODES}
    placed = place(sizes, edges)
    for a, b in combinations(NODES, 2):
        (ax, ay), (bx, by) = placed.centres[a], placed.centres[b]
        beside = abs(ax - bx) >= (sizes[a][0] + sizes[b][0]) / 2
        assert beside or abs(ay - by) >= (sizes[a][1] + sizes[b][1]) / 2
    for (a, b), route in zip(edges, placed.routes, strict=True):
        assert (route[0], route[-1]) == (placed.centres[a], placed.centres[b])
        assert all(p[1] < q[1] for p, q in pairwise(route))
    for node, (x, y) in placed.centres.items():
        assert x - sizes[node][0] / 2 >= -0.1
        assert x + sizes[node][0] / 2 <= placed.width + 0.1
        assert y - sizes[node][1] / 2 >= 0
        assert y + sizes[node][1] / 2 <= placed.height


def test_what_is_used_once_stands_right_above_its_use_and_a_chain_is_straight():
    sizes = dict.fromkeys("abcd", (20.0, 10.0))
    chain = place(sizes, [("a", "b"), ("b", "c"), ("c", "d")])
    assert len({round(x, 3) for x, _ in chain.centres.values()}) == 1
    late = place(sizes, [("a", "c"), ("b", "d"), ("c", "d")])
    assert late.centres["b"][1] == late.centres["c"][1]
