"""Real processes of oneseal and strangers' clients around them, for test/flow, test/kill and test/bench."""
