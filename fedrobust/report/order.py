"""The customary order of choices in tables and figures."""

# Others follow by name.
ORDER = {
    "strategy": [
        *("fedavg", "mean", "sfat", "median", "trimmed_mean", "meamed", "phocas"),
        *("geometric_median", "rfa", "krum", "multi_krum", "bulyan", "mda", "smea"),
        *("caf", "cge", "monna", "dnc", "centered_clipping", "norm_clipping"),
        *("sign_majority", "rlr", "fltrust", "sign_guard", "foolsgold", "lasa"),
        *("flame", "fldetector", "flanders"),
    ],
    "byzantine": [
        *("none", "zero", "free_rider", "infinity", "not_a_number", "gaussian"),
        *("label_flip", "label_flip_one", "sign_flip", "mean_sign_flip", "inflation"),
        *("ipm", "optimal_ipm", "alie", "optimal_alie", "min_max", "min_sum"),
        *("fang_krum", "fang_trim", "mimic", "backdoor", "dba", "edge_case"),
        *("neurotoxin", "robustness_poisoning", "masked_robustness"),
    ],
    "training": [
        *("standard", "fedprox", "scaffold", "noise", "fat", "pgd", "feddynat"),
        *("free", "fast", "trades", "mart", "alp", "avmixup", "calfat", "dbfat"),
        "fedrbn",
    ],
}


def rank(column: str, label: str) -> tuple[int, float, str]:
    """Rank a label in its column: in the customary order, then by number, by name."""
    known = ORDER.get(column, [])
    try:
        number = float(label)
    except ValueError:
        number = float("inf")
    return (known.index(label) if label in known else len(known), number, label)
