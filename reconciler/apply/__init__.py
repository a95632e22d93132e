"""Plan → account. Apply decides nothing: it walks the plan's edges and says what it did."""

from reconciler.apply.lifecycle import apply
from reconciler.apply.options import Conclusion, Options

__all__ = ["Conclusion", "Options", "apply"]
