"""Speech recognizers: Paraformer (offline, streaming), SenseVoice, Whisper."""
