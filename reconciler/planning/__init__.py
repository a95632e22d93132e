"""Desired and observed → a plan. Every decision is made here."""
