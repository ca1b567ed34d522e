"""The wire: FastAPI routes and the JSON shapes that clients know."""
