"""Whether a canary under real traffic is worse than stable: pure, on counts alone, decided at every look."""
