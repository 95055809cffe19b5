"""Many runs at once on torch: batched state blocks, counter-based starts, events on the same paths."""
