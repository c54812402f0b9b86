"""The second-by-second score, on timelines whose counts are known by hand."""

from har_ros.evaluation.timeline import Timeline

SECOND = 1_000_000_000


def fill(timeline: Timeline, start_s: float, end_s: float, label: str, truth: str | None) -> None:
    for tenth in range(int(start_s * 10), int(end_s * 10)):
        stamp = tenth * SECOND // 10
        timeline.note_label(stamp, label)
        if truth:
            timeline.note_truth(stamp, truth)


def test_seconds_near_a_change_are_left_out() -> None:
    timeline = Timeline()
    fill(timeline, 0, 10, "WALK", "WALK")
    fill(timeline, 10, 11, "WALK", "STAND")  # late by a second: within the margin
    fill(timeline, 11, 20, "STAND", "STAND")
    score = timeline.score()
    assert score.seconds == 6 + 5  # 2..7 of ten, and 12..16 of the last, whose end is at 19.9 s
    assert score.right == score.seconds


def test_wrong_and_silent_seconds_count_against() -> None:
    timeline = Timeline()
    fill(timeline, 0, 5, "WALK", "WALK")
    fill(timeline, 5, 6, "SITTING", "WALK")
    timeline.note_truth(12 * SECOND, "WALK")
    score = timeline.score()
    assert score.pairs.count(("WALK", "WALK")) == 3
    assert score.pairs.count(("WALK", "SITTING")) == 1
    assert score.pairs.count(("WALK", "nothing")) == 4


def test_falls_and_false_alarms_are_counted() -> None:
    timeline = Timeline()
    for label, start in (("WALK", 0), ("FALL_OR_COLLAPSE", 10), ("STAND", 20), ("FALL_OR_COLLAPSE", 30), ("WALK", 40)):
        timeline.note_truth(start * SECOND, label)
    timeline.note_truth(50 * SECOND, "WALK")
    for start, end in ((5, 6), (11, 21), (45, 46)):
        for second in range(start, end):
            timeline.note_alarm(second * SECOND, True)
        timeline.note_alarm(end * SECOND, False)
    score = timeline.score()
    assert (score.falls, score.falls_alarmed, score.false_alarms) == (2, 1, 2)


def test_nothing_heard_scores_nothing() -> None:
    assert Timeline().score().seconds == 0
