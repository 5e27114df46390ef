"""Clipped sums against gradients of single examples, for models of every kind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.network import BoundModel, network_of
from fedrobust.network.network import cross_entropy
from fedrobust.network.per_example import clipped, layers, whole
from tests.fedrobust.network.per_example import examples as cases
from tests.fedrobust.network.per_example.examples import (
    clipped as clipped_of,
)
from tests.fedrobust.network.per_example.examples import (
    compiled,
    error_of,
    examples,
    losses_of,
    losses_of_two_calls,
    network,
    parts,
)

ROUNDING = 1e-5


def small_layers(x):
    x = keras.layers.GroupNormalization(1)(keras.layers.Conv2D(2, 3)(x))
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    return keras.layers.LayerNormalization()(x)


SMALL = ((5, 5, 1), small_layers)


def refuse(*_):
    pytest.fail("the slow way was taken")


@pytest.fixture
def by_rules(monkeypatch):
    """Fail for a layer without a rule, and for a model as a whole."""
    monkeypatch.setattr(layers, "any_layer", refuse)
    monkeypatch.setattr(clipped, "whole_model", refuse)


def dense(units=3, width=2, **how):
    """Return a network of one dense layer whose weights are zeros."""
    layer = keras.layers.Dense(units, kernel_initializer="zeros", **how)
    return network(((width,), layer))


def test_a_gradient_is_divided_by_its_norm_over_the_bound():
    # With zero weights p = (1/2, 1/2), so the gradient is x (p - e_y)^T.
    x, y = np.float32([[3, 4], [0.3, 0.4]]), np.int32([0, 1])
    result, total = clipped_of(dense(2, use_bias=False), (x, y), clip=1.0)
    assert result.norms.numpy() == pytest.approx([5 * 0.5**0.5, 0.5 * 0.5**0.5])
    assert result.losses.numpy() == pytest.approx([np.log(2)] * 2)
    first = np.outer(x[0] / 5, [-1, 1]) * 0.5**0.5
    second = np.outer(x[1], [0.5, -0.5])
    assert total == pytest.approx((first + second).ravel())


def test_a_clipped_contribution_is_as_long_as_the_bound_up_to_rounding():
    # A sum of one example is its contribution. The bias makes none vanish.
    net, rng = dense(7, 50), np.random.default_rng(2)
    x = rng.normal(size=(64, 50)).astype(np.float32)
    y = rng.integers(0, 7, 64).astype(np.int32)
    for i in range(64):
        result, total = clipped_of(net, (x[i : i + 1], y[i : i + 1]), clip=0.3)
        assert result.norms.numpy()[0] > 0.3
        length = np.linalg.norm(total.astype(np.float64))
        assert length == pytest.approx(0.3, rel=5e-7)


@pytest.mark.parametrize("name", cases.RULED)
@pytest.mark.usefixtures("by_rules")
def test_rules_are_the_loop_over_single_examples(name):
    model = cases.RULED[name]
    assert error_of(network(model), examples(model[0])) < ROUNDING


@pytest.mark.parametrize("name", cases.TOKENS)
@pytest.mark.usefixtures("by_rules")
def test_rules_of_tokens_are_the_loop_over_single_examples(name):
    model = cases.TOKENS[name]
    assert error_of(network(model), examples(model[0], numbers=9)) < ROUNDING


@pytest.mark.parametrize("name", cases.OTHERS)
def test_layers_without_a_rule_are_the_loop_over_single_examples(name, monkeypatch):
    monkeypatch.setattr(clipped, "whole_model", refuse)
    model = cases.OTHERS[name]
    assert error_of(network(model), examples(model[0])) < ROUNDING


@pytest.mark.parametrize(
    "name", [*cases.RECURRENT, pytest.param(*cases.SLOW, marks=pytest.mark.slow)]
)
def test_recurrent_layers_are_the_loop_over_single_examples(name, monkeypatch):
    monkeypatch.setattr(clipped, "whole_model", refuse)
    model = (cases.RECURRENT | cases.SLOW)[name]
    assert error_of(network(model), examples(model[0], numbers=9)) < ROUNDING


@pytest.mark.usefixtures("by_rules")
def test_a_loss_may_call_the_model_twice():
    model = cases.RULED["tutorial"]
    batch = examples(model[0])
    assert error_of(network(model), batch, losses_of_two_calls) < ROUNDING


def test_a_model_with_a_weight_of_its_own_is_differentiated_as_a_whole(monkeypatch):
    taken = []
    monkeypatch.setattr(
        clipped,
        "whole_model",
        lambda *args: taken.append(1) or whole.whole_model(*args),
    )
    assert error_of(cases.own_weight(), examples((5,))) < ROUNDING
    assert taken


def test_half_precision_is_differentiated_as_a_whole():
    layer = keras.layers.Dense(3, dtype="mixed_bfloat16")
    assert error_of(network(((4,), layer)), examples((4,))) < 0.02


def test_a_model_without_a_graph_is_differentiated_example_by_example():
    class Eager(keras.layers.Layer):
        def call(self, x):
            return x * float(tf.reduce_max(tf.ones(1)))

    model = network(((4,), lambda x: keras.layers.Dense(3)(x)))
    expected = clipped_of(model, batch := examples((4,)), clip=0.3)[1]
    weights, fixed = parts(model)
    result = clipped.clipped_sum(
        model,
        weights,
        lambda weights: BoundModel(model, weights, fixed),
        losses_of,
        batch,
        tf.constant(0.3),
        tf.ones(6),
    )
    flat = np.concatenate([np.ravel(g) for g in result.gradients])
    assert flat == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("way", [layers.by_layers, whole.whole_model])
def test_masked_rows_add_exactly_nothing(way, monkeypatch):
    monkeypatch.setattr(clipped, "by_layers", way)
    model = network(SMALL)
    x, y = examples((5, 5, 1))
    mask = np.float32([1, 0, 1, 1, 0, 1])
    others = np.where(mask[:, None, None, None] > 0, x, 7.0).astype(np.float32)
    bits = [clipped_of(model, (z, y), 0.5, mask)[1].tobytes() for z in (x, others)]
    assert bits[0] == bits[1]
    kept = clipped_of(model, (x[mask > 0], y[mask > 0]), 0.5)[1]
    assert np.frombuffer(bits[0], np.float32) == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize("way", [layers.by_layers, whole.whole_model])
def test_an_example_whose_gradient_is_not_finite_adds_nothing(way, monkeypatch):
    monkeypatch.setattr(clipped, "by_layers", way)
    model = network(SMALL)
    x, y = examples((5, 5, 1))
    mask = np.float32([0, 0, 0, 1, 1, 1])
    expected = clipped_of(model, (x, y), 0.5, mask)[1]
    x[:3] = np.float32([np.nan, np.inf, -np.inf])[:, None, None, None]
    found = clipped_of(model, (x, y), 0.5)[1]
    assert found == pytest.approx(expected, abs=1e-6)


def test_no_sum_is_longer_than_the_bound_times_the_examples():
    model = network(cases.RULED["shared"])
    x, y = examples((5,))
    total = clipped_of(model, (1e3 * x, y), clip=1e-3)[1]
    assert np.linalg.norm(total) <= 6e-3 * (1 + 1e-5)


@pytest.mark.parametrize("way", [layers.by_layers, whole.whole_model])
def test_a_loss_without_a_gradient_has_the_norm_zero(way, monkeypatch):
    monkeypatch.setattr(clipped, "by_layers", way)

    def constant(model, x, y):
        return cross_entropy(y, tf.stop_gradient(model(x, training=True)))

    result, total = clipped_of(dense(), examples((2,)), 1.0, losses_of=constant)
    assert not result.norms.numpy().any()
    assert not total.any()


def test_frozen_weights_do_not_count():
    frozen = keras.layers.Dense(4, trainable=False)
    model = network(((5,), lambda x: keras.layers.Dense(3)(frozen(x))))
    assert len(model.trainable) == 2
    assert error_of(model, examples((5,))) < ROUNDING


def test_random_layers_draw_again_for_each_row():
    def layers_of(x):
        # A layer that has no rule, and that draws, so the model is taken as a whole.
        return keras.layers.Dense(3)(keras.layers.LSTM(2, dropout=0.5)(x))

    model = network(((3, 4), layers_of))
    x, y = examples((3, 4), n=1)
    same = np.repeat(x, 8, axis=0), np.repeat(y, 8)
    norms = clipped_of(model, same, 1.0)[0].norms.numpy()
    assert len(np.unique(norms.round(5))) > 1


def test_random_states_move_on():
    def layers_of(x):
        return keras.layers.Dense(3)(keras.layers.Dropout(0.5)(x))

    model = network(((4,), layers_of))
    fixed = clipped_of(model, examples((4,)), 1.0)[0].fixed
    assert [each.numpy().tolist() for each in fixed] == [[3, 1]]


def test_the_received_model_is_a_constant():
    model = network(((5,), keras.layers.Dense(3)))
    trainable, fixed = parts(model)
    received = BoundModel(model, [1.1 * w for w in trainable], fixed)

    def distilled(bound, x, y):
        teacher = tf.nn.softmax(received(x))
        logs = tf.nn.log_softmax(bound(x, training=True))
        return cross_entropy(y, logs) - tf.reduce_sum(teacher * logs, axis=1)

    assert error_of(model, examples((5,)), distilled) < ROUNDING


def test_threads_may_trace_and_call_the_same_model():
    model = network(((5,), lambda x: keras.layers.Dense(3)(x)))
    batch = examples((5,))
    expected = clipped_of(model, batch, 0.5)[1].tobytes()
    logits = model.model(batch[0]).numpy()

    def one(i):
        if i % 2:
            # Each traces anew.
            compiled.cache_clear()
            return clipped_of(model, batch, 0.5)[1].tobytes() == expected
        return all((model.model(batch[0]).numpy() == logits).all() for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(4)))
    every = model.model._flatten_layers()
    assert not any("call" in vars(layer) for layer in every)


def test_float16_is_refused():
    model = dense(width=4, dtype="mixed_float16")
    with pytest.raises(ValueError, match="use float32 or the policy mixed_bfloat16"):
        clipped_of(model, examples((4,)), 1.0)


def test_a_regulariser_of_weights_is_left_out():
    def sum_of(regulariser):
        model = dense(width=4, kernel_regularizer=regulariser)
        return clipped_of(model, examples((4,)), 1.0)[1]

    assert sum_of("l2").tobytes() == sum_of(None).tobytes()


def test_a_regulariser_of_outputs_is_refused():
    layer = keras.layers.Dense(3, activity_regularizer="l2", name="sparse")
    with pytest.raises(ValueError, match="'sparse' adds a loss of its outputs"):
        clipped_of(network(((4,), layer)), examples((4,)), 1.0)


@pytest.mark.parametrize("kind", ["BatchNormalization", "DualBatchNormalization"])
def test_batch_normalisation_is_refused_with_a_remedy(kind):
    from fedrobust.network.dual_norm import DualBatchNormalization

    norm = getattr(keras.layers, kind, DualBatchNormalization)(name="norm")
    model = network(((4,), lambda x: keras.layers.Dense(3)(norm(x))))
    with pytest.raises(ValueError, match=r"'norm' keeps .* model\.norm=group or"):
        clipped_of(model, examples((4,)), 1.0)


def test_frozen_batch_normalisation_is_allowed():
    norm = keras.layers.BatchNormalization(trainable=False)
    model = network(((4,), lambda x: keras.layers.Dense(3)(norm(x))))
    assert error_of(model, examples((4,))) < ROUNDING


def test_sequential_models_work_too():
    stack = [keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3)]
    assert error_of(network_of(keras.Sequential(stack)), examples((4,))) < ROUNDING
