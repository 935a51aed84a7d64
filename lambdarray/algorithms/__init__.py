"""Tiled linear algebra as textbook loops that emit stages."""
