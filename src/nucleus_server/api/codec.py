"""One decoder and one encoder for every body.

The decoder is msgspec's, with its three gaps closed: repeated keys (it would keep the last), nesting without end (it would
raise RecursionError) and text the databases cannot hold (U+0000). The fast path only finds out that something is wrong;
then the body is read once more, slowly and exactly, to say what and where. The encoder refuses NaN: a conversion that was
forgotten crashes instead of lying.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from nucleus_server.errors import MAX_LISTED, InvalidInput, MalformedRequest, Problem, listed
from nucleus_server.services.uploads import ResultsUpload

T = TypeVar("T")

_EXACT_UP_TO = 1 << 20
"""Bodies up to this size are always read exactly as well; above it only those with numbers by reference id can be."""


def encode(value: object) -> bytes:
    """Compact JSON; raises ValueError for NaN and infinities."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def decode(raw: bytes, body_type: type[T]) -> T:
    """The body as `body_type`, a msgspec.Struct.

    Raises:
        MalformedRequest: It is not JSON, not UTF-8, too deeply nested, or repeats a key.
        InvalidInput: It is JSON of another shape, has a number that is not finite, or U+0000 in a text.
    """
    try:
        value = msgspec.json.decode(raw, type=body_type)
    except (msgspec.ValidationError, RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        read_exactly(raw)  # repeated keys, depth and broken JSON have their own, more exact errors
        if isinstance(error, msgspec.ValidationError):
            raise InvalidInput(f"expected another shape of body: {error}", code="invalid_type") from error
        raise MalformedRequest(f"expected JSON, got something else: {error}", code="malformed_json") from error
    if len(raw) <= _EXACT_UP_TO or b"\\u0000" in raw:
        read_exactly(raw)
    return value


def read_exactly(raw: bytes) -> Any:
    """The body as plain Python values; says exactly what is wrong with it."""

    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            repeated = _repeated([key for key, _ in pairs])
            raise MalformedRequest(
                f"expected every key of a JSON object once, got {listed(repeated, len(repeated))} more than once",
                code="duplicate_json_key",
                problems=[Problem(key, "the key stands in this object more than once") for key in repeated],
            )
        return found

    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"expected a body in UTF-8, got the byte 0x{raw[error.start]:02x} at position {error.start}",
            code="invalid_utf8",
        ) from error
    try:
        value = json.loads(text, object_pairs_hook=without_repeats, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedRequest(f"expected JSON, got something else: {error}", code="malformed_json") from error
    except RecursionError as error:
        raise MalformedRequest(
            "expected JSON that is nested a few levels deep, got hundreds", code="json_too_deep"
        ) from error
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedRequest(f"expected JSON with ordinary numbers: {error}", code="malformed_json") from error
    try:
        _refuse_odd_values(value, "$")
    except RecursionError as error:
        raise MalformedRequest(
            "expected JSON that is nested a few levels deep, got hundreds", code="json_too_deep"
        ) from error
    return value


def _repeated(keys: list[str]) -> list[str]:
    return [key for key, n in Counter(keys).items() if n > 1]


def _refuse_constant(name: str) -> float:
    raise InvalidInput(
        f"expected finite numbers, got {name}, which JSON does not have: leave the value out, or send null where allowed",
        code="non_finite_number",
    )


def _refuse_odd_values(value: Any, path: str) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidInput(
                f"expected text without the character U+0000, got it in {path}: remove it", code="nul_character"
            )
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(
                f"expected finite numbers, got one beyond the range of float64 at {path}", code="non_finite_number"
            )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_odd_values(key, f"a key of {path}")
            _refuse_odd_values(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _refuse_odd_values(inner, f"{path}[{i}]")


# --- external results: by far the largest bodies, so they are read in one pass over typed maps


class _ResultsBody(msgspec.Struct):
    unit_test_id: str
    eval_function_id: str
    model_id: str
    result_per_ref_id: msgspec.Raw
    weight_per_ref_id: msgspec.Raw = msgspec.Raw(b"")
    overall_metric: float | None = None
    slice_id: str | None = None
    level: str | None = None


@dataclass(frozen=True)
class _Codes:
    missing: str
    non_finite: str
    wrong_type: str


_SCORE = _Codes("missing_score", "non_finite_score", "invalid_score_type")
_WEIGHT = _Codes("missing_weight", "non_finite_weight", "invalid_weight_type")
_FLOATS = msgspec.json.Decoder(dict[str, float])
_TOP_LEVEL_KEYS = tuple(f'"{name}"'.encode() for name in _ResultsBody.__struct_fields__)


def decode_results(raw: bytes, parse_level: Callable[[str | None], Any]) -> ResultsUpload:
    """The body of an upload of external results, its types checked and its rows named where they are wrong.

    Raises:
        MalformedRequest: As `decode`.
        InvalidInput: A score or weight is missing, null, not a number or not finite; a reference id stands there twice; a
            weight has no score.
    """
    try:
        body = msgspec.json.decode(raw, type=_ResultsBody)
        scores = _FLOATS.decode(body.result_per_ref_id)
        weights = _FLOATS.decode(body.weight_per_ref_id) if body.weight_per_ref_id not in (b"", b"null") else {}
        is_plain = (
            _has_no_repeats(body.result_per_ref_id, len(scores))
            and (not weights or _has_no_repeats(body.weight_per_ref_id, len(weights)))
            and _names_each_key_once(raw, [body.result_per_ref_id, body.weight_per_ref_id])
            and b"\\u0000" not in raw
        )
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        _explain(raw)
        raise InvalidInput(f"expected another shape of body: {error}", code="invalid_type") from error
    if not is_plain:
        _explain(raw)
    score_column = np.fromiter(scores.values(), dtype=np.float64, count=len(scores))
    weight_column = None
    if weights:
        ordered: Iterable[float]
        if list(weights) == list(scores):  # a sixth of the time that comparing the sets of keys takes
            ordered = weights.values()
        elif weights.keys() == scores.keys():
            ordered = map(weights.__getitem__, scores)
        else:
            _refuse_stray_weights(scores, weights)
            ordered = (weights.get(ref, 1.0) for ref in scores)
        weight_column = np.fromiter(ordered, dtype=np.float64, count=len(scores))
    return ResultsUpload(
        test_id=body.unit_test_id,
        function_id=body.eval_function_id,
        model_id=body.model_id,
        reference_ids=list(scores),
        scores=score_column,
        weights=weight_column,
        level=parse_level(body.level),
        slice_id=body.slice_id,
        overall_metric=body.overall_metric,
    )


def _has_no_repeats(raw: msgspec.Raw, n_keys: int) -> bool:
    """Whether a JSON object whose values are numbers has as many entries as the map read from it has keys.

    Only keys have quotes then: two each, besides those that a backslash escapes.
    """
    data = bytes(raw)
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    return data.count(b'"') == 2 * n_keys


def _names_each_key_once(raw: bytes, values: list[msgspec.Raw]) -> bool:
    """Whether no key of the body stands twice outside of these values, which are long and have names of their own."""
    start = _address(raw)
    spans = sorted((_address(value) - start, len(memoryview(value))) for value in values if len(memoryview(value)))
    rest, end = [], 0
    for offset, length in spans:
        rest.append(raw[end:offset])
        end = offset + length
    rest.append(raw[end:])
    return all(sum(part.count(key) for part in rest) <= 1 for key in _TOP_LEVEL_KEYS)


def _address(data: bytes | msgspec.Raw) -> int:
    """Where the bytes are in memory; a Raw value is a view into the message that it was decoded from."""
    address: int = np.frombuffer(data, dtype=np.uint8).ctypes.data
    return address


def _explain(raw: bytes) -> None:
    """Read a results body exactly and raise the error that says which rows are wrong; return if none is."""

    def entries(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return pairs

    try:
        top = json.loads(raw.decode("utf-8"), object_pairs_hook=entries)
    except (ValueError, RecursionError):
        read_exactly(raw)
        raise
    if not isinstance(top, list) or not all(isinstance(pair, tuple) for pair in top):
        raise InvalidInput("expected a JSON object as the body, got another value", code="invalid_type")
    names = [name for name, _ in top]
    repeated = _repeated(names)
    if repeated:
        raise MalformedRequest(
            f"expected every key of the body once, got {listed(repeated, len(repeated))} more than once",
            code="duplicate_json_key",
            problems=[Problem(key, "the key stands in the body more than once") for key in repeated],
        )
    fields = dict(top)
    for field, codes in (("result_per_ref_id", _SCORE), ("weight_per_ref_id", _WEIGHT)):
        pairs = fields.get(field)
        if pairs is None and field == "weight_per_ref_id":
            continue
        if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
            raise InvalidInput(
                f"expected {field} to be an object of reference id to number, got {_kind(pairs)}", code="invalid_type"
            )
        _explain_map(field, pairs, codes)
    for name in ("unit_test_id", "eval_function_id", "model_id", "slice_id", "level"):
        value = fields.get(name)
        is_optional = name in ("slice_id", "level")
        if not isinstance(value, str) and not (is_optional and value is None):
            raise InvalidInput(f"expected {name} to be a text, got {_kind(value)}", code="invalid_type")
        if isinstance(value, str) and "\x00" in value:
            raise InvalidInput(f"expected {name} without the character U+0000: remove it", code="nul_character")
    overall = fields.get("overall_metric")
    if isinstance(overall, float) and not math.isfinite(overall):
        raise InvalidInput("expected overall_metric to be finite, got NaN or infinity", code="non_finite_number")


def _explain_map(field: str, pairs: list[tuple[str, Any]], codes: _Codes) -> None:
    what = "score" if codes is _SCORE else "weight"
    repeated = _repeated([ref for ref, _ in pairs])
    if repeated:
        _refuse_rows(
            field,
            "duplicate_reference_ids",
            repeated,
            f"expected every reference id once in {field}",
            "this id stands there more than once",
        )
    nul = [ref for ref, _ in pairs if "\x00" in ref]
    if nul:
        _refuse_rows(field, "nul_character", nul, "expected reference ids without the character U+0000", "remove it")
    tests: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
        (codes.missing, lambda v: v is None, "null"),
        (codes.wrong_type, lambda v: isinstance(v, bool) or not isinstance(v, (int, float)), "another type"),
        (codes.non_finite, lambda v: not _is_finite(v), "NaN, an infinity, or a number beyond float64"),
    )
    for code, is_wrong, expected in tests:
        wrong = [ref for ref, value in pairs if is_wrong(value)]
        if wrong:
            _refuse_rows(
                field,
                code,
                wrong,
                f"expected a finite number as the {what} of every reference id, got {expected}",
                expected,
            )


def _refuse_rows(field: str, code: str, wrong: list[str], expected: str, message: str) -> None:
    raise InvalidInput(
        f"{expected}: {listed(wrong, len(wrong))}. Correct or leave out these rows; nothing was stored",
        code=code,
        problems=[Problem(field, message, ref) for ref in wrong[:MAX_LISTED]],
        n_problems=len(wrong),
    )


def _refuse_stray_weights(scores: dict[str, float], weights: dict[str, float]) -> None:
    stray = [ref for ref in weights if ref not in scores]
    if stray:
        _refuse_rows(
            "weight_per_ref_id",
            "weight_for_unknown_result",
            stray,
            "expected weights only for reference ids that have a score",
            "has a weight but no score",
        )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond float64
        return False


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return {list: "an array or object", str: "a text", bool: "a boolean", int: "a number", float: "a number"}.get(
        type(value), type(value).__name__
    )
