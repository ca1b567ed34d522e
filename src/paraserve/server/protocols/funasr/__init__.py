"""FunASR's protocols: messages of live clients, bodies of its HTTP servers."""
