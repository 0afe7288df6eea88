"""Models, under the path that existing scripts import them from."""

from nucleus._model import Model

__all__ = ["Model"]
