"""Measurements of the real program beside what users would pick instead; `make bench` runs them."""
