//! CronJobs. Models `ValidateCronJobSpec` of `pkg/apis/batch/validation/validation.go`, for the schedule and the time zone.

use crate::api::cron::Schedule;
use crate::api::zone::Zone;
use crate::api::{CronJobSpec, FieldError};

use super::{invalid, required};

pub fn spec(spec: &CronJobSpec, errors: &mut Vec<FieldError>) {
    if spec.schedule.is_empty() {
        errors.push(required("spec.schedule", ""));
    } else if let Err(words) = Schedule::parse(&spec.schedule) {
        errors.push(invalid("spec.schedule", &spec.schedule.as_str().into(), &words));
    }
    if let Some(zone) = &spec.time_zone
        && Zone::named(zone).is_none()
    {
        errors.push(invalid("spec.timeZone", &zone.as_str().into(), &format!("unknown time zone {zone}")));
    }
}
