"""The second-by-second score, on timelines whose counts are known by hand."""

from har_ros.evaluation.timeline import SECOND_NS, Timeline, TimelineScore

WALK, FALL, DROWSY = "WALK", "FALL_OR_COLLAPSE", "DRIVERS_DROWSINESS"

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


def judged(truth: list[tuple[str, int]], alarms: list[tuple[float, float]], end_s: int = 60) -> TimelineScore:
    """Score a truth of (label, begin in s) and an alarm that is published ten times a second."""
    timeline = Timeline()
    for label, start_s in truth:
        timeline.note_truth(start_s * SECOND, label)
    timeline.note_truth(end_s * SECOND, truth[-1][0])
    for tenth in range(10 * end_s):
        timeline.note_alarm(tenth * SECOND // 10, any(start <= tenth / 10 < end for start, end in alarms))
    return timeline.score()


def test_an_alarm_that_stays_on_detects_nothing() -> None:
    truth = [(WALK, 0), (FALL, 20), (WALK, 25), (FALL, 40), (WALK, 45)]
    stuck = judged(truth, [(5, 60)])
    assert (stuck.falls, stuck.falls_alarmed, stuck.falls_already_on, stuck.false_alarms) == (2, 0, 0, 1)
    held = judged(truth, [(21, 60)])
    assert (held.falls_alarmed, held.fall_delays_s, held.falls_already_on, held.false_alarms) == (1, (1.0,), 0, 0)


def test_an_alarm_of_the_anomaly_directly_before_a_fall_was_already_on() -> None:
    truth = [(WALK, 0), (DROWSY, 10), (FALL, 20), (WALK, 25)]
    held = judged(truth, [(12, 30)])
    assert (held.falls, held.falls_alarmed, held.fall_delays_s, held.falls_already_on) == (1, 0, (), 1)
    again = judged(truth, [(12, 19), (20.5, 30)])
    assert (again.falls_alarmed, again.fall_delays_s, again.falls_already_on) == (1, (0.5,), 0)
    assert judged(truth, [(12, 19)]).falls_already_on == 0


def test_an_alarm_within_the_grace_belongs_to_the_anomaly_before() -> None:
    truth = [(WALK, 0), (FALL, 10), (WALK, 12)]
    late = judged(truth, [(13.5, 20)])
    assert (late.falls_alarmed, late.fall_delays_s, late.false_alarms) == (1, (3.5,), 0)
    assert judged(truth, [(14.5, 20)]).false_alarms == 1
    assert judged(truth, [(9.5, 20)]).false_alarms == 1, "raised before there was a reason"


def test_what_is_raised_before_the_first_truth_is_not_false() -> None:
    early = judged([(WALK, 20), (FALL, 40)], [(5, 6), (30, 31)])
    assert (early.false_alarms, early.false_alarm_truths, early.quiet_s) == (1, (WALK,), 20)


def test_nothing_heard_scores_nothing() -> None:
    assert Timeline().score().seconds == 0
    untold = Timeline()
    untold.note_alarm(0, True)
    assert untold.score().false_alarms == 0


def test_false_alarms_are_counted_by_truth_and_by_what_looked_like_an_anomaly() -> None:
    timeline = Timeline()
    for second, label in ((0, "WALK"), (10, "OTHER"), (20, "STAND"), (40, "DRIVERS_DROWSINESS")):
        timeline.note_truth(second * SECOND_NS, label)
    for second in range(10, 41):
        name = "bend" if second < 15 else "kneel" if second < 20 else ""
        timeline.note_hard_negative(second * SECOND_NS, name)
    for first, last in ((15.5, 16), (30, 31), (55, 60)):
        timeline.note_alarm(int(first * SECOND_NS), True)
        timeline.note_alarm(int(last * SECOND_NS), False)
    timeline.note_label(60 * SECOND_NS, "STAND")
    score = timeline.score()
    assert score.false_alarm_truths == ("OTHER", "STAND")
    assert score.hard_negatives == (("bend", True), ("kneel", True)), "an alarm follows what it is of by up to 2 s"
    assert (score.drowsy_spells, score.drowsy_delays_s) == (1, (15.0,))
    assert (score.duration_s, score.quiet_s) == (60, 40), "nothing is false while drowsy"


def test_no_alarm_is_false_in_an_anomaly_or_directly_after() -> None:
    timeline = Timeline()
    for second, label in ((0, "WALK"), (10, FALL), (15, "OTHER"), (16, "STAND"), (30, FALL), (31, DROWSY)):
        timeline.note_truth(second * SECOND_NS, label)
    timeline.note_label(40 * SECOND_NS, DROWSY)
    assert timeline.score().quiet_s == 10 + (30 - 17)
