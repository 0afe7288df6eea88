"""The two readings of a body agree, and neither ever fails in an unknown way."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nucleus_server.api import codec
from nucleus_server.domain import Level
from nucleus_server.errors import NucleusServerError

references = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
awkward = st.text(alphabet='"\\u0030:,{}é\n', min_size=1, max_size=8)
maps = st.dictionaries(references | awkward, st.floats(0, 1) | st.integers(0, 1), min_size=1, max_size=20)


def level_of(text: str | None) -> Level | None:
    """The level, without an error of its own."""
    return None if text is None else Level(text)


def body(results: str, weights: str = "{}") -> bytes:
    """A results body around two JSON texts."""
    return (
        '{"unit_test_id":"t","eval_function_id":"f","model_id":"m","level":"item",'
        f'"result_per_ref_id":{results},"weight_per_ref_id":{weights}}}'
    ).encode()


def escaped(text: str) -> str:
    """JSON text in which every character is an escape."""
    units = text.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2)) + '"'


@given(maps, st.booleans())
def test_reads_what_json_reads(scores: dict[str, float], ascii_only: bool) -> None:
    """Ids in order, scores and weights aligned with them."""
    weights = {ref: (i % 5) / 4 for i, ref in enumerate(reversed(scores))}
    upload = codec.decode_results(
        body(json.dumps(scores, ensure_ascii=ascii_only), json.dumps(weights, ensure_ascii=ascii_only)), level_of
    )
    assert list(upload.reference_ids) == list(scores)
    assert upload.scores.tolist() == list(scores.values())
    assert upload.weights is not None and upload.weights.tolist() == [weights[ref] for ref in scores]


@given(maps, st.data())
@example({"\\": 0.5}, None)
@example({'"': 0.5}, None)
def test_repeated_ids_are_always_found(scores: dict[str, float], data: Any) -> None:
    """However the second one is spelt, and whatever quotes and backslashes stand around."""
    repeated = data.draw(st.sampled_from(sorted(scores))) if data is not None else next(iter(scores))
    entries = [f"{json.dumps(ref)}:{json.dumps(score)}" for ref, score in scores.items()]
    for spelling in (json.dumps(repeated), json.dumps(repeated, ensure_ascii=False), escaped(repeated)):
        text = "{" + ",".join([*entries, f"{spelling}:0.5"]) + "}"
        for raw in (body(text), body(json.dumps(scores), text)):
            with pytest.raises(NucleusServerError) as refusal:
                codec.decode_results(raw, level_of)
            assert refusal.value.code == "duplicate_reference_ids"
            assert [p.value for p in refusal.value.problems] == [repeated]


@given(st.binary(max_size=200))
def test_garbage_is_refused_in_a_known_way(raw: bytes) -> None:
    """Any bytes: a value or one of our errors."""
    for read in (
        lambda: codec.decode_results(raw, level_of),
        lambda: codec.decode_results(body(raw.decode("latin-1")), level_of),
        lambda: codec.decode(raw, _Named),
    ):
        try:
            read()
        except NucleusServerError as error:
            assert 400 <= error.status < 500


class _Named(msgspec.Struct):
    name: str
    extra: Any = None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_ordinary_bodies(value: Any) -> None:
    """Kept as they are, or refused for what JSON or a database cannot hold."""
    raw = json.dumps({"name": "n", "extra": value}).encode()
    try:
        assert codec.decode(raw, _Named).extra == value
    except NucleusServerError as error:
        text = json.dumps(value)
        if error.code == "nul_character":
            assert "\\u0000" in text
        elif error.code == "non_finite_number":
            assert "NaN" in text or "Infinity" in text
        else:
            assert error.code == "malformed_json" and "\\ud" in text.lower()


@pytest.mark.parametrize("value", [math.nan, math.inf, [1, {"a": -math.inf}], np.float64("nan")])
def test_encoder_refuses_what_json_has_not(value: Any) -> None:
    """A conversion that was forgotten crashes."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        codec.encode(value)


def test_encoder_is_compact() -> None:
    """No blank after a colon or comma: existing clients match the text."""
    assert codec.encode({"a": [1, None, "é"]}) == '{"a":[1,null,"é"]}'.encode()
