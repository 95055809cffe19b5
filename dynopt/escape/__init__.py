"""Saddle-escape studies: starts, definitions of leaving, the law, statistics, the job."""
