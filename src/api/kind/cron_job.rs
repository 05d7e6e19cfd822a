//! CronJob. Models `k8s.io/api/batch/v1/types.go`.

use crate::api::{JobSpec, ObjectMeta, ObjectReference, Timestamp};

api_struct! {
    /// Makes Jobs on a schedule.
    CronJob {
        keep { metadata: ObjectMeta, spec: CronJobSpec, status: CronJobStatus }
        omit {}
    }

    /// What is wanted.
    CronJobSpec {
        keep {
            schedule: String,
            concurrency_policy: String = "Allow".into(),
            suspend: bool,
            job_template: JobTemplateSpec,
            successful_jobs_history_limit: i32 = 3,
            failed_jobs_history_limit: i32 = 1,
        }
        omit { time_zone: Option<String>, starting_deadline_seconds: Option<i64> }
    }

    /// What Jobs are made from.
    JobTemplateSpec {
        keep { metadata: ObjectMeta, spec: JobSpec }
        omit {}
    }

    /// What is.
    CronJobStatus {
        keep {}
        omit {
            active: Vec<ObjectReference>,
            last_schedule_time: Option<Timestamp>,
            last_successful_time: Option<Timestamp>,
        }
    }
}
