"""SCAFFOLD: control variates that correct the client drift of local steps.

    each step:   y <- y - eta (g(y) - c_i + c)
    after K:     c_i+ = c_i - c + (x - y) / (K eta),   c+ = c + |S| / N mean(c_i+ - c_i)

Karimireddy, Kale, Mohri, Reddi, Stich, Suresh: SCAFFOLD: Stochastic controlled
averaging for federated learning, ICML 2020, Algorithm 1 with option II, for plain SGD
with learning rate eta. x are the global weights, y the client's weights and c_i its
variate; all variates start at 0.

A client sends v_i = c + |S| / N (c_i+ - c_i) next to its weights, under ``control/``.
The plain mean of the v_i is c+, as in the paper: use strategy=mean. strategy=fedavg
weights them by the clients' numbers of examples, as it does for updates, which equals
the paper if all clients hold equally many. A robust rule combines them like batch
statistics (the median over the clients that it kept, or over all if it kept few), so
that no hostile client controls the correction of the others.
"""

from fedrobust.network import Arrays

PREFIX = "control/"


def pack(variates: Arrays) -> Arrays:
    """Return variates under the names they have in messages."""
    return {PREFIX + name: value for name, value in variates.items()}


def unpack(arrays: Arrays) -> Arrays:
    """Return the variates among received arrays, by the names of the weights."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in arrays.items()
        if name.startswith(PREFIX)
    }


def correction(c: Arrays, own: Arrays) -> Arrays:
    """Return c - c_i, which is added to every gradient."""
    return {name: c[name] - own[name] for name in c}


def renew(
    c: Arrays, own: Arrays, x: Arrays, y: Arrays, steps: int, learning_rate: float
) -> Arrays:
    """Return c_i+, the client's new variate; all arrays are by name of the weight."""
    # A Python float does not change the dtype of the weights.
    rate = 1 / (steps * learning_rate)
    return {name: own[name] - c[name] + rate * (x[name] - y[name]) for name in c}


def share(c: Arrays, own: Arrays, new: Arrays, participation: float) -> Arrays:
    """Return v_i, which the client sends, from c, c_i and c_i+."""
    return {name: c[name] + participation * (new[name] - own[name]) for name in c}
