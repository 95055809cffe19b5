"""Zeros of rational polynomials on an interval, counted and separated by Sturm sequences over python-flint."""

from __future__ import annotations

import itertools

from flint import fmpq, fmpq_poly


def squarefree(p: fmpq_poly) -> fmpq_poly:
    """The polynomial with the same zeros, each simple."""
    return p // p.gcd(p.derivative()) if p.degree() > 1 else p


def sequence(p: fmpq_poly) -> list[fmpq_poly]:
    """The Sturm sequence of a square-free polynomial."""
    found = [p, p.derivative()]
    while found[-1].degree() > 0:
        found.append(-(found[-2] % found[-1]))
    return found


def variations(chain: list[fmpq_poly], x: fmpq) -> int:
    """Sign changes of the sequence at x, zeros skipped."""
    signs = [v > 0 for v in (p(x) for p in chain) if v != 0]
    return sum(a != b for a, b in itertools.pairwise(signs))


def zeros(p: fmpq_poly, low: fmpq, high: fmpq) -> int:
    """The number of distinct real zeros in the closed interval [low, high].

    >>> zeros(fmpq_poly([-2, 0, 1]), fmpq(0), fmpq(2)), zeros(fmpq_poly([-4, 0, 1]), fmpq(-2), fmpq(2))
    (1, 2)
    """
    if p.degree() <= 0:
        return 0
    if p.degree() == 1:
        return int(low <= -p[0] / p[1] <= high)
    chain = sequence(squarefree(p))
    return variations(chain, low) - variations(chain, high) + int(p(low) == 0)


def real_zeros(p: fmpq_poly) -> int:
    """The number of distinct real zeros."""
    if p.degree() <= 0:
        return 0
    reach = bound(p)
    return zeros(p, -reach, reach)


def bound(p: fmpq_poly) -> fmpq:
    """A number above the modulus of every zero (Cauchy).

    >>> bound(fmpq_poly([-6, 1, 1]))
    7
    """
    lead = p[p.degree()]
    return 1 + max((abs(c / lead) for c in p.coeffs()[:-1]), default=fmpq(0))


def separated(p: fmpq_poly, low: fmpq, high: fmpq) -> tuple[list[fmpq], list[tuple[fmpq, fmpq]]]:
    """The open interval (low, high) cut at the zeros of p.

    Returns one rational point of every piece, ascending, and an enclosure (l, u) of every zero between
    them: a rational zero that was met exactly has l = u, any other lies strictly between, and no
    second zero in [l, u].

    >>> separated(fmpq_poly([0, -2, 0, 1]), fmpq(-1), fmpq(3))
    ([-1/2, 5/8, 9/4], [(0, 0), (5/4, 3/2)])
    """
    p = squarefree(p)
    if p.degree() <= 0:
        return [(low + high) / 2], []
    if p.degree() == 1:
        root = -p[0] / p[1]
        return ([(low + root) / 2, (root + high) / 2], [(root, root)]) if low < root < high else ([(low + high) / 2], [])
    chain = sequence(p)

    def inside(a: fmpq, b: fmpq) -> int:
        return variations(chain, a) - variations(chain, b) - int(p(b) == 0)

    cells: list[tuple[fmpq, fmpq]] = []
    todo = [(low, high)]
    while todo:
        a, b = todo.pop()
        count = inside(a, b)
        if count == 0:
            continue
        if count == 1 and p(a) != 0 and p(b) != 0 and (a, b) != (low, high):
            cells.append((a, b))
            continue
        middle = (a + b) / 2
        if p(middle) == 0:
            cells.append((middle, middle))
        todo += [(a, middle), (middle, b)]
    cells.sort(key=lambda cell: cell[0] + cell[1])
    cells = [_apart(p, cell) for cell in cells]
    ends = [low, *itertools.chain.from_iterable(cells), high]
    return [(a + b) / 2 for a, b in zip(ends[::2], ends[1::2], strict=True)], cells


def _apart(p: fmpq_poly, cell: tuple[fmpq, fmpq]) -> tuple[fmpq, fmpq]:
    """The same zero in at most half the room, so that neighbouring enclosures do not touch."""
    a, b = cell
    if a == b:
        return cell
    rising = p(b) > 0
    lower, upper = False, False
    while not (lower and upper):
        middle = (a + b) / 2
        value = p(middle)
        if value == 0:
            return middle, middle
        if (value > 0) == rising:
            b, upper = middle, True
        else:
            a, lower = middle, True
    return a, b
