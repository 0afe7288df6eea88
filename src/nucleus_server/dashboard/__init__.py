from fastapi import APIRouter, FastAPI


def create_dashboard(app: FastAPI, services: object) -> APIRouter:
    return APIRouter()
