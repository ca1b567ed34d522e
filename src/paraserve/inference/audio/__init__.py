"""Audio: containers and codecs to samples, raw samples of live clients, decode children's side of the pipe."""
