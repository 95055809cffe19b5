"""Text files: complete or absent."""

import os

import pytest

from dynopt.errors import Misuse
from dynopt.store.text import write_text


def test_written_whole(tmp_path):
    file = write_text(tmp_path / "new" / "a.txt", "α\n")
    assert file.read_bytes() == "α\n".encode()
    write_text(file, "b")
    assert file.read_text() == "b"
    assert os.listdir(file.parent) == ["a.txt"]


def test_nothing_is_left_behind(tmp_path):
    file = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "new \ud800")
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_misuse(tmp_path):
    with pytest.raises(Misuse, match="is a folder"):
        write_text(tmp_path, "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(Misuse, match="cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "x")
