"""What runs plans: the scheduler, the worker, and the executors between them."""
