"""The exported questions: read by z3's own command line, which also checks the status that a file states."""

import csv
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import dynopt
from dynopt.errors import Misuse
from dynopt.report.claims_smtlib import benchmarks, export, script

Z3 = shutil.which("z3", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_z3 = pytest.mark.skipif(Z3 is None, reason="no z3 executable beside Python or on the path")


def answer(file):
    done = subprocess.run([Z3, "-T:10", str(file)], capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip()


def contradicted(folder):
    """Files that z3 does not read, or answers otherwise than they say."""
    rows = {row["hash"]: row for row in csv.DictReader((folder / "index.csv").open(encoding="utf-8"))}
    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(rows, pool.map(lambda row: answer(folder / row["file"]), rows.values()), strict=True))
    settled = {h: a for h, a in answers.items() if a not in ("timeout", "unknown")}
    return [(rows[h]["file"], a) for h, a in settled.items() if a != rows[h]["status"]], len(settled), len(rows)


@needs_z3
def test_z3_reads_every_file(verification, tmp_path):
    export(verification, tmp_path)
    wrong, settled, all_of_them = contradicted(tmp_path)
    assert wrong == []
    assert settled == all_of_them >= 15


@needs_z3
def test_a_wrong_status_is_seen(verification, tmp_path):
    export(verification, tmp_path)
    file = next(tmp_path.glob("square--1--conclusion--*.smt2"))
    assert ":status unsat" in file.read_text()
    file.write_text(file.read_text().replace(":status unsat", ":status sat"))
    assert "error" in answer(file)


def test_index_and_names(verification, tmp_path):
    files = export(verification, tmp_path / "new")
    written = {f.name for f in (tmp_path / "new").iterdir()}
    assert written == {f.file for f in files} | {"index.csv"}
    assert all(name.isascii() and "/" not in name and len(name) < 200 for name in written)
    assert any(name.startswith("root--correction-1-alpha-le-beta--conclusion--") for name in written)
    assert all(f.file.endswith(f"--{f.hash[:8]}.smt2") for f in files)
    # every question of every part is there
    asked = {(c.id, q.hash) for c in verification.claims for ps in (c.parts, c.correction_parts, c.extra_parts, c.needed_parts) for p in ps
             for q in p.queries}  # fmt: skip
    assert {(f.claim, f.hash) for f in files} == asked


def test_again_and_elsewhere(verification, tmp_path):
    export(verification, tmp_path)
    fewer = replace(verification, claims=verification.claims[:1])
    export(fewer, tmp_path)
    assert {f.name.split("--")[0] for f in tmp_path.glob("*.smt2")} == {"square"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(Misuse, match="holds other files"):
        export(verification, tmp_path / "other")
    with pytest.raises(Misuse, match="is a file"):
        export(verification, tmp_path / "other" / "mine.txt")


@needs_z3
def test_one_script(verification):
    done = subprocess.run([Z3, "-in"], input=script(verification), capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [b.status for b in benchmarks(verification)]


@pytest.mark.slow
@needs_z3
def test_the_questions_of_two_shipped_sources(tmp_path):
    """Every operator of the encoding is among them; the whole ledger, a thousand questions more, says nothing else of the writer."""
    analysis = Path(__file__).parents[2] / "analysis"
    result = dynopt.verify([*sorted(analysis.glob("slides*.py")), *sorted(analysis.glob("step_tuned*.py"))])
    export(result, tmp_path)
    wrong, settled, all_of_them = contradicted(tmp_path)
    assert wrong == []
    assert all_of_them > 400
    assert settled > 0.98 * all_of_them
