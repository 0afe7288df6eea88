"""Build hook: puts htmx and the Vega bundle into the package, so that pages need neither a CDN nor Node."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_VENDOR = Path("src/nucleus_server/dashboard/static/vendor")
_PARTS = ("django-htmx", "vl-convert-python")


_LICENSES = """\
htmx.min.js: htmx, https://htmx.org. Zero-Clause BSD:

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted.
THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.

vega.js: Vega, Vega-Lite and Vega-Embed, https://vega.github.io, and the D3 modules that they use (ISC). BSD-3-Clause:

Copyright (c) University of Washington Interactive Data Lab and contributors. All rights reserved.
Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met: 1. Redistributions of source code must retain the above copyright notice, this list of conditions and the
following disclaimer. 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and
the following disclaimer in the documentation and/or other materials provided with the distribution. 3. Neither the name of the
copyright holder nor the names of its contributors may be used to endorse or promote products derived from this software without
specific prior written permission.
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT
NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL
THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE
OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""


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
        (target / "LICENSES.txt").write_text(_LICENSES)
        stamp.write_text(wanted)
