"""Plan → account. Apply decides nothing: it walks the plan's edges and says what it did."""

from reconciler.apply.options import Conclusion, Options
from reconciler.apply.walk import apply

__all__ = ["Conclusion", "Options", "apply"]
