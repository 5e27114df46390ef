"""Everything that handles Flower messages: clients, the server and the adversary."""
