//! The CronJob controller: makes Jobs when they are due.
//!
//! Models `pkg/controller/cronjob`.

pub mod due;
