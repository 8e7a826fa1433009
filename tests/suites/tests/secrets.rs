//! Values of variables are found nowhere but where a task itself put them: not in the cache, its
//! blobs unpacked, nor in summaries, journals or what `vt` says, however much it is asked to say.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use vt_harness::{Call, Sandbox, Status};
use vt_tracker_conformance::world::Random;

/// How many secrets there are at a time.
const SECRETS: usize = 50;

const TOOL: &str = "const client = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n\
    let length = 0;\n\
    for (let i = 20; i < 30; i++) length += client.getEnv(`SECRET_${i}`).length;\n\
    for (let i = 30; i < 35; i++) length += client.getEnv(`SECRET_${i}`, { tracked: false }).length;\n\
    for (const value of Object.values(client.getEnvs('ASKED_*'))) length += value.length;\n\
    for (const value of Object.values(client.getEnvs({ prefix: 'BEGUN_' }))) length += value.length;\n\
    require('node:fs').writeFileSync('asked.out', `${length}`);\n\
    require('node:fs').readFileSync('a.txt');\n";

/// A name and a value for each secret: declared, untracked, asked for by name, by glob and by
/// prefix, in front of a command, and known to nobody.
fn secrets(seed: u64) -> Vec<(String, String)> {
    let mut random = Random::new(seed);
    let name = |number: usize| match number {
        35..40 => format!("ASKED_{number}"),
        40..45 => format!("BEGUN_{number}"),
        _ => format!("SECRET_{number}"),
    };
    (0..SECRETS)
        .map(|number| {
            (
                name(number),
                format!("hush{:016x}{number}", random.number()),
            )
        })
        .collect()
}

fn with<'s>(mut call: Call<'s>, secrets: &[(String, String)]) -> Call<'s> {
    for (name, value) in secrets {
        call = call.env(name, value);
    }
    call.env("VT_LOG", "trace")
}

/// Every file below a directory, but those that a test wrote itself.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

/// The bytes of a file, and what they unpack to if they are compressed.
fn texts(file: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).unwrap_or_default();
    let mut texts = vec![bytes];
    if texts[0].starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        let unpacked = Command::new("zstd").arg("-dcq").arg(file).output().unwrap();
        assert!(unpacked.status.success(), "{}", file.display());
        texts.push(unpacked.stdout);
    }
    texts
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What a secret could be found as: itself, or a digest that could be guessed.
fn forms(value: &str, room: &Path) -> Vec<Vec<u8>> {
    let place = room.join("value");
    fs::write(&place, value).unwrap();
    let output = Command::new("sha256sum").arg(&place).output().unwrap();
    let hex = String::from_utf8(output.stdout[..64].to_vec()).unwrap();
    let raw = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    vec![value.as_bytes().to_vec(), hex.into_bytes(), raw]
}

#[test]
fn values_of_variables_are_found_nowhere() {
    if Command::new("zstd").arg("--version").output().is_err() {
        let text = b"SKIPPED: secrets in what blobs unpack to, there is no `zstd`\n";
        std::io::stderr().write_all(text).unwrap();
        return;
    }
    let both = [secrets(1), secrets(2)];
    let in_front = &both[0][45].1;
    let names = |range: std::ops::Range<usize>| -> Vec<String> {
        range.map(|number| format!("SECRET_{number}")).collect()
    };
    let sandbox = Sandbox::with_tasks(&json!({
        "declared": { "command": "sh use.sh", "env": names(0..10) },
        "untracked": { "command": "sh use.sh", "untrackedEnv": names(10..20) },
        "asked": "node tool.cjs",
        "in-front": format!("HIDDEN={in_front} sh use.sh"),
        "file": "sh read.sh",
        "fails": { "command": "sh fail.sh", "env": names(0..10) },
    }));
    sandbox.write("tool.cjs", TOOL);
    let lengths: String = (0..20)
        .map(|number| format!("echo ${{#SECRET_{number}}} >> made/lengths\n"))
        .collect();
    sandbox.write(
        "use.sh",
        format!("cat a.txt\nmkdir -p made\n: > made/lengths\n{lengths}echo ${{#HIDDEN}} >> made/lengths\n"),
    );
    sandbox.write("fail.sh", "cat a.txt\nexit 3\n");
    // What lies in a file is an input by its digest, and no value of a variable; nobody reads it
    // into the cache either.
    sandbox.write(".env", format!("KEY={}\n", both[0][46].1));
    sandbox.write("read.sh", "wc -c < .env > size\n");
    let mut said = Vec::new();
    let tasks = [
        "declared",
        "untracked",
        "asked",
        "in-front",
        "file",
        "fails",
    ];
    for (round, secrets) in [&both[0], &both[0], &both[1], &both[0]]
        .into_iter()
        .enumerate()
    {
        for task in tasks {
            for flags in ["", "--force ", "--no-cache "] {
                // Uncached, nobody answers a tool.
                let is_uncached = flags == "--no-cache ";
                if (round != 2 && !flags.is_empty()) || (is_uncached && task == "asked") {
                    continue;
                }
                let outcome = with(sandbox.call(&format!("vt run {flags}{task}")), secrets).run();
                let expected = if task == "fails" { 3 } else { 0 };
                assert_eq!(outcome.exit_code, expected, "{}", outcome.said());
                if task != "fails" && round == 1 {
                    assert_eq!(outcome.status(), Status::Hit, "{}", outcome.said());
                }
                said.push((format!("{task}, round {round}"), outcome.stdout));
                said.push((format!("{task}, round {round}"), outcome.stderr));
            }
        }
    }
    // A run that is killed in the middle of a restore leaves its journal.
    sandbox.remove("made/lengths");
    let call = with(sandbox.call("vt run declared"), &both[0]);
    let _ = call.env("VT_TEST_DIE_AT", "swap").run();

    let mut everything = Vec::new();
    let place = sandbox.root();
    let place = place.parent().expect("a workspace lies in a directory");
    files(place, &mut everything);
    let written = ["vite-task.json", ".env"].map(|name| sandbox.path(name));
    everything.retain(|file| !written.contains(file));
    let is_blob = |file: &&PathBuf| file.components().any(|part| part.as_os_str() == "blobs");
    assert!(
        everything.iter().filter(is_blob).count() > 3,
        "nothing was stored"
    );
    for file in &everything {
        for text in texts(file) {
            said.push((file.display().to_string(), text));
        }
    }
    let room = Sandbox::empty();
    for (number, (_, value)) in both.iter().flatten().enumerate() {
        for form in forms(value, &room.home()) {
            for (place, text) in &said {
                // What stands in a command is shown with the command.
                let is_shown = number == 45 && !place.contains("/.vt/");
                assert!(
                    is_shown || !holds(text, &form),
                    "secret {number} is found in {place}"
                );
            }
        }
    }
}
