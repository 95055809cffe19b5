"""Nothing in these tests is recalled from, or kept in, the user's cache."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNOPT_CACHE", str(tmp_path / "cache"))
