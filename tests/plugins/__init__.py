"""Pytest plugins of this project: what a run may touch, and what it must report."""
