"""Helpers of the tests: servers, clients, recordings, fakes."""
