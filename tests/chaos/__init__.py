"""Load and faults for minutes: real processes, killed at random, and books that hold all the same.

`python -m tests.chaos` (`make chaos`) runs it; a small run of the same code is in `make test`.

- `plan`: what a run is made of. `board`: what its processes share. `house`: the parent, which
  starts them, kills them, restarts what died and ends the run.
- `far_side`: the local X and the local card network, each a process. `card_weather`: what the
  network does wrong. X's weather has its place beside it.
- `hands`: what the killed processes run: workers, a web, and people (`people`, `operators`).
- `ending`: the faults stop and recovery runs; days pass. `proof`: what has to hold then.
  `report`: what is printed.
"""
