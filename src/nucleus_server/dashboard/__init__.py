"""The dashboard: server-rendered pages on the same services as the API."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from nucleus_server.dashboard.assets import Assets
from nucleus_server.dashboard.routes import create_router
from nucleus_server.services.app_services import AppServices


def create_dashboard(app: FastAPI, services: AppServices) -> APIRouter:
    """The pages' routes; their stylesheet and scripts are mounted on `app`."""
    app.mount("/static", Assets(), name="static")
    return create_router(services)
