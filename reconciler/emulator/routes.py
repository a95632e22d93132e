"""Every endpoint as one row: method, path, what the request may contain, and who answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from reconciler.emulator import (
    agents,
    assistants,
    file_batches,
    files,
    models,
    search,
    sessions,
    skills,
    store_files,
    uploads,
    vector_stores,
)
from reconciler.emulator import schemas as s
from reconciler.emulator.call import Call, Json, Reply
from reconciler.emulator.errors import ApiError
from reconciler.emulator.wire import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.emulator.parameters import Parameters

Handler: TypeAlias = "Callable[[Call], Json | Reply]"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    form: the body is multipart, not JSON. beta: the `OpenAI-Beta` token it needs; beta_first: asked for before the
    key. reads: a POST that a read-only key may send.
    """

    method: str
    path: str
    handler: Handler
    body: Parameters = s.NOTHING
    query: Parameters = s.NOTHING
    form: bool = False
    status: int = 200
    beta: str = ""
    beta_first: bool = False
    reads: bool = False

    @property
    def collection(self) -> str:
        """The API collection it belongs to, such as `vector_stores`."""
        return self.path.split("/")[1]

    @property
    def writes(self) -> bool:
        """Whether a read-only key is refused."""
        return self.method != "GET" and not self.reads


_STORES, _STORE = "/vector_stores", "/vector_stores/{vector_store_id}"
_STORE_FILES, _STORE_FILE = f"{_STORE}/files", f"{_STORE}/files/{{file_id}}"
_BATCHES, _BATCH = f"{_STORE}/file_batches", f"{_STORE}/file_batches/{{batch_id}}"
_SKILL = "/skills/{skill_id}"
_VERSION = f"{_SKILL}/versions/{{version}}"
_AGENT, _ASSISTANT = "/agents/{agent_id}", "/assistants/{assistant_id}"
_SESSIONS = "/agents/sessions"


def _agents(
    method: str, path: str, handler: Handler, body: Parameters = s.NOTHING, query: Parameters = s.NOTHING
) -> Route:
    status = 201 if method == "POST" and path in {"/agents", _SESSIONS} else 200
    return Route(method, path, handler, body, query, status=status, beta="agents=v1", beta_first=True)


def _assistants(
    method: str, path: str, handler: Handler, body: Parameters = s.NOTHING, query: Parameters = s.NOTHING
) -> Route:
    return Route(method, path, handler, body, query, beta="assistants=v2")


ROUTES = (
    Route("POST", _STORES, vector_stores.create, s.STORE_CREATE),
    Route("GET", _STORES, vector_stores.list_all, query=s.LIST_BOTH_WAYS),
    Route("GET", _STORE, vector_stores.retrieve),
    Route("POST", _STORE, vector_stores.update, s.STORE_UPDATE),
    Route("DELETE", _STORE, vector_stores.delete),
    Route("POST", f"{_STORE}/search", search.search, s.SEARCH, reads=True),
    Route("POST", _STORE_FILES, store_files.create, s.STORE_FILE_CREATE),
    Route("GET", _STORE_FILES, store_files.list_all, query=s.LIST_STORE_FILES),
    Route("GET", _STORE_FILE, store_files.retrieve),
    Route("POST", _STORE_FILE, store_files.update, s.STORE_FILE_UPDATE),
    Route("DELETE", _STORE_FILE, store_files.delete),
    Route("GET", f"{_STORE_FILE}/content", store_files.content),
    Route("POST", _BATCHES, file_batches.create, s.BATCH_CREATE),
    Route("GET", _BATCH, file_batches.retrieve),
    Route("POST", f"{_BATCH}/cancel", file_batches.cancel),
    Route("GET", f"{_BATCH}/files", file_batches.list_files, query=s.LIST_STORE_FILES),
    Route("POST", "/files", files.create, s.FILE_CREATE, form=True),
    Route("GET", "/files", files.list_all, query=s.LIST_FILES),
    Route("GET", "/files/{file_id}", files.retrieve),
    Route("DELETE", "/files/{file_id}", files.delete),
    Route("GET", "/files/{file_id}/content", files.content),
    Route("POST", "/uploads", uploads.create, s.UPLOAD_CREATE),
    Route("POST", "/uploads/{upload_id}/parts", uploads.add_part, s.UPLOAD_PART, form=True),
    Route("POST", "/uploads/{upload_id}/complete", uploads.complete, s.UPLOAD_COMPLETE),
    Route("POST", "/uploads/{upload_id}/cancel", uploads.cancel),
    Route("POST", "/skills", skills.create, s.SKILL_CREATE, form=True),
    Route("GET", "/skills", skills.list_all, query=s.LIST),
    Route("GET", _SKILL, skills.retrieve),
    Route("POST", _SKILL, skills.update, s.SKILL_UPDATE),
    Route("DELETE", _SKILL, skills.delete),
    Route("GET", f"{_SKILL}/content", skills.content),
    Route("POST", f"{_SKILL}/versions", skills.create_version, s.VERSION_CREATE, form=True),
    Route("GET", f"{_SKILL}/versions", skills.list_versions, query=s.LIST),
    Route("GET", _VERSION, skills.retrieve_version),
    Route("DELETE", _VERSION, skills.delete_version),
    Route("GET", f"{_VERSION}/content", skills.version_content),
    _agents("POST", "/agents", agents.create, s.AGENT_CREATE),
    _agents("GET", "/agents", agents.list_all, query=s.LIST_AGENTS),
    _agents("GET", _AGENT, agents.retrieve),
    _agents("POST", _AGENT, agents.update, s.AGENT_UPDATE),
    _agents("DELETE", _AGENT, agents.delete),
    _agents("POST", _SESSIONS, sessions.create, s.SESSION_CREATE),
    _agents("GET", _SESSIONS, sessions.list_all, query=s.LIST_SESSIONS),
    _assistants("POST", "/assistants", assistants.create, s.ASSISTANT_CREATE),
    _assistants("GET", "/assistants", assistants.list_all, query=s.LIST_BOTH_WAYS),
    _assistants("GET", _ASSISTANT, assistants.retrieve),
    _assistants("POST", _ASSISTANT, assistants.update, s.ASSISTANT_UPDATE),
    _assistants("DELETE", _ASSISTANT, assistants.delete),
    Route("GET", "/models", models.list_all),
    Route("GET", "/models/{model}", models.retrieve),
)


@dataclass(slots=True)
class _Node:
    """One step of a path: what may follow by name, or as any id."""

    steps: dict[str, _Node] = field(default_factory=dict)
    any_id: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)

    def follow(self, step: str) -> _Node:
        """Give the node of a step, made if need be."""
        if not step.startswith("{"):
            return self.steps.setdefault(step, _Node())
        self.any_id = self.any_id or _Node()
        return self.any_id


class Router:
    """Finds the route of a request, or says in the service's words that there is none."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for step in route.path.strip("/").split("/"):
                node = node.follow(step)
            node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Give the route and the ids in the path; raises ApiError 404 or 405."""
        node = self._root
        ids: list[str] = []
        for step in endpoint(path).lstrip("/").split("/"):
            named = node.steps.get(step)
            if named is None and step:
                ids.append(step)
                named = node.any_id
            if named is None:
                raise _no_url(method, path)
            node = named
        if not node.routes:
            raise _no_url(method, path)
        if method not in node.routes:
            allowed = {"allow": ", ".join(sorted(node.routes))}
            message = f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"
            raise ApiError(405, message, code="method_not_supported", headers=allowed)
        route = node.routes[method]
        names = [step[1:-1] for step in route.path.split("/") if step.startswith("{")]
        return route, dict(zip(names, ids, strict=True))


def _no_url(method: str, path: str) -> ApiError:
    return ApiError(404, f"Invalid URL ({method} {path})")
