"""Tests of reconciler/apply: the real tool on the emulator, with a server that misbehaves where a test says so."""
