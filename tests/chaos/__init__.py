"""Load and faults for minutes: real processes, killed at random, and books that hold all the same.

`make chaos` (`python -m tests.chaos`) does the runs by name; `make test` small parts of them.

- `plan`: what a run is made of. `board`: what its processes share. `house`: the parent, which
  starts them, kills them, restarts what died and ends the run. `hands`: what the killed processes
  run. `far_side`: the local X and the local card network, each a process. `run`: the verdict.
- `money`: people who pay (`paying`, `people`, `operators`, `scene`) while the card network errs
  (`card_weather`). `ending`: the faults stop and recovery runs; days pass. `proof`: what has to
  hold then. `report`: what is printed.
- `weather` and `limits` (`x_weather`, `x_house`): people who mention the bot (`mentions`) while X
  errs, at scaled limits and at X's own. `x_proof`: what has to hold then.
- `clock`: the same while the workers' clock jumps. `disk`: SQLite's file may not grow for a while.
- `flood`: as many mentions a second as X sends, into one worker.
"""
