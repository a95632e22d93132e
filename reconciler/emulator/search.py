"""Search in a vector store: full-text ranking in place of embeddings, the service's request and response."""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any

from reconciler.emulator import processing, store_files
from reconciler.emulator.processing import Chunking
from reconciler.emulator.storage import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.emulator.call import Call, Json

DEFAULT_RESULTS = 10
MOST_TERMS = 32
CHUNKS_PER_FILE = 4
_COVERAGE = 0.9
_WORD = re.compile(r"\w+")
# Words of questions, which say nothing about documents.
_FILLER = frozenset(
    _WORD.findall("a an and are can do does for how i in is it my of on or the to what when where who why")
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def search(call: Call) -> Json:
    """Answer with the best files, each with its best chunks, scores between 0 and 1."""
    store = store_files.open_store(call)
    _index(call, store["id"])
    query = call.body["query"]
    queries = [query] if isinstance(query, str) else query
    scores: dict[int, float] = {}
    for text in queries:
        for chunk, score in _scores(call, store["id"], text).items():
            scores[chunk] = max(score, scores.get(chunk, 0))
    store_files.touch(call, store)
    return {
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "data": _results(call, store["id"], scores),
        "has_more": False,
        "next_page": None,
    }


def _index(call: Call, store: str) -> None:
    """Cut and index the files that have been completed since the last search."""
    rows = call.storage.execute(
        "SELECT id, chunk_tokens, chunk_overlap FROM attachments "
        "WHERE store = ? AND outcome = 'completed' AND settles_at <= ? AND indexed = 0 ORDER BY seq",
        *(store, call.now),
    ).fetchall()
    for file_id, tokens, overlap in rows:
        text = store_files.stored_text(call, file_id)
        for position, chunk in enumerate(processing.chunks(text, Chunking(tokens, overlap))):
            sql = "INSERT INTO chunks (store, file, position, text) VALUES (?, ?, ?, ?)"
            call.storage.execute(sql, store, file_id, position, chunk)
        call.storage.execute("UPDATE attachments SET indexed = 1 WHERE store = ? AND id = ?", store, file_id)


def _scores(call: Call, store: str, query: str) -> dict[int, float]:
    """Score chunks by the weight of the query's words they contain, then by bm25.

    bm25 alone gives words that most documents share next to nothing, which empties small stores; the weights
    here are smoothed, so a threshold means the same in a store of three documents and of three thousand.
    """
    total = call.storage.execute("SELECT count(*) FROM chunks WHERE store = ?", store).fetchone()[0]
    words = list(dict.fromkeys(_WORD.findall(query.lower())))[:MOST_TERMS]
    terms = [word for word in words if word not in _FILLER] or words
    hits = {term: _matches(call, store, term) for term in terms}
    weight = {term: _rarity(total, max(1, len(found))) for term, found in hits.items()}
    scores: dict[int, float] = {}
    for chunk in sorted({chunk for found in hits.values() for chunk in found}):
        present = [term for term in terms if chunk in hits[term]]
        covered = sum(weight[term] for term in present) / sum(weight.values())
        relevance = sum(hits[term][chunk] for term in present)
        scores[chunk] = _COVERAGE * covered + (1 - _COVERAGE) * relevance / (1 + relevance)
    return scores


def _rarity(total: int, having: int) -> float:
    return math.log(1 + (total - having + 0.5) / (having + 0.5))


def _matches(call: Call, store: str, term: str) -> dict[int, float]:
    # The plus keeps SQLite from asking the full-text index once per chunk of the store.
    rows = call.storage.execute(
        "SELECT rowid, -bm25(chunk_words) FROM chunk_words "
        "WHERE chunk_words MATCH ? AND +rowid IN (SELECT seq FROM chunks WHERE store = ?)",
        *(f'"{term}"', store),
    )
    return {chunk: max(0.0, relevance) for chunk, relevance in rows}


def _results(call: Call, store: str, scores: Mapping[int, float]) -> list[Json]:
    """Group chunks by file, best first, until there are as many files as were asked for."""
    threshold = call.body.get("ranking_options", {}).get("score_threshold", 0)
    limit = call.body.get("max_num_results", DEFAULT_RESULTS)
    wanted = call.body.get("filters")
    files: dict[str, Json] = {}
    unwanted: set[str] = set()
    for chunk, score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        if score < threshold or len(files) > limit:
            break
        file_id, text = call.storage.execute("SELECT file, text FROM chunks WHERE seq = ?", chunk).fetchone()
        if file_id in unwanted:
            continue
        if file_id not in files:
            result = _result(call, store, file_id, score)
            if wanted is not None and not matches(wanted, result["attributes"]):
                unwanted.add(file_id)
                continue
            files[file_id] = result
        if len(files[file_id]["content"]) < CHUNKS_PER_FILE:
            files[file_id]["content"].append({"type": "text", "text": text})
    best = list(files.values())[:limit]
    return [{**item, "attributes": store_files.shown_attributes(call, item["attributes"])} for item in best]


def _result(call: Call, store: str, file_id: str, score: float) -> Json:
    attributes = load(store_files.find(call, store, file_id).attributes)
    file = call.storage.find("file", file_id) or {"filename": ""}
    name = file["filename"]
    return {"file_id": file_id, "filename": name, "score": round(score, 6), "attributes": attributes, "content": []}


def matches(wanted: Json, attributes: Mapping[str, Any]) -> bool:
    """Evaluate a filter; an attribute that is absent equals nothing."""
    kind = wanted["type"]
    if kind in ("and", "or"):
        combine = all if kind == "and" else any
        return combine(matches(item, attributes) for item in wanted["filters"])
    value, target = attributes.get(wanted["key"]), wanted["value"]
    if kind in ("in", "nin"):
        options = target if isinstance(target, list) else [target]
        return any(_equal(value, option) for option in options) is (kind == "in")
    if kind in ("eq", "ne"):
        return _equal(value, target) is (kind == "eq")
    comparable = _sort(value) == _sort(target) and _sort(value) in ("number", "text")
    return comparable and _COMPARE[kind](value, target)


def _equal(value: Any, target: Any) -> bool:
    return _sort(value) == _sort(target) and bool(value == target)


def _sort(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "other"
