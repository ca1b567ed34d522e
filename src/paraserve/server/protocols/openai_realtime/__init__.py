"""OpenAI's Realtime API, for transcription sessions: GA's shape and the one before it (beta)."""
