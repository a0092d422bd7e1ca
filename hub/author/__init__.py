"""What helps to write a skill: a stage to try it on, its checks, and its beginning."""
