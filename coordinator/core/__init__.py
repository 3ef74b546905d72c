"""What every room of the coordinator works with: its policy, its effects, tasks for the lane."""
