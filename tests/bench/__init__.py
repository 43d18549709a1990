"""The figures: what the product costs, measured against minima and straight-line code (docs/figures.md)."""
