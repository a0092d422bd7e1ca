"""Packs that each do one thing that a pack must not do, and the kit that runs them twice: as the
hub runs packs, and without the guard that is to stop them."""
