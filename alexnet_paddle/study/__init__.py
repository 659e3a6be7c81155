"""Comparing: ablations with several seeds, their statistics, and the speed of this machine."""
