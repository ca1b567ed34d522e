"""uvicorn's HTTP and WebSocket transports, with the bounds that they lack."""
