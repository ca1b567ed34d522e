"""Deepgram's API on `/v1/listen`: live over a WebSocket, and for recordings."""
