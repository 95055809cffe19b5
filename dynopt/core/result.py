"""Results: frozen records that print, serialise and save themselves."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any


def plain(value: Any) -> Any:
    """A JSON value for anything that a result holds: exact numbers become strings, arrays lists, non-finite floats strings.

    >>> plain({"gamma": Fraction(1, 2), "t": float("inf")})
    {'gamma': '1/2', 't': 'inf'}
    """
    if value is None or (isinstance(value, (str, bool, int)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        value = float(value)  # a np.float64 is a float with another repr
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return plain(value.tolist())
    if isinstance(value, (Sequence, set, frozenset)):
        return [plain(v) for v in value]
    return str(value)


class Result:
    """Base of the frozen dataclasses that the three jobs return."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the result (``--json``)."""
        return {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
