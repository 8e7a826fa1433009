//! Asks the runner for one variable again and again, and prints what a call took in microseconds.
//! For `tests/bench/ipc.py`.
#![expect(clippy::print_stdout, reason = "it is a program for measurements")]

use std::time::{Duration, Instant};

use vt_client::{Client, Tracking};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls: usize = std::env::args()
        .nth(1)
        .ok_or("usage: round_trip CALLS")?
        .parse()?;
    let start = Instant::now();
    let client = Client::connect()?.ok_or("there is no runner")?;
    let load = start.elapsed();
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let start = Instant::now();
        client.get_env("MODE", Tracking::Tracked)?;
        times.push(start.elapsed());
    }
    times.sort();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        r#"{{"load": {:.1}, "median": {:.2}}}"#,
        micros(load),
        times
            .get(calls / 2)
            .copied()
            .map(micros)
            .unwrap_or_default()
    );
    Ok(())
}
