"""Sets of signs that a quantity may have."""

from __future__ import annotations

Signs = frozenset[int]

ANY: Signs = frozenset({-1, 0, 1})
POSITIVE: Signs = frozenset({1})
NEGATIVE: Signs = frozenset({-1})
NON_NEGATIVE: Signs = frozenset({0, 1})
NON_POSITIVE: Signs = frozenset({-1, 0})
ZERO: Signs = frozenset({0})
NON_ZERO: Signs = frozenset({-1, 1})
