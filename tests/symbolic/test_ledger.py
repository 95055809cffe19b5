"""`verify` with the real deciders: a user's own file, guards, mutation, selection, interruption."""

import textwrap

import pytest
import sympy as sp

import dynopt
from dynopt.errors import Misuse, Outcome
from dynopt.symbolic import claims, processes
from dynopt.symbolic.check import judge_check
from dynopt.symbolic.claims import Claim, Exists, Implication, Verdict
from dynopt.symbolic.collect import LOADED, Entry
from dynopt.symbolic.judge import judge
from dynopt.symbolic.mutate import mutants

x, y, alpha, beta, L = sp.symbols("x y alpha beta L", real=True)


@pytest.fixture
def example(tmp_path):
    """The complete claim file of the format's own documentation."""
    file = tmp_path / "heavy_ball_claims.py"
    file.write_text(textwrap.dedent(claims.__doc__.split("::\n", 1)[1]))
    return file


def test_the_documented_file(example):
    assert len(example.read_text().strip().splitlines()) < 25
    result = dynopt.verify(example)
    right, wrong = result.claims
    assert (right.verdict, right.ok) == (Verdict.PROVED, True)
    assert (wrong.verdict, wrong.ok) == (Verdict.REFUTED, False)
    assert result.counts == {"proved": 1, "refuted": 1}
    assert result.failed == ("heavy-ball-wrong",)
    assert result.exit_code == 1
    assert len(right.deciders) >= 2
    # by plain arithmetic: the bound is respected and −1 lies outside (−1, ∞) of the spectrum's reciprocal condition χ(−1) > 0
    w = {name: sp.Rational(value) for name, value in wrong.witness.items()}
    assert w["gamma"] < 2 / (w["L"] * (1 - w["momentum"]))
    assert w["mu"] <= w["lamda"] <= w["L"]
    assert 2 * (1 + w["momentum"]) - w["gamma"] * w["lamda"] <= 0


def test_selection_keeps_the_order(example):
    assert [c.id for c in dynopt.verify([example], select="heavy-ball-w*").claims] == ["heavy-ball-wrong"]
    with pytest.raises(Misuse, match="did you mean heavy-ball-right"):
        dynopt.verify(example, select=["heavy-ball-rigth"])


def test_nothing_to_judge(tmp_path):
    with pytest.raises(Misuse, match="there is no file"):
        dynopt.verify(tmp_path / "none.py")
    with pytest.raises(Misuse, match="holds no claim file"):
        dynopt.verify(tmp_path)
    with pytest.raises(Misuse, match="seconds=0"):
        dynopt.verify(tmp_path, seconds=0)


def test_an_error_beside_sound_claims(example, tmp_path):
    result = dynopt.verify([example, tmp_path / "none.py"], select="*right")
    assert (len(result.claims), len(result.errors), result.exit_code) == (1, 1, 2)


def test_interruption_keeps_what_is_finished(example, monkeypatch):
    real_judge = processes.judge

    def interrupted(claim, **options):
        if claim.id == "heavy-ball-wrong":
            raise KeyboardInterrupt
        return real_judge(claim, **options)

    monkeypatch.setattr(processes, "judge", interrupted)
    result = dynopt.verify(example)
    assert result.outcome == Outcome.INTERRUPTED
    assert [c.id for c in result.claims] == ["heavy-ball-right"]


@pytest.mark.slow
def test_several_processes_give_the_same(example, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_WORTH", 0)
    monkeypatch.setattr(processes, "_HEAVY", 0.0)  # every file is judged where it was loaded
    copies = [example]
    for i in range(3):
        copies.append(tmp_path / f"copy_{i}.py")
        copies[-1].write_text(example.read_text().replace('id="heavy', f'id="copy-{i}-heavy'))
    one, two = dynopt.verify(copies), dynopt.verify(copies, jobs=2)
    assert len(one.claims) == 8
    assert [(c.id, c.verdict, c.witness) for c in one.claims] == [(c.id, c.verdict, c.witness) for c in two.claims]


@pytest.mark.parametrize(
    ("given", "then", "verdict"),
    [
        ([x > 1], x**2 > x, Verdict.PROVED),
        ([x >= 1], x**2 > x, Verdict.REFUTED),
        ([x > 1, x < 1], x > 7, Verdict.VACUOUS),
        ([x > -1], sp.sqrt(x) >= 0, Verdict.ILL_DEFINED),
        ([x >= 0], sp.sqrt(x) >= 0, Verdict.PROVED),
        ([x >= 0], 1 / x > 0, Verdict.ILL_DEFINED),
        ([sp.sqrt(x) > 2], x > 4, Verdict.ILL_DEFINED),
        ([x >= 0, sp.sqrt(x) > 2], x > 4, Verdict.PROVED),
        ([sp.sqrt(x) > 2, x >= 0], x > 4, Verdict.PROVED),  # hypotheses without roots guard, wherever they stand
        ([sp.Or(sp.Eq(x, 0), 1 / x > 2)], x > 0, Verdict.REFUTED),  # x = 0 is admissible: its own disjunct guards
        ([], sp.Or(sp.Eq(x, 0), sp.Ne(1 / x, 0)), Verdict.PROVED),
        ([], sp.And(x > 0, sp.Or(sp.Eq(x, 0), sp.Ne(1 / x, 0))), Verdict.REFUTED),
        ([x > 0], sp.Implies(x > 4, sp.sqrt(x - 4) > 0), Verdict.PROVED),
        ([x > 0], sp.sqrt(1 - sp.sqrt(x)) >= 0, Verdict.ILL_DEFINED),
        ([], sp.Equivalent(x**2 < 1, sp.And(x > -1, x < 1)), Verdict.PROVED),
        ([], sp.Eq((x + 1) ** 2, x**2 + 2 * x + 1, evaluate=False), Verdict.PROVED),
        ([sp.Eq(x**2, 2), x > 0], x < sp.Rational(1414, 1000), Verdict.REFUTED),  # only an irrational point refutes
        ([], sp.Abs(x * y) <= (x**2 + y**2) / 2, Verdict.PROVED),
    ],
)
def test_one_check(given, then, verdict):
    part = judge_check(Implication(given=given, then=then))
    assert (part.verdict, part.tool_failure) == (verdict, "")


def test_the_place_is_named():
    # thesis (3.20) speaks of √((α + βL)² − 4L)
    root = sp.sqrt((alpha + beta * L) ** 2 - 4 * L)
    part = judge_check(Implication(given=[alpha > 0, beta > 0, L > 0], then=alpha + beta * L - root > 0))
    assert part.verdict == Verdict.ILL_DEFINED
    assert part.place == "sqrt(-4*L + (L*beta + alpha)**2) needs -4*L + (L*beta + alpha)**2 >= 0"
    w = {name: sp.Rational(value) for name, value in part.witness.items()}
    assert (w["alpha"] + w["beta"] * w["L"]) ** 2 < 4 * w["L"]
    assert min(w.values()) > 0


def test_existence():
    assert judge_check(Exists(such_that=[x > 0, sp.Eq(x**2, 9)])).witness == {"x": "3"}
    assert judge_check(Exists(such_that=[sp.Eq(x**2, -1)])).verdict == Verdict.REFUTED


def test_a_conditional_claim():
    claim = Claim(
        id="c", source="s", statement="x ≤ x²", checks=[Implication(given=[x >= 0], then=x <= x**2)],
        extra=sp.Or(x >= 1, sp.Eq(x, 0)), needed=[Implication(given=[x >= 0, x < 1, sp.Ne(x, 0)], then=x > x**2)],
        expected=Verdict.CONDITIONAL,
    )  # fmt: skip
    judgement = judge(claim)
    assert (judgement.verdict, judgement.failures) == (Verdict.CONDITIONAL, ())
    assert judgement.witness == {"x": "1/2"}


def test_mutants_of_a_relation():
    check = Implication(given=[x <= 2], then=3 * x - y <= 6)
    kinds = [(m.kind, m.check.then, m.check.given[0]) for m in mutants(check)]
    assert ("strict for non-strict", 3 * x - y < 6, x <= 2) in kinds
    assert ("reversed", 3 * x - y >= 6, x <= 2) in kinds
    assert ("sign", 3 * x + y <= 6, x <= 2) in kinds
    assert ("sign", -3 * x - y <= 6, x <= 2) in kinds
    assert ("constant", sp.Rational(303, 100) * x - y <= 6, x <= 2) in kinds
    assert ("constant", 3 * x - y <= sp.Rational(303, 50), x <= 2) in kinds
    assert ("strict for non-strict", 3 * x - y <= 6, x < 2) in kinds
    assert len({k[1:] for k in kinds}) == len(kinds)


def test_a_check_that_cannot_fail_is_reported():
    trivial = judge(Claim(id="c", source="s", statement="t", checks=[Implication(given=[x > 1], then=sp.true)]), mutate=True)
    assert trivial.verdict == Verdict.PROVED
    assert trivial.failures[0].startswith("a check that cannot fail")
    sharp = judge(Claim(id="c", source="s", statement="t", checks=[Implication(given=[x >= 1], then=x**2 >= x)]), mutate=True)
    assert sharp.ok
    assert sharp.parts[0].mutants["refuted"] > 0


SAMPLE = ["t3-det", "t3-discriminant", "t3-saddle-flow", "t3-stable-exact", "t2-energy-range", "s-minimiser", "theorem-gd-stable"]


@pytest.mark.slow
def test_a_sample_of_the_shipped_claims_can_fail():
    """The whole ledger takes many minutes: ``dynopt verify --mutate``."""
    result = dynopt.verify(select=SAMPLE, mutate=True)
    assert [c.id for c in result.claims if c.failures] == []
    assert len(result.claims) == len(SAMPLE)


def test_what_is_not_selected_is_not_derived(tmp_path):
    """And a derivation that goes wrong is one sentence, while the others are judged."""
    file = tmp_path / "derived.py"
    file.write_text(
        "import sympy as sp\n"
        "from dynopt.symbolic.claims import Claim, Derived, Implication\n"
        "x = sp.Symbol('x', real=True)\n"
        "def good(name='good'):\n"
        "    return Claim(id=name, source='s', statement='t', checks=[Implication(given=[x > 1], then=x > 0)])\n"
        "def bad():\n"
        "    return 1 / 0\n"
        "def empty():\n"
        "    return Claim(id='empty', source='s', statement='t', checks=[])\n"
        "plain = good('plain')\n"
        "found = {'good': good, 'bad': bad, 'other': good, 'none': lambda: 3, 'empty': empty}\n"
        "claims = [Derived(name, function) for name, function in found.items()]\n"
    )
    result = dynopt.verify(file, select=["good", "plain"])
    assert ([c.id for c in result.claims], result.counts, result.errors) == (["plain", "good"], {"proved": 2}, ())
    every = dynopt.verify(file)
    assert ([c.id for c in every.claims], every.exit_code) == (["plain", "good"], 2)
    for said, expected in zip(
        every.errors, ("line 7, raises ZeroDivisionError", "the claim 'good'; use one id", "gives int", "checks is empty"), strict=True
    ):
        assert str(file) in said
        assert expected in said
    file.write_text("from dynopt.symbolic.claims import Derived\nclaims = [Derived('a', 3)]\n")
    with pytest.raises(Misuse, match="claim 'a': give Derived an id and a function"):
        dynopt.verify(file)


def test_a_file_that_loads_only_once(example, tmp_path):
    """A file is loaded once; where a process must load it again, what fails then is a sentence, not the end."""
    fickle = tmp_path / "fickle.py"
    fickle.write_text("from pathlib import Path\nPath(__file__).with_suffix('.once').touch(exist_ok=False)\n" + example.read_text())
    result = dynopt.verify(fickle)
    assert (len(result.claims), result.errors) == (2, ())
    LOADED.pop(fickle)
    error = processes._judge(Entry(fickle, 0, "heavy-ball-right"), processes.Terms(10.0, False, None))
    assert error.startswith(f"{fickle}, line 2, raises FileExistsError")
    assert error.endswith("not again in another process)")
