"""The rate limit loses count of nothing, whatever is logged and whenever."""

from hypothesis import given, strategies as st

from xtrade.ops.log_limit import KEYS_MAX, LINES_MAX, WINDOW_NS, RepeatLimit
from xtrade.ops.log_lines import Entry


def entry(time_ns: int, event: str) -> Entry:
    return Entry(time_ns, "error", "x", event)


def outcome(entries):
    """(how many were written as they are, how many summaries say were held back)."""
    limit, written, held_back = RepeatLimit(), 0, 0
    now_ns = 0
    for one in entries:
        now_ns = max(now_ns, one.time_ns)
        held_back += sum(summary.fields["held_back"] for summary in limit.summaries(one.time_ns))
        written += limit.admit(one, ("x", "error", one.event))
    held_back += sum(summary.fields["held_back"] for summary in limit.summaries(now_ns, final=True))
    return written, held_back


bursts = st.lists(
    st.tuples(st.integers(0, 2 * WINDOW_NS), st.sampled_from("ab"), st.integers(1, 3 * LINES_MAX)), max_size=8
)


@given(bursts)
def test_every_entry_is_either_written_or_counted(bursts):
    now_ns, entries = 0, []
    for pause_ns, event, count in bursts:
        now_ns += pause_ns
        entries += [entry(now_ns, event)] * count

    assert sum(outcome(entries)) == len(entries)


def test_so_many_a_window_and_afresh_in_the_next():
    first = [entry(0, "a")] * (LINES_MAX + 7)
    second = [entry(WINDOW_NS, "a")] * (LINES_MAX + 5)

    assert outcome(first + second) == (2 * LINES_MAX, 12)


def test_a_noisy_message_holds_no_other_back():
    limit = RepeatLimit()
    for _ in range(1_000):
        limit.admit(entry(0, "noisy"), ("x", "error", "noisy"))

    assert limit.admit(entry(0, "quiet"), ("x", "error", "quiet"))


def test_messages_that_are_all_different_are_limited_together_and_do_not_fill_the_memory():
    many = [entry(0, f"order {n} refused") for n in range(3 * KEYS_MAX)]

    assert outcome(many) == (KEYS_MAX + LINES_MAX, 2 * KEYS_MAX - LINES_MAX)


def test_a_window_is_open_until_its_end():
    limit = RepeatLimit()
    limit.admit(entry(0, "a"), ("x", "error", "a"))

    assert limit.summaries(WINDOW_NS - 1) == []
