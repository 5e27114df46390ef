"""SCAFFOLD: control variates that take the drift out of local steps.

    each step:   y <- y - eta (g(y) - c_i + c)
    after K:     c_i+ = c_i - c + (x - y) / (K eta),   c+ = c + |S| / N mean(c_i+ - c_i)

Karimireddy, Kale, Mohri, Reddi, Stich, Suresh: SCAFFOLD: Stochastic controlled
averaging for federated learning, ICML 2020, algorithm 1 with option II, for plain SGD
at a learning rate eta. x are the global weights, y the client's, c_i its variate; all
variates begin at 0.

A client sends v_i = c + |S| / N (c_i+ - c_i) beside its weights, under ``control/``.
Their plain mean is c+, as the paper has it: strategy=mean. strategy=fedavg weights them
by the clients' examples, as it does the updates, which is the paper's where all hold as
many. A robust rule combines them as it does batch statistics (the median over the
clients that it kept, or over all where these are few), so that no hostile client owns
the correction of the others.
"""

from fedrobust.network import Arrays

PREFIX = "control/"


def pack(variates: Arrays) -> Arrays:
    """Name variates as they travel."""
    return {PREFIX + name: value for name, value in variates.items()}


def unpack(arrays: Arrays) -> Arrays:
    """Take the variates out of what travelled, by name of the weight."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in arrays.items()
        if name.startswith(PREFIX)
    }


def correction(c: Arrays, own: Arrays) -> Arrays:
    """Give c - c_i, which is added to every gradient."""
    return {name: c[name] - own[name] for name in c}


def renew(
    c: Arrays, own: Arrays, x: Arrays, y: Arrays, steps: int, learning_rate: float
) -> Arrays:
    """Give c_i+; all by name of the weight."""
    # A Python number keeps the dtype of the weights, which may be other than float32.
    rate = 1 / (steps * learning_rate)
    return {name: own[name] - c[name] + rate * (x[name] - y[name]) for name in c}


def share(c: Arrays, own: Arrays, new: Arrays, participation: float) -> Arrays:
    """Give v_i, from c, c_i and c_i+."""
    return {name: c[name] + participation * (new[name] - own[name]) for name in c}
