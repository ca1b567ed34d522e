"""Ways to run paraserve on more than one machine. They stand above the commands: nothing imports them."""
