"""The workflow engine: the Snakefile, its driver, the lock on a study."""
