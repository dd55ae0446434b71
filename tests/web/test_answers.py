"""Answers that take long are worked on while the page says so."""

import threading
import time

import pytest

from origin.web.answers import Answers


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_quick_answer_is_there_at_once_and_found_once():
    answers, calls = Answers(wait=20), []
    for _ in range(3):
        told = answers.get("q", 1, lambda: calls.append(1) or "found")
        assert (told.value, told.is_known, told.is_current) == ("found", True, True)
    assert calls == [1]


def test_a_slow_answer_comes_later():
    answers, go = Answers(wait=0), threading.Event()

    def get():
        return answers.get("q", 1, lambda: go.wait(20) and "found")

    told = get()
    assert (told.value, told.is_known) == (None, False)
    go.set()
    until(lambda: get().is_known)
    assert get().value == "found"


def test_what_changes_is_found_anew_after_a_rest():
    answers, calls = Answers(wait=20), []

    def find():
        calls.append(time.monotonic())
        time.sleep(0.05)
        return len(calls)

    assert answers.get("q", 1, find).value == 1
    told = answers.get("q", 2, find)
    assert (told.value, told.is_current) == (1, False)
    assert told.refresh(is_running=False) > told.refresh(is_running=True) > 0
    until(lambda: answers.get("q", 2, find).is_current)
    assert calls[1] - calls[0] > 0.5


def test_an_error_is_told_once_and_then_it_is_tried_again():
    answers, results = Answers(wait=20), iter([ValueError("no"), "found"])

    def find():
        one = next(results)
        if isinstance(one, Exception):
            raise one
        return one

    with pytest.raises(ValueError, match="no"):
        answers.get("q", 1, find)
    assert answers.get("q", 1, find).value == "found"


def test_few_are_worked_on_at_a_time_and_old_ones_are_forgotten():
    answers, lock = Answers(wait=20), threading.Lock()
    running, most = 0, 0

    def find():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001)
        with lock:
            running -= 1
        return True

    def ask(first):
        for at in range(200):
            assert answers.get((first, at), 1, find).value

    threads = [threading.Thread(target=ask, args=(one,)) for one in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert 1 <= most <= 2
    assert len(answers._entries) <= 256
