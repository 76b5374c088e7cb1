"""Problems: every field at once, by its path in the request."""

from vault.rpc.problems import CONTRACT, Problems


def add(problems: Problems, field: str, reason: str = "R") -> None:
    problems.add(field, reason, "en", "zh")


def paths(problems: Problems) -> list[str]:
    return [v.field for v in problems.found]


def test_paths_are_put_together_from_what_they_are_under() -> None:
    problems = Problems()
    with problems.under("items[3]"):
        add(problems, "")
        with problems.under("transaction"):
            add(problems, "amount")
        add(problems, "owner")
    add(problems, "parent")
    assert paths(problems) == [
        "items[3]",
        "items[3].transaction.amount",
        "items[3].owner",
        "parent",
    ]


def test_taking_out_what_is_below_a_path_leaves_the_rest() -> None:
    problems = Problems()
    for field in ("items[1].a", "items[10].b", "items[1]", "parent"):
        add(problems, field)
    assert [v.field for v in problems.take("items[1]")] == ["a", ""]
    assert paths(problems) == ["items[10].b", "parent"]


def test_a_field_and_reason_is_told_once_in_order_of_finding() -> None:
    problems = Problems()
    for field, reason in (("b", "R"), ("a", "R"), ("b", "R"), ("b", "S")):
        add(problems, field, reason)
    assert [(v.field, v.reason) for v in problems.unique()] == [("b", "R"), ("a", "R"), ("b", "S")]


def test_a_rule_of_the_contract_gives_way_to_what_the_domain_says_of_the_field() -> None:
    problems = Problems()
    add(problems, "a", f"{CONTRACT}STRING_LEN")
    add(problems, "b", f"{CONTRACT}STRING_LEN")
    add(problems, "a", "CHECK_DIGIT")
    assert [(v.field, v.reason) for v in problems.unique()] == [
        ("b", f"{CONTRACT}STRING_LEN"),
        ("a", "CHECK_DIGIT"),
    ]


def test_problems_are_true_when_there_are_some() -> None:
    problems = Problems()
    assert not problems
    add(problems, "a")
    assert problems


def test_taking_out_the_items_of_a_list_sorts_them_and_leaves_the_rest() -> None:
    problems = Problems()
    for field in ("items[1].a", "items[10]", "items[1].b[2].c", "items", "parent"):
        add(problems, field)
    taken = problems.take_items("items")
    assert {i: [v.field for v in found] for i, found in taken.items()} == {
        1: ["a", "b[2].c"],
        10: [""],
    }
    assert paths(problems) == ["items", "parent"]
