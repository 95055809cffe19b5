"""Runs held against theory: convergence bounds as objects, what runs measure of them, rates fitted on tails."""
