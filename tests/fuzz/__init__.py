"""Whatever comes in at a border is read, or refused by the right error; nothing else."""
