"""Where tiles are: memory, a directory or S3; Zarr arrays on any of them; and arrays that read and write by index."""

from .arrays import ArrayIO, open_array
from .base import Head, TileStore
from .locate import open_store
from .results import ResultArray

__all__ = ["ArrayIO", "Head", "ResultArray", "TileStore", "open_array", "open_store"]
