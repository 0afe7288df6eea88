"""Routes of the functions' pages, with the form that sets properties."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.forms import FIELDS, property_changes
from nucleus_server.dashboard.site import Site, form_of

_NOTICES = {"yes": "Saved. The history below says what was changed.", "no": "Nothing was changed."}


def add_function_routes(router: APIRouter, site: Site) -> None:
    """The list, one function, and its form."""
    renderer = site.renderer

    @router.get("/functions")
    def functions(request: Request) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Evaluation functions", session, "functions")
        return renderer.page("functions.html", pages.functions_page(ws, frame, site.address(request)))

    @router.get("/functions/{function_id}")
    def function(request: Request, function_id: str, saved: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Evaluation function", session, "functions")
        context = pages.function_page(
            ws, frame, function_id, site.address(request), now=datetime.now(UTC), notice=_NOTICES.get(saved)
        )
        return renderer.page("function.html", context)

    @router.post("/functions/{function_id}")
    def set_properties(
        request: Request, function_id: str, form: Annotated[dict[str, str], Depends(form_of)]
    ) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        typed = {name: form.get(name, "") for name in FIELDS}
        was = {name: form.get(f"was_{name}", "") for name in FIELDS}
        changes = property_changes(typed, was)
        if changes.problems:
            context = pages.function_page(
                ws,
                site.frame("Evaluation function", session, "functions"),
                function_id,
                site.address(request),
                now=datetime.now(UTC),
                typed=typed,
                was=was,
                problems=changes.problems,
            )
            return renderer.page("function.html", context, status=422)
        ws.set_eval_function_properties(
            function_id, direction=changes.direction, score_range=changes.score_range, texts=changes.texts
        )
        return RedirectResponse(f"/functions/{function_id}?saved={'no' if changes.is_empty else 'yes'}", 303)
