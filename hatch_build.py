"""Build hook: puts htmx and the Vega bundle into the package, so that pages need neither a CDN nor Node."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_VENDOR = Path("src/nucleus_server/dashboard/static/vendor")
_PARTS = ("django-htmx", "vl-convert-python")


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Writes the browser's libraries once per version of their sources."""

    def initialize(self, build_version: str, build_data: dict[str, Any]) -> None:
        """Make the vendored files, unless the same versions are there already."""
        target = Path(self.root) / _VENDOR
        wanted = "\n".join(f"{name} {version(name)}" for name in _PARTS) + "\n"
        stamp = target / "versions.txt"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        import django_htmx
        from vl_convert import javascript_bundle

        target.mkdir(parents=True, exist_ok=True)
        htmx = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-4.min.js"
        (target / "htmx.min.js").write_bytes(htmx.read_bytes())
        (target / "vega.js").write_text(javascript_bundle(), encoding="utf-8")
        (target / "LICENSES.txt").write_text(
            "htmx.min.js: htmx, https://htmx.org, Zero-Clause BSD\n"
            "vega.js: Vega, Vega-Lite, Vega-Embed, https://vega.github.io, BSD-3-Clause, University of Washington\n"
        )
        stamp.write_text(wanted)
