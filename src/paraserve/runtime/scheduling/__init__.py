"""Scheduling of model calls: waiting entries, their batches, and the worker threads of a device."""
