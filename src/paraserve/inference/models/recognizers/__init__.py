"""Speech recognisers: Paraformer (offline, streaming), SenseVoice, Whisper."""
