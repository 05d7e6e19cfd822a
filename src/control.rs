//! The control plane: API server, informers, work queues, controllers, scheduler.
