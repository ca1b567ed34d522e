"""The live client: one utterance over a WebSocket."""
