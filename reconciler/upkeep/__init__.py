"""What keeps a stack's place in the account in order: `gc`, `unlock` and `recover`, without a command line.

Each has two halves. The first only reads and gives a value that says what would be done; the second does it, after the
value was shown and agreed to, and looks again before it writes.
"""

from reconciler.upkeep.gc.find import find_orphans
from reconciler.upkeep.gc.orphans import Group, Orphan, Orphans
from reconciler.upkeep.gc.sweep import Swept, sweep
from reconciler.upkeep.recovery.recover import find_recovery, recover
from reconciler.upkeep.recovery.recovery import Recovery
from reconciler.upkeep.unlock import Held, check_dead, find_holder, unlock

__all__ = [
    "Group",
    "Held",
    "Orphan",
    "Orphans",
    "Recovery",
    "Swept",
    "check_dead",
    "find_holder",
    "find_orphans",
    "find_recovery",
    "recover",
    "sweep",
    "unlock",
]
