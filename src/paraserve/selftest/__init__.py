"""`paraserve selftest`: the protocols and the faults of a server, tried on the machine that will run it."""
