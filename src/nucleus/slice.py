"""Slices, under the path that existing scripts import them from."""

from nucleus._slice import Slice
from nucleus._slice_building import SliceBuilderFilterAutotag, SliceBuilderFilters, SliceBuilderMethods, SliceType

__all__ = ["Slice", "SliceBuilderFilterAutotag", "SliceBuilderFilters", "SliceBuilderMethods", "SliceType"]
