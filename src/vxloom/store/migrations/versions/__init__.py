"""One file a step, in order of their numbers. Imports nothing of ours: a step says what was. Never changed after its release."""
