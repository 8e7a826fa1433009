//! Where nothing can be watched: tasks run as ever, and are not stored.

use std::process::Command;

use serde_json::json;
use vt_harness::Sandbox;

/// Runs what follows where neither a filter can be installed nor anything be traced.
const DENY: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
EPERM, ALLOW = 0x00050001, 0x7fff0000
SECCOMP, PTRACE = 317, 101
steps = [(LOAD, 0, 0, 0), (EQUAL, 2, 0, SECCOMP), (EQUAL, 1, 0, PTRACE), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]
code = b"".join(struct.pack("HBBI", *step) for step in steps)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(steps), code)), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"#;

#[test]
fn without_a_tracker_tasks_run_uncached_and_the_summary_says_so() {
    let sandbox = Sandbox::with_tasks(&json!({ "build": "sh -c 'cat a.txt > out'" }));
    sandbox.write("a.txt", "one\n");
    sandbox.write("deny.py", DENY);
    for round in ["one", "two"] {
        sandbox.write("a.txt", round);
        let output = Command::new("python3")
            .arg("deny.py")
            .arg(sandbox.binaries().vt())
            .args(["run", "--summary-json", "summary.json", "build"])
            .current_dir(sandbox.root())
            .env_remove("VT_CACHE_DIR")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(sandbox.read("out"), round.as_bytes(), "{said}");
        let summary: serde_json::Value =
            serde_json::from_slice(&sandbox.read("summary.json")).unwrap();
        let step = &summary["steps"][0];
        assert_eq!(step["status"], "ran", "{step}");
        assert_eq!(step["stored"], false, "{step}");
        assert_eq!(step["notStored"][0]["kind"], "trace-incomplete", "{step}");
    }
}
