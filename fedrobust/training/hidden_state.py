"""Detection of hidden state in the graph of a local step.

A local step may depend only on its arguments: weights, data, and keys of random draws.
A draw from a global generator, or a variable or table that a hook writes, is none of
these, so the same configuration would give other numbers the next time.
"""

from collections.abc import Iterator
from typing import Any

# Prefixes of the names of operations that change a variable, a table, a queue or an
# iterator, which outlives the step. "Assign" covers all Assign...VariableOp.
WRITES = (
    *("Assign", "ResourceScatter", "ResourceApply", "ResourceSparseApply"),
    *("ResourceStridedSliceAssign", "ResourceCountUpTo", "ResourceAccumulatorApply"),
    *("LookupTableInsert", "LookupTableRemove", "LookupTableImport"),
    *("QueueEnqueue", "QueueDequeue", "IteratorGetNext"),
)

UNSEEDED = (
    "the local step draws by keras.random from a seed generator that is not the "
    "model's, so the same configuration gives other numbers each time: give a layer a "
    "keras.random.SeedGenerator as an attribute; in a hook use the seed that perturb "
    "is given"
)


def hidden_state(graph: Any) -> list[str]:
    """Return descriptions of unkeyed draws and foreign variables in a graph.

    Random numbers drawn by Python, during tracing or in ``tf.py_function``, leave no
    trace in the graph and are not detected.

    Parameters
    ----------
    graph
        The ``tf.Graph`` of a traced local step, with the functions that it calls.

    Returns
    -------
    One sentence for each kind of hidden state; empty if there is none.
    """
    nodes = list(_nodes(graph.as_graph_def()))
    sentences = []
    draws = [node for node in nodes if _draws_without_key(node)]
    if draws:
        sentences.append(
            f"the local step draws random numbers by {_place(draws[0])}, which has no "
            "key, so the same configuration gives other numbers each time: use "
            "tf.random.stateless_* with the seed that perturb is given or, in a layer, "
            "keras.random with a keras.random.SeedGenerator of its own"
        )
    writes = [node for node in nodes if node.op.startswith(WRITES)]
    if any(node.op == "MakeIterator" for node in nodes):
        # An iterator that the step itself creates starts again each time.
        writes = [node for node in writes if not node.op.startswith("Iterator")]
    if any("seed_generator" in variable.name for variable in graph.variables):
        sentences.append(UNSEEDED)
    elif writes:
        sentences.append(
            f"the local step changes a variable or another object that is not the "
            f"model's, by {_place(writes[0])}: clients share it, so results depend on "
            "the order in which they train"
        )
    return sentences


def _nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph, and those of the functions that it calls."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _draws_without_key(node: Any) -> bool:
    # Operations of TensorFlow's global generator have a seed attribute; stateless ones
    # take the seed as an input. Cudnn operations have one for a dropout that is not
    # used. Operations of tf.random.Generator advance a variable.
    if node.op.startswith("Cudnn"):
        return False
    return "seed" in node.attr or node.op in ("RngReadAndSkip", "Timestamp")


def _place(node: Any) -> str:
    return f"{node.op} ({node.name})"
