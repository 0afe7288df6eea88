"""What every page's route needs: who is asking, the workspace as they see it, and what surrounds the page."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from nucleus_server import __version__
from nucleus_server.dashboard.contexts import Frame, Progress, ProgressPart
from nucleus_server.dashboard.rendering import LoginNeeded, Renderer
from nucleus_server.dashboard.session import Session, Sessions
from nucleus_server.errors import PayloadTooLarge
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices

_LARGEST_PAGE = 10**9
_LARGEST_FORM = 100_000


class Site:
    """The dashboard of one process."""

    def __init__(self, services: AppServices) -> None:
        self.services = services
        self.sessions = Sessions(services)
        self.renderer = Renderer(services.media_sources.policy)

    def entered(self, request: Request) -> tuple[Session, WorkspaceStore]:
        """Who is logged in, and their workspace.

        Raises:
            LoginNeeded: Nobody is.
        """
        session = self.sessions.of(request)
        if session is None:
            raise LoginNeeded
        return session, self.services.store.workspace(session.actor.workspace_id, session.actor)

    def frame(self, title: str, session: Session, section: str) -> Frame:
        """What surrounds a page; `section` is the entry of the main navigation that it belongs to."""
        actor = session.actor
        return Frame(title, actor.user_name, actor.role.value, session.csrf_token, __version__, section)

    def progress(self, found: Progress | None) -> Response:
        """How far something is, for htmx; if there is nothing left to wait for, the whole page is loaded again."""
        return self.renderer.reload() if found is None else self.renderer.page("progress.html", ProgressPart(found))

    def address(self, request: Request) -> str:
        """The server's address as users type it, without a path."""
        return self.services.public_url or str(request.base_url).rstrip("/")


def page_number(text: str) -> int:
    """The page that an address names; the first if it names none."""
    return max(1, min(int(text), _LARGEST_PAGE)) if text.isdecimal() and len(text) < 10 else 1


async def form_of(request: Request) -> dict[str, str]:
    """The fields of the form that was sent; it is read before anybody knows who sent it, so it must be small."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _LARGEST_FORM:
        raise PayloadTooLarge(f"expected a form of at most {_LARGEST_FORM:,} bytes, got {length or 'no length'}")
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
