"""Tiled linear algebra as textbook loops, written in the array's own slices, products and stages."""
