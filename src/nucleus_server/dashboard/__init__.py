"""The dashboard: server-rendered pages on the same services as the API."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from nucleus_server.dashboard.routes import create_router
from nucleus_server.services.app_services import AppServices


def create_dashboard(app: FastAPI, services: AppServices) -> APIRouter:
    """The pages' routes; their stylesheet and scripts are mounted on `app`."""
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    return create_router(services)
