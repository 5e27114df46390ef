"""What the doubts about hidden state say."""

DRAWS = "draws random numbers by"
SEEDLESS = "draws by keras.random from a seed generator that is not"
WRITES = "changes a variable or another object that is not the model's"
