"""Looks for planted values in everything that a deployment wrote."""
