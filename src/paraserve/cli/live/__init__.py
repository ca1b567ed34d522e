"""What `paraserve stream` does: the microphone or a recording, and texts while they grow."""
