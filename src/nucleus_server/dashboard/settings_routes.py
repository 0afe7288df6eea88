"""Routes by which owners set what tests, functions in tests and datasets go by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.rendering import is_part_request
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.dashboard.site import Site, form_of

SAVED = "Saved."
Fields = Annotated[dict[str, str], Depends(form_of)]


def add_settings_routes(router: APIRouter, site: Site) -> None:
    """Settings and baseline of a test, criteria with the power meter, and cluster keys of datasets."""
    _add_test_routes(router, site)
    _add_rule_routes(router, site)
    _add_dataset_routes(router, site)


def _add_test_routes(router: APIRouter, site: Site) -> None:
    services, renderer = site.services, site.renderer

    def refused(request: Request, test_id: str, sent: SentForm) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Scenario test", session, "tests")
        context = pages.test_page(services, ws, frame, test_id, site.address(request), sent=sent)
        return renderer.page("test.html", context, status=422)

    @router.post("/tests/{test_id}/settings")
    def set_settings(request: Request, test_id: str, form: Fields) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        sent = SentForm("settings", form)
        pages.set_settings(ws, test_id, sent)
        return (
            refused(request, test_id, sent) if sent.problems else RedirectResponse(f"/tests/{test_id}?saved=yes", 303)
        )

    @router.post("/tests/{test_id}/baseline")
    def set_baseline(request: Request, test_id: str, form: Fields) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        sent = SentForm("baseline", form)
        pages.set_baseline(ws, test_id, sent)
        return (
            refused(request, test_id, sent) if sent.problems else RedirectResponse(f"/tests/{test_id}?saved=yes", 303)
        )

    @router.get("/tests/{test_id}/power")
    def power(request: Request, test_id: str) -> Response:
        _, ws = site.entered(request)
        if not is_part_request(request):
            return RedirectResponse(f"/tests/{test_id}", 303)
        return renderer.page("power.html", pages.power_part(ws, test_id))


def _add_rule_routes(router: APIRouter, site: Site) -> None:
    renderer = site.renderer

    @router.get("/tests/{test_id}/functions/{function_id}")
    def rule(
        request: Request, test_id: str, function_id: str, effect: str = "", margin: str = "", saved: str = ""
    ) -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Criterion", session, "tests")
        notice = SAVED if saved else None
        context = pages.rule_page(ws, frame, test_id, function_id, effect=effect, margin=margin, notice=notice)
        return renderer.page("rule.html", context)

    @router.post("/tests/{test_id}/functions/{function_id}")
    def set_rule(request: Request, test_id: str, function_id: str, form: Fields) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        sent = SentForm("rule", form)
        pages.set_rule(ws, test_id, function_id, sent)
        if sent.problems:
            frame = site.frame("Criterion", session, "tests")
            return renderer.page("rule.html", pages.rule_page(ws, frame, test_id, function_id, sent=sent), status=422)
        return RedirectResponse(f"/tests/{test_id}/functions/{function_id}?saved=yes", 303)


def _add_dataset_routes(router: APIRouter, site: Site) -> None:
    renderer = site.renderer

    @router.get("/datasets/{dataset_id}/cluster-key")
    def cluster_key(request: Request, dataset_id: str, saved: str = "") -> Response:
        session, ws = site.entered(request)
        frame = site.frame("Cluster key", session, "datasets")
        notice = SAVED if saved else None
        return renderer.page("cluster_key.html", pages.cluster_key_page(ws, frame, dataset_id, notice=notice))

    @router.post("/datasets/{dataset_id}/cluster-key")
    def set_cluster_key(request: Request, dataset_id: str, form: Fields) -> Response:
        session, ws = site.entered(request)
        site.sessions.check_form(session, form.get("csrf_token", ""))
        sent = SentForm("cluster-key", form)
        pages.set_cluster_key(ws, dataset_id, sent)
        if sent.problems:
            frame = site.frame("Cluster key", session, "datasets")
            return renderer.page(
                "cluster_key.html", pages.cluster_key_page(ws, frame, dataset_id, sent=sent), status=422
            )
        return RedirectResponse(f"/datasets/{dataset_id}/cluster-key?saved=yes", 303)
