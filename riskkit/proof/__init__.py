"""Does it hold: reliability, replay, generations, sensitivity, live parameters, proven exports."""
