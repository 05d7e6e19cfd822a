//! The control plane: API server, informers, work queues, controllers, scheduler.

pub mod apiserver;
pub mod cache;
pub mod calendar;
pub mod controller;
pub mod custom;
pub mod elector;
pub mod informer;
pub mod manager;
pub mod metrics_server;
pub mod quota;
pub mod reconciler;
pub mod recorder;
pub mod scheduler;
pub mod selector;
pub mod taint;
pub mod work_queue;

#[cfg(test)]
mod tests;

pub use cache::{Cache, Change, Index};
pub use calendar::Calendar;
pub use controller::{Controller, Setup};
pub use elector::Elector;
pub use informer::{CallIds, Informers};
pub use manager::Manager;
pub use reconciler::{Plan, Reconciler};
pub use recorder::Recorder;
pub use scheduler::Scheduler;
pub use work_queue::WorkQueue;
