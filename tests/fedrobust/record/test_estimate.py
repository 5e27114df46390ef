"""How long runs will take, with numbers worked by hand."""

from fedrobust.record.estimate import Cost, Planned, costs_below, estimate
from tests.fedrobust.record.states import add_round, begin, finish

A = {"dataset": "digits", "model": "mlp", "training": "standard"}
B = A | {"training": "pgd"}
C = A | {"model": "cnn"}


def test_a_run_costs_its_rounds_times_the_median_of_runs_like_it():
    here = [Cost(A, 2.0, 0.5), Cost(A, 4.0, 0.5), Cost(A, 30.0, 0.5), Cost(B, 9.0, 1)]
    # 10 rounds of 4 s, and 5 of 9 s.
    runs = [Planned(A, 10, False), Planned(B, 5, False)]
    assert estimate(runs, here, []) == (85.0, 0)


def test_the_folder_comes_first_then_anything_with_the_same_data_and_model():
    here, elsewhere = [Cost(B, 9.0, 1.0)], [Cost(A, 2.0, 1.0)]
    # None here trains like A, so 9 s and 2 s count alike: 5.5 s a round.
    assert estimate([Planned(A, 10, False)], here, elsewhere) == (55.0, 0)
    assert estimate([Planned(B, 10, False)], here, elsewhere) == (90.0, 0)


def test_a_run_like_which_none_has_finished_is_counted_and_not_guessed():
    runs = [Planned(C, 10, False), Planned(A, 3, False)]
    assert estimate(runs, [Cost(A, 2.0, 1.0)], []) == (6.0, 1)
    assert estimate(runs, [], []) == (0.0, 2)


def test_a_trained_model_costs_an_evaluation():
    here = [Cost(A, 2.0, 0.5), Cost(A, 2.0, 1.5)]
    assert estimate([Planned(A, 10, True)], here, []) == (1.0, 0)


def test_the_costs_of_finished_runs_are_read_from_their_folders(tmp_path):
    trained = begin(tmp_path / "a" / "one", num_rounds=2)
    add_round(trained, 1, seconds=3.0)
    add_round(trained, 2, seconds=4.0)
    finish(trained, choices=A, wall_seconds=8.0)
    again = begin(tmp_path / "a" / "two", num_rounds=2)
    finish(again, choices=B, wall_seconds=2.0, earlier_seconds=8.0)
    begin(tmp_path / "a" / "unfinished")
    old = begin(tmp_path / "a" / "old")
    finish(old, wall_seconds=None)
    torn = begin(tmp_path / "a" / "torn")
    finish(torn)
    next(torn.glob("evaluations/*.json")).write_text("{")
    one, two = costs_below(tmp_path, tmp_path / "a", tmp_path / "nothing")
    # The last of the rounds above has evaluated for a quarter of its 4 s.
    assert one == Cost(A, seconds_a_round=4.0, evaluation_seconds=1.0)
    assert two == Cost(B, seconds_a_round=5.0, evaluation_seconds=2.0)
