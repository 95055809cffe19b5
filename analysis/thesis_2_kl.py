"""Castera 2021, Chapter 2, §2.4.1 and §2.5: step-sizes and the rates under the Kurdyka–Łojasiewicz inequality."""

import sympy as sp

from dynopt.symbolic.claims import Claim, Correction, Implication, Verdict


def same(left, right):
    """The equation left = right, left to the deciders."""
    return sp.Eq(left, right, evaluate=False)


# --- Assumption 2.1 ---------------------------------------------------------------------------------------------------------

C, x, y, u, n, q, log = sp.symbols("C x y u n q l", real=True)


STEPS = Claim(
    id="t2-steps",
    source="Castera 2021, thesis, Assumption 2.1 and the line after it; §2.6.2.1 (a = ½)",
    statement="γ_k = C(k + 1)^(−a) satisfies Σγ_k = ∞ and γ_k log k → 0",
    hypotheses="C > 0, a ∈ (0, 1]",
    checks=[
        Implication(part="Cx^(−a) ≥ C/x for x = k + 1 ≥ 1, with y = x^(1−a) ≥ 1", given=[C > 0, x >= 1, y >= 1], then=C * (y / x) >= C / x),
        Implication(
            part="1/(n+1) + … + 1/(2n) does not decrease in n",
            given=[n >= 1],
            then=1 / (2 * n + 1) + 1 / (2 * n + 2) - 1 / (n + 1) >= 0,
        ),
        Implication(part="… and is ½ for n = 1", given=[sp.Eq(n, 1)], then=1 / (2 * n) >= sp.Rational(1, 2)),
        Implication(
            part="γ_k log k ≤ (2C/a)/u with u = (k + 1)^(a/2), from log k ≤ (2/a)u",
            given=[C > 0, u > 0, q > 0, q <= 1, log <= 2 / q * u],
            then=C / u**2 * log <= 2 * C / q / u,
        ),
        Implication(
            part="… which is below any ε > 0 once u > 2C/(aε)", given=[C > 0, y > 0, q > 0, u > 2 * C / (q * y)], then=2 * C / q / u < y
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By hand: powers of x ≥ 1 are monotone in the exponent; the harmonic series gains at least ½ from n to 2n; log s ≤ s for "
    "s = k^(a/2) gives log k ≤ (2/a)k^(a/2) ≤ (2/a)u; u → ∞.  In the formulas q stands for a, l for log k.",
    remark="The range is exact: for a > 1 the sum converges, for a = 0 the product Cl does not tend to 0.",
)


# --- Theorem 2.8 ------------------------------------------------------------------------------------------------------------

G, rate, size, power, a, rho, c1, c2, K, t, speed, growth = sp.symbols("G rate d p a rho c1 c2 K t V E", real=True)
exponent = [a > 0, a < 1]
kl = [G > 0, power > 0, size >= 0, rho > 0, c1 > 0, *exponent, rho * (1 - a) * size > power]
"""(2.22) at a point with G − G* = G > 0: p = G^a, d = ‖∂G‖."""

KL_RATE = Claim(
    id="t2-kl-rate",
    source="Castera 2021, thesis, Theorem 2.8, values",
    statement="under (i) and the KL inequality with exponent a, G(X(t)) tends to its limit linearly for a ≤ ½, like t^(1/(1−2a)) for "
    "½ < a < 1, in both cases at least like 1/t",
    hypotheses="X bounded and absolutely continuous, G semi-algebraic and locally Lipschitz, c₁ > 0, a ∈ (0, 1)",
    checks=[
        Implication(
            part="(2.23)",
            given=[*kl, rate <= -c1 * size**2],
            then=rate < -c1 / (rho**2 * (1 - a) ** 2) * power**2,
        ),
        Implication(
            part="a ≤ ½, G ≤ 1: G' ≤ −KG, with q = G^(1−2a) ≤ 1",
            given=[G > 0, power > 0, K > 0, q > 0, q <= 1, sp.Eq(G, q * power**2), rate < -K * power**2],
            then=rate < -K * G,
        ),
        Implication(
            part="e^(−Kt) ≤ 1/(Kt), with E = e^(Kt) ≥ 1 + Kt", given=[K > 0, t > 0, growth >= 1 + K * t], then=1 / growth <= 1 / (K * t)
        ),
        Implication(
            part="a > ½: (2.24), (G^(1−2a))' > (2a − 1)K",
            given=[power > 0, K > 0, a > sp.Rational(1, 2), a < 1, rate < -K * power**2],
            then=(1 - 2 * a) * rate / power**2 > (2 * a - 1) * K,
        ),
        Implication(
            part="a > ½: 1/(1 − 2a) < −1, so the rate beats 1/t",
            given=[a > sp.Rational(1, 2), a < 1],
            then=1 / (1 - 2 * a) < -1,
        ),
        Implication(
            part="the exponent cannot be improved: a = ¾, G = t⁻² has G' = −2G^(2a)",
            given=[t > 0, sp.Eq(G, t**-2), sp.Eq(rate, sp.diff(t**-2, t))],
            then=same(rate, -2 * sp.sqrt(G) ** 3),
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By hand: Lemma 2.7 applies for large t because X is bounded and G(X(t)) tends to its limit (taken as 0); integration of "
    "G' ≤ −KG and of (G^(1−2a))' > (2a − 1)K; derivative of a power; e^s ≥ 1 + s.  In the formulas d = ‖∂G‖, p = G^a.",
)

KL_STRICT = Claim(
    id="t2-kl-strict",
    source="Castera 2021, thesis, proof of Theorem 2.8, case 0 < a ≤ ½",
    statement="−G^(2a) < −G when 0 < G < 1 and 0 < a ≤ ½",
    hypotheses="as printed",
    checks=[
        Implication(
            given=[
                G > 0,
                G < 1,
                a > 0,
                a <= sp.Rational(1, 2),
                power > 0,
                q > 0,
                sp.Eq(G, q * power),
                sp.Implies(a < sp.Rational(1, 2), q < 1),
                sp.Implies(a >= sp.Rational(1, 2), sp.Eq(q, 1)),
            ],
            then=-power < -G,
        ),
    ],
    expected=Verdict.REFUTED,
    correction=Correction(
        statement="−G^(2a) ≤ −G, with equality at a = ½; the next line stays strict because (2.23) is",
        checks=[
            Implication(
                part="a ≤ ½",
                given=[G > 0, G < 1, power > 0, q > 0, q <= 1, sp.Eq(G, q * power)],
                then=-power <= -G,
            ),
            Implication(part="a < ½", given=[G > 0, G < 1, power > 0, q > 0, q < 1, sp.Eq(G, q * power)], then=-power < -G),
        ],
    ),
    reduction="p stands for G^(2a) and q for G^(1−2a), which is 1 for a = ½ and below 1 for a < ½.",
)

KL_TRAJECTORY = Claim(
    id="t2-kl-trajectory",
    source="Castera 2021, thesis, Theorem 2.8, trajectory; (2.26)–(2.31)",
    statement="if also c₂‖X'‖ ≤ ‖∂G‖ then (G^(1−a))' < −(c₁c₂/ρ)‖X'‖, so X converges, with a rate O(t^(−b)), b > 0",
    hypotheses="as in Theorem 2.8, c₁, c₂ > 0",
    checks=[
        Implication(
            part="(2.30)",
            given=[*kl, c2 > 0, speed >= 0, c2 * speed <= size, rate <= -c1 * size**2],
            then=(1 - a) * rate / power < -c1 * c2 / rho * speed,
        ),
        Implication(part="½ < a < 1: b = (1 − a)/(2a − 1) > 0", given=[a > sp.Rational(1, 2), a < 1], then=(1 - a) / (2 * a - 1) > 0),
    ],
    expected=Verdict.PROVED,
    reduction="By hand: (2.31) is the integral of (2.30); ‖X(t) − X̄‖ ≤ (ρ/(c₁c₂)) G(X(t))^(1−a), with the rates of t2-kl-rate for G: "
    "linear for a ≤ ½, O(t^(−(1−a)/(2a−1))) for a > ½.  Where G(X) reaches its limit, (i) gives ∂G ∋ 0 and (ii) X' = 0.",
)

c, e = sp.symbols("c e", real=True)

KL_POWER = Claim(
    id="t2-kl-power",
    source="Castera 2021, thesis, end of §2.5.3",
    statement="the KL exponent of |t|^c at 0 is 1 − 1/c; it decreases to 0 as c decreases to 1",
    hypotheses="c > 1",
    checks=[
        Implication(
            part="the exponent of |t| in G^(−a)|G'| is ≤ 0 exactly for a ≥ 1 − 1/c",
            given=[c > 1],
            then=sp.Equivalent(c - 1 - c * a <= 0, a >= 1 - 1 / c),
        ),
        Implication(
            part="a = 1 − 1/c: ρ(1 − a)·c = ρ, so (2.22) holds for ρ > 1",
            given=[c > 1, sp.Eq(a, 1 - 1 / c)],
            then=same(rho * (1 - a) * c, rho),
        ),
        Implication(part="a = 1 − 1/c lies in (0, 1)", given=[c > 1], then=sp.And(1 - 1 / c > 0, 1 - 1 / c < 1)),
        Implication(part="monotone in c", given=[c > 1, e > c], then=1 - 1 / e > 1 - 1 / c),
        Implication(part="small for c near 1", given=[c > 1, e > 0, c < 1 + e], then=1 - 1 / c < e),
        *(
            Implication(
                part=f"c = {k}: |G'|^c = c^c G^(c−1), which is |G'| = cG^(1−1/c)",
                given=[t > 0, sp.Eq(G, t**k), sp.Eq(rate, sp.diff(t**k, t))],
                then=same(rate**k, k**k * G ** (k - 1)),
            )
            for k in (2, 3, 4)
        ),
    ],
    expected=Verdict.PROVED,
    reduction="By hand: |t|^s is bounded below by a positive number near 0 exactly for s ≤ 0; G^(−a)|G'| = c|t|^(c−1−ca).",
)
