"""The Nucleus Validate service: stores, checks, aggregates and shows evaluations of models on scenario tests.

PYTEST_DONT_REWRITE: whoever imports this before pytest.main() would be warned of it, because our plugin is installed with it.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nucleus-validate")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+source"
