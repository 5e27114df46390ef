"""Everything that speaks in Flower messages: clients, the server and the adversary."""
