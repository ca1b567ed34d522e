"""What an operator sees of the running server, and the switch that drains it."""
