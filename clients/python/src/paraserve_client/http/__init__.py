"""What all requests over HTTP have in common: their steps, repetitions, errors and connections."""
