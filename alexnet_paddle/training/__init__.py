"""From options to a finished run folder: recipes, the loop, checkpoints, and what may stop it."""
