"""Features of sound, degradations, and sounds that are no speech."""
