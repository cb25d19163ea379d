"""Streets and rails as graphs: build, snap, shortest costs, catchments."""
