"""Traces for OpenTelemetry, made of the timelines of requests that have ended. Nothing here runs unless asked for."""
