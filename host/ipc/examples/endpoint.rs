//! An endpoint without a runner around it, for `tests/bench/ipc.py`.
//!
//! `endpoint serve` prints the endpoint and the path of the Node client as JSON, serves until its
//! standard input is closed, and prints what was reported. `endpoint idle COUNT` starts and ends
//! endpoints that nobody uses, and prints the median of both in microseconds.
#![expect(clippy::print_stdout, reason = "it is a program for measurements")]

use std::error::Error;
use std::io::Read as _;
use std::time::Instant;

use serde_json::json;
use vt_base::{AbsPath, EnvMap, EnvPatterns, RelPath};
use vt_ipc::{Options, Server, materialise_node_client};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let keep = tempfile::tempdir()?;
    let place = AbsPath::new(keep.path().canonicalize()?)?;
    match words.as_slice() {
        ["serve"] => serve(&place),
        ["idle", count] => idle(&place, count.parse()?),
        _ => Err("usage: endpoint serve | endpoint idle COUNT".into()),
    }
}

fn options(place: &AbsPath) -> Result<Options, Box<dyn Error>> {
    // About as many variables as a shell in a CI job has.
    let mut env: EnvMap = (0..80)
        .map(|number| (format!("FILLER_{number}").into(), "some value".into()))
        .collect();
    env.insert("MODE".into(), "production".into());
    Ok(Options {
        root: place.clone(),
        package_dir: RelPath::new("app")?,
        env,
        untracked: EnvPatterns::default(),
        declared: EnvPatterns::default(),
        parent_dir: place.clone(),
    })
}

fn serve(place: &AbsPath) -> Result<(), Box<dyn Error>> {
    let server = Server::start(options(place)?)?;
    let client = materialise_node_client(&place.join("client"))?;
    let endpoint = server.endpoint();
    println!(
        "{}",
        json!({ "endpoint": endpoint.to_str(), "client": client.to_string() })
    );
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let reports = server.finish();
    println!(
        "{}",
        json!({
            "ignoredInputs": reports.ignored_inputs.len(),
            "envs": reports.envs.len(),
            "failure": reports.failure,
        })
    );
    Ok(())
}

fn idle(place: &AbsPath, count: usize) -> Result<(), Box<dyn Error>> {
    let mut starts = Vec::with_capacity(count);
    let mut ends = Vec::with_capacity(count);
    for _ in 0..count {
        let options = options(place)?;
        let start = Instant::now();
        let server = Server::start(options)?;
        starts.push(start.elapsed());
        let start = Instant::now();
        let reports = server.finish();
        ends.push(start.elapsed());
        assert_eq!(reports.failure, None, "nobody was there to do harm");
    }
    starts.sort();
    ends.sort();
    let middle = |times: &[std::time::Duration]| {
        times
            .get(times.len() / 2)
            .map(std::time::Duration::as_micros)
    };
    println!(
        "{}",
        json!({ "start": middle(&starts), "finish": middle(&ends) })
    );
    Ok(())
}
