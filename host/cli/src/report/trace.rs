//! `--profile`: when each step ran, as trace events that Perfetto and its like open.
//!
//! A step is one slice, on the first row that was free when it began. It begins when it was
//! finished less what it took, which is what the run itself measured.

use std::time::Instant;

use serde_json::{Value, json};
use vt_run::{Event, Status, StepOutcome};

/// What is known of a run so far.
pub(crate) struct Trace {
    started: Instant,
    slices: Vec<Slice>,
}

/// A step, with its times in microseconds from the beginning of the run.
struct Slice {
    begin: u64,
    end: u64,
    outcome: StepOutcome,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            slices: Vec::new(),
        }
    }

    /// Takes note of an event.
    pub(crate) fn take(&mut self, event: &Event) {
        let Event::Finished(outcome) = event else {
            return;
        };
        if outcome.status == Status::Skipped {
            return;
        }
        let end = microseconds(self.started.elapsed());
        self.slices.push(Slice {
            begin: end.saturating_sub(microseconds(outcome.duration)),
            end,
            outcome: outcome.as_ref().clone(),
        });
    }

    /// The trace as JSON.
    pub(crate) fn text(&self) -> String {
        let mut slices: Vec<&Slice> = self.slices.iter().collect();
        slices.sort_by_key(|slice| slice.begin);
        let mut rows: Vec<u64> = Vec::new();
        let mut events = Vec::new();
        for slice in slices {
            let free = rows.iter().position(|end| *end <= slice.begin);
            let row = free.unwrap_or(rows.len());
            if row == rows.len() {
                rows.push(0);
            }
            rows[row] = slice.end;
            events.push(slice.event(row + 1));
        }
        let trace = json!({ "displayTimeUnit": "ms", "traceEvents": events });
        format!("{trace}\n")
    }
}

impl Slice {
    fn event(&self, row: usize) -> Value {
        let outcome = &self.outcome;
        let status = match outcome.status {
            Status::Hit => "hit",
            Status::Ran => "ran",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
            Status::Cancelled => "cancelled",
        };
        json!({
            "ph": "X",
            "pid": 1,
            "tid": row,
            "ts": self.begin,
            "dur": self.end - self.begin,
            "name": outcome.step.to_string(),
            "cat": status,
            "args": {
                "command": outcome.command,
                "status": status,
                "stored": outcome.stored,
                "restored": outcome.restored,
                "removed": outcome.removed,
                "exitCode": outcome.exit_code,
            },
        })
    }
}

fn microseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
