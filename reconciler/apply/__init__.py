"""Plan → account. Apply decides nothing: it walks the plan's edges and says what it did."""

from reconciler.apply.walk import Conclusion, Options, apply

__all__ = ["Conclusion", "Options", "apply"]
