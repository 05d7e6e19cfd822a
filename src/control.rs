//! The control plane: API server, informers, work queues, controllers, scheduler.

pub mod calendar;
pub mod recorder;

pub use calendar::Calendar;
pub use recorder::Recorder;
