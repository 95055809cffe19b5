"""The auditor: recovers the update map of any torch optimizer from probes alone and compares it with a definition."""
