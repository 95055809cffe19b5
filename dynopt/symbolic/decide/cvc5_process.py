"""Runs cvc5 on the SMT-LIB text on standard input; prints the answer and, if satisfiable, one ``name = value`` a line.

A process of its own, started by path, because cvc5 does not always keep its time limit and cannot be interrupted.
"""

import sys

import cvc5


def main() -> None:
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("nl-cov", "true")
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, sys.stdin.read(), "query")
    symbols = parser.getSymbolManager()
    answer = ""
    while not (command := parser.nextCommand()).isNull():
        answer = command.invoke(solver, symbols).strip() or answer
    sys.stdout.write(f"{answer}\n")
    if answer == "sat":
        for term in symbols.getDeclaredTerms():
            sys.stdout.write(f"{term} = {solver.getValue(term)}\n")


if __name__ == "__main__":
    main()
