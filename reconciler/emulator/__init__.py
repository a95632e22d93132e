"""An OpenAI account on this machine, for trying things out and for tests; it shares no code with the rest."""

from reconciler.emulator.errors import EmulatorError
from reconciler.emulator.machine import Emulator
from reconciler.emulator.settings import Profile, Switches
from reconciler.emulator.wire import Request, Response

__all__ = ["Emulator", "EmulatorError", "Profile", "Request", "Response", "Switches"]
