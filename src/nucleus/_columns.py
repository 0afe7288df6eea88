"""Columns of any library: float64 numbers and texts, window by window, and what in them is neither.

A column keeps the caller's data as it is and converts only the window that is asked for, so that a column of ten million
rows never exists twice. numpy, polars and pyarrow are used if the caller has them, and imported only then.
"""

from __future__ import annotations

import importlib
import math
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from nucleus._exceptions import InvalidUpload

MAX_LISTED = 20
NO_NUMBER = "of another type"
NOT_FINITE = "NaN or infinite"
NO_TEXT = "of another type"
WITH_ZERO = "with U+0000"


class Odd(NamedTuple):
    """A value that cannot be sent."""

    row: int
    value: object
    problem: str


class Numbers(NamedTuple):
    """A window of a column of numbers.

    Attributes:
        data: float64, little-endian, one for each row; NaN where the row has none.
        n_missing: How many rows have none.
        odd: Values that are no finite numbers, by their place in the window.
    """

    data: memoryview
    n_missing: int = 0
    odd: Sequence[Odd] = ()


class Texts(NamedTuple):
    """A window of a column of texts: their UTF-8 with U+0000 between them, and values that are no texts."""

    joined: bytes
    odd: Sequence[Odd] = ()


class Column(Protocol):
    """One column of a table."""

    def __len__(self) -> int: ...

    def numbers(self, start: int, stop: int) -> Numbers:
        """The rows from `start` to `stop` as numbers; raises InvalidUpload if the column's type holds none."""

    def texts(self, start: int, stop: int) -> Texts:
        """The rows from `start` to `stop` as texts; raises InvalidUpload if the column's type holds none."""


def as_column(values: Any, name: str) -> Column:
    """The column that a list, an array, a tensor or a series is.

    Raises:
        InvalidUpload: It is none of them, or it has more than one dimension.
    """
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise InvalidUpload(f"expected a column of values as {name!r}, got {type(values).__name__}")
    if isinstance(values, (list, tuple, array)):
        return ListColumn(values, name)
    if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        return arrow_column(values, name)
    if hasattr(values, "__array__"):
        numpy = importlib.import_module("numpy")
        if isinstance(values, numpy.ma.MaskedArray):  # as an array it would lose its mask
            return ListColumn(values.tolist(), name)
        if "torch" in type(values).__module__ and getattr(values, "requires_grad", False):
            values = values.detach()
        made = numpy.asarray(values)
        if made.ndim != 1:
            raise InvalidUpload(f"expected a column of one dimension as {name!r}, got the shape {made.shape}")
        return ListColumn(made.tolist(), name) if made.dtype.kind == "O" else NumpyColumn(made, name)
    return ListColumn(list(values), name)


def arrow_column(values: Any, name: str) -> Column:
    """The column that a polars, pandas or pyarrow series is, by whichever library of Arrow is there."""
    polars = find_module("polars")
    if polars is not None:
        return PolarsColumn(polars.Series(values), name)
    pyarrow = find_module("pyarrow")
    if pyarrow is not None:
        return ArrowColumn(pyarrow.chunked_array(values), name)
    raise frames_missing()


def find_module(name: str) -> Any:
    """A module if it can be imported, else None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def frames_missing() -> InvalidUpload:
    """The error without a library that reads Arrow."""
    return InvalidUpload(
        "reading tables needs polars or pyarrow, and neither is installed here: pip install 'nucleus-validate[frames]'"
    )


class ListColumn:
    """Python's values: a list, a tuple, an array.array."""

    def __init__(self, values: Sequence[Any], name: str = "") -> None:
        self._values = values
        self._name = name

    def __len__(self) -> int:
        return len(self._values)

    def numbers(self, start: int, stop: int) -> Numbers:
        """None is a missing number; truth values, texts and the like are odd."""
        values = self._values[start:stop]
        if isinstance(values, array):
            if values.typecode in "uw":
                raise InvalidUpload(f"expected numbers in column {self._name!r}, got characters")
            return _finite(values if values.typecode == "d" else array("d", values))
        # Passes in C over the types and the values: a million numbers cost a tenth of a second.
        kinds = set(map(type, values))
        if kinds == {float}:
            return _finite(array("d", values))
        if kinds <= {float, int}:
            with suppress(OverflowError):
                return _finite(array("d", values))
        odd: list[Odd] = []
        numbers = array("d", bytes(8 * len(values)))
        n_missing = 0
        for row, value in enumerate(values):
            number = math.nan if value is None else as_float(value)
            if number is None:
                odd.append(Odd(row, value, NO_NUMBER))
                number = math.nan
            elif value is None:
                n_missing += 1
            elif not math.isfinite(number):
                odd.append(Odd(row, value, NOT_FINITE))
            numbers[row] = number
        return Numbers(_bytes_of(numbers), n_missing, odd)

    def texts(self, start: int, stop: int) -> Texts:
        """Texts of other libraries, such as numpy's, are texts."""
        values = self._values[start:stop]
        try:
            joined = "\0".join(values).encode()
        except (TypeError, UnicodeEncodeError):
            odd = [Odd(row, value, NO_TEXT) for row, value in enumerate(values) if not _is_sendable(value)]
            return Texts(_joined_safely(values), odd)
        return _without_zeros(joined, values)


class NumpyColumn:
    """A numpy array of one dimension."""

    def __init__(self, values: Any, name: str) -> None:
        self._values = values
        self._name = name

    def __len__(self) -> int:
        return len(self._values)

    def numbers(self, start: int, stop: int) -> Numbers:
        """A window of float64 is not copied."""
        if self._values.dtype.kind not in "iuf":
            raise _not_numbers(self._name, self._values.dtype)
        numpy = importlib.import_module("numpy")
        window = self._values[start:stop]
        part = numpy.ascontiguousarray(window, dtype="<f8")
        odd: list[Odd] = []
        is_finite = numpy.isfinite(part)
        if not is_finite.all():
            odd = [Odd(int(row), window[row].item(), NOT_FINITE) for row in numpy.flatnonzero(~is_finite)]
        return Numbers(memoryview(part.view("u1")), 0, odd)

    def texts(self, start: int, stop: int) -> Texts:
        """The window as texts."""
        if self._values.dtype.kind not in "UT":
            raise _not_texts(self._name, self._values.dtype)
        return ListColumn(self._values[start:stop].tolist()).texts(0, stop - start)


class PolarsColumn:
    """A polars series: no value of it becomes an object of Python's."""

    def __init__(self, values: Any, name: str) -> None:
        self._values = values
        self._name = name

    def __len__(self) -> int:
        return len(self._values)

    def numbers(self, start: int, stop: int) -> Numbers:
        """Null is a missing number, NaN is none."""
        polars = importlib.import_module("polars")
        kind = self._values.dtype
        if not (kind.is_numeric() or kind == polars.Null):
            raise _not_numbers(self._name, kind)
        window = self._values.slice(start, stop - start).cast(polars.Float64)
        odd: list[Odd] = []
        n_missing = window.null_count()
        is_finite = window.is_finite()
        if not is_finite.all():
            rows = (~is_finite).fill_null(False).arg_true().to_list()
            odd = [Odd(row, window[row], NOT_FINITE) for row in rows]
        if n_missing:
            window = window.fill_null(math.nan)
        if find_module("numpy") is None:
            return Numbers(_bytes_of(array("d", window.to_list())), n_missing, odd)
        return Numbers(memoryview(window.rechunk().to_numpy().view("u1")), n_missing, odd)

    def texts(self, start: int, stop: int) -> Texts:
        """Also categories."""
        polars = importlib.import_module("polars")
        kind = self._values.dtype
        if kind not in (polars.String, polars.Categorical, polars.Enum):
            raise _not_texts(self._name, kind)
        window = self._values.slice(start, stop - start).cast(polars.String)
        odd = [Odd(row, None, NO_TEXT) for row in window.is_null().arg_true().to_list()] if window.null_count() else []
        joined = (window.fill_null("") if odd else window).str.join("\0").item().encode()
        if odd or joined.count(b"\0") + 1 == len(window):
            return Texts(joined, odd)
        return ListColumn(window.to_list()).texts(0, stop - start)


class ArrowColumn:
    """A chunked array of pyarrow's, where there is no polars."""

    def __init__(self, values: Any, name: str) -> None:
        self._values = values
        self._name = name

    def __len__(self) -> int:
        return len(self._values)

    def numbers(self, start: int, stop: int) -> Numbers:
        """Null is a missing number, NaN is none."""
        pyarrow, compute = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.compute")
        types, kind = pyarrow.types, self._values.type
        if not any(is_it(kind) for is_it in (types.is_integer, types.is_floating, types.is_decimal, types.is_null)):
            raise _not_numbers(self._name, kind)
        window = self._values.slice(start, stop - start).combine_chunks()
        if isinstance(window, pyarrow.ChunkedArray):
            window = pyarrow.concat_arrays(window.chunks or [pyarrow.array([], kind)])
        window = window.cast(pyarrow.float64(), safe=False)
        n_missing = window.null_count
        odd = [
            Odd(row, window[row].as_py(), NOT_FINITE)
            for row, is_odd in enumerate(compute.invert(compute.is_finite(window)).to_pylist())
            if is_odd
        ]
        filled = compute.fill_null(window, math.nan)
        data = memoryview(filled.buffers()[1])[8 * filled.offset : 8 * (filled.offset + len(filled))]
        return Numbers(data.cast("B"), n_missing, odd)

    def texts(self, start: int, stop: int) -> Texts:
        """Also dictionaries of texts."""
        types, kind = importlib.import_module("pyarrow").types, self._values.type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
            raise _not_texts(self._name, self._values.type)
        return ListColumn(self._values.slice(start, stop - start).to_pylist()).texts(0, stop - start)


def as_float(value: object) -> float | None:
    """The number as Python's float; None for truth values, texts and everything else that is no number."""
    if isinstance(value, (bool, str, bytes)) or "bool" in str(getattr(value, "dtype", "")):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return None


def extent(data: memoryview, n_missing: int) -> tuple[float, float]:
    """The lowest and the highest of float64 numbers, NaN left out; NaN if there are none."""
    # numpy is no requirement; if somebody has loaded it already, it is twenty times faster.
    numpy = sys.modules.get("numpy")
    if numpy is not None and len(data):
        values = numpy.frombuffer(data, dtype="<f8")
        return float(numpy.fmin.reduce(values)), float(numpy.fmax.reduce(values))
    numbers: Iterable[float] = floats(data)
    if n_missing:
        numbers = [x for x in numbers if x == x]
    return min(numbers, default=math.nan), max(numbers, default=math.nan)


def floats(data: memoryview) -> array[float]:
    """Packed numbers as Python's array."""
    numbers = array("d", bytes(data))
    if sys.byteorder != "little":
        numbers.byteswap()
    return numbers


def named(expected: str, wrong: Sequence[object], what: str) -> str:
    """What was expected, and the first 20 of what was got instead."""
    shown = ", ".join(map(repr, wrong[:MAX_LISTED]))
    rest = f" and {len(wrong) - MAX_LISTED} more" if len(wrong) > MAX_LISTED else ""
    return f"{expected}, got {len(wrong)} {what}: {shown}{rest}"


def _finite(numbers: array[float]) -> Numbers:
    # The sum of finite numbers is finite unless it overflows; only then each is looked at.
    if math.isfinite(sum(numbers)):
        return Numbers(_bytes_of(numbers))
    odd = [Odd(row, x, NOT_FINITE) for row, x in enumerate(numbers) if not math.isfinite(x)]
    return Numbers(_bytes_of(numbers), 0, odd)


def _bytes_of(numbers: array[float]) -> memoryview:
    if sys.byteorder != "little":
        numbers = numbers[:]
        numbers.byteswap()
    return memoryview(numbers).cast("B")


def _is_sendable(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _joined_safely(values: Sequence[Any]) -> bytes:
    return "\0".join(str(value).replace("\0", "") for value in values).encode(errors="replace")


def _without_zeros(joined: bytes, values: Sequence[str]) -> Texts:
    if not values or joined.count(b"\0") + 1 == len(values):
        return Texts(joined)
    odd = [Odd(row, value, WITH_ZERO) for row, value in enumerate(values) if "\0" in value]
    return Texts(_joined_safely(values), odd)


def _not_numbers(name: str, kind: object) -> InvalidUpload:
    return InvalidUpload(f"expected numbers in column {name!r}, got a column of {kind}")


def _not_texts(name: str, kind: object) -> InvalidUpload:
    return InvalidUpload(
        f"expected reference ids as texts in column {name!r}, got a column of {kind}: convert it to text"
    )
