"""The worker pool: jobs are run once, by whoever claims them; nobody waits for a worker that naps."""

from __future__ import annotations

import threading
from _thread import allocate_lock

import pytest

from nbflow.drivers import threads
from nbflow.drivers.threads import Pool


class Note:
    """A job that notes who ran it."""

    def __init__(self, work: threading.Barrier | None = None) -> None:
        self.ran_by: list[str] = []
        self.done = threading.Event()
        self._claim = allocate_lock()
        self._work = work

    def claim(self) -> bool:
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        self.ran_by.append(threading.current_thread().name)
        if self._work is not None:
            self._work.wait(30)
        self.done.set()


def test_each_job_is_run_once_by_a_worker() -> None:
    pool = Pool(cap=3)
    jobs = [Note() for _ in range(50)]
    for number, job in enumerate(jobs):
        pool.submit(job, soon=number % 2 == 0)
    assert all(job.done.wait(30) for job in jobs)
    assert {len(job.ran_by) for job in jobs} == {1}
    assert {job.ran_by[0].rpartition("-")[0] for job in jobs} == {"nbflow-worker"}


def test_a_job_that_somebody_claimed_is_left_to_them() -> None:
    pool = Pool()
    mine, other = Note(), Note()
    assert mine.claim()
    pool.submit(mine)
    pool.submit(other)
    assert other.done.wait(30)
    assert mine.ran_by == []


def test_as_many_workers_come_as_jobs_wait() -> None:
    pool, together = Pool(cap=20), threading.Barrier(20)
    jobs = [Note(together) for _ in range(20)]
    for job in jobs:
        pool.submit(job)
    assert all(job.done.wait(30) for job in jobs)


def test_a_waiting_worker_makes_room_for_another() -> None:
    pool, last = Pool(cap=1), Note()

    class Waits(Note):
        def run(self) -> None:
            pool.submit(last)
            pool.wait(lambda: last.done.wait(30))
            super().run()

    first = Waits()
    pool.submit(first)
    assert first.done.wait(30)
    assert last.ran_by


def test_a_job_that_must_not_wait_overtakes_a_nap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "NAP_SECONDS", 20)
    pool, patient, urgent = Pool(), Note(), Note()
    pool.submit(patient, soon=False)
    pool.submit(urgent)
    assert urgent.done.wait(10)


def test_idle_workers_leave_and_new_ones_come() -> None:
    pool = Pool(idle_seconds=0.01)
    for _ in range(3):
        job = Note()
        pool.submit(job)
        assert job.done.wait(30)
        while pool._active:
            threading.Event().wait(0.005)


def test_a_system_that_gives_no_thread_is_told_and_does_not_wedge_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, first, second = Pool(cap=3), Note(), Note()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            pool.submit(first)
    pool.submit(second)
    assert second.done.wait(30)
    assert first.ran_by == []


def test_workers_that_are_there_do_what_a_new_one_was_wanted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, together = Pool(cap=3), threading.Barrier(2)
    busy, waiting = Note(together), Note()
    pool.submit(busy)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    pool.submit(waiting)
    together.wait(30)
    assert waiting.done.wait(30)


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
