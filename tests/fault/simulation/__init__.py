"""Deterministic simulation: the real use-cases on in-memory ports, under a seeded scheduler that does its worst.

`python -m tests.fault.simulation --schedules N` plays any number, `--seed S --schedules 1 --trace` one of them again.
With `--syncs` the schedules are those of Syncs, whose own tolerances stand in `sync_schedule`.

Tolerances: what the protocol takes without losing or doubling anything, and what the schedules therefore stay within.
The lease lasts 60 s and is renewed every 15 s; a worker stops 45 s after its last renewal. `settle` is 60 s.

- Clocks of our processes differ from true time by up to 2.5 s (pairs of them by 5 s), the vendors' by ten minutes.
- A process may stall for any time at any I/O point, far beyond its lease, except that a vendor call which has been
  begun leaves within 8 s: no lease can take back a call, only a vendor that refuses a repetition can.
- A vendor executes a write at the most 30 s after it was called, whether the caller still waits, gave up or died.
- Marketo's activity log shows an activity at the most 20 s after it was added (40 s where nothing commits late):
  lag and late commit together stay within `settle`.
- A lane that has work finds a worker within 15 minutes, the life of a guard: longer outages may cost an event that was
  written, but not told, its place before older ones of the same Action.
- For connector actions Marketo's clock differs from true time by at most 50 s, and a person is requested once for a
  campaign: two requests within a second could not be told apart in its log. What is paused others pass by.
- Order is promised among events that are in their lane; an event that was parked for a person comes back when that
  person says so, and is superseded if a newer one of its Action was written.
"""
