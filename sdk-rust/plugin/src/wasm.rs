//! The session a component is shown, and what happens around the question.

use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::RulePlugin;

pub use bindings::Session;

/// What wit-bindgen makes of `wit/`. It reads and writes memory that is shared with the host, which
/// no safe code can; nothing in it is written by hand.
#[allow(
    missing_docs,
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    unreachable_pub,
    clippy::all,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/rules@0.1.0",
        world: "rule-plugin",
        pub_export_macro: true,
    });
}

/// Longer lines are refused by the host, in bytes.
const MAX_LINE: usize = 2 << 10;

/// Of a panic message only so many lines are logged: the first ones say it all.
const MAX_LINES: usize = 4;

/// The handle of the session that is being judged; 0 when there is none.
static JUDGED: AtomicU32 = AtomicU32::new(0);

/// Answers a question with a plugin.
pub fn judge<Plugin: RulePlugin>(session: &Session) {
    JUDGED.store(session.handle(), Ordering::Relaxed);
    // The host sees a panic as a trap without a text, so the text goes ahead of it.
    panic::set_hook(Box::new(|info| log_last_words(&info.to_string())));
    Plugin::judge(session);
    JUDGED.store(0, Ordering::Relaxed);
}

/// Logs on the session that is being judged. A hook is handed none, hence the detour.
#[expect(
    unsafe_code,
    reason = "a hook can reach the session by its handle only"
)]
fn log_last_words(text: &str) {
    let handle = JUDGED.load(Ordering::Relaxed);
    if handle == 0 {
        return;
    }
    // SAFETY: the handle is the one lent to the call of `judge` that has not returned yet, and it
    // is not given back here.
    let session = ManuallyDrop::new(unsafe { Session::from_handle(handle) });
    for line in text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(MAX_LINES)
    {
        session.log(&line[..line.floor_char_boundary(MAX_LINE)]);
    }
}
