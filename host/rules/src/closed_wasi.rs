//! The WASI of a component that was compiled for one: it loads, and finds every door closed.
//!
//! There is no environment, no argument, no directory and no network; what it prints goes nowhere,
//! random numbers and clocks stand at zero. Nothing is waited for: who sleeps is awake at once.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{Component, HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::sync::io::poll;
use wasmtime_wasi::{
    Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView,
};

use crate::engine::State;

/// How much of WASI a component may hold at a time.
const HANDLES: usize = 1_000;
/// What one call may ask for, in bytes: few enough that a loop of calls ends by its fuel.
const RANDOM: u64 = 1 << 10;

/// What one instance sees of WASI; made when it first looks.
#[derive(Default)]
pub(crate) struct ClosedWasi(Option<(WasiCtx, ResourceTable)>);

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (ctx, table) = self.wasi.0.get_or_insert_with(closed);
        WasiCtxView { ctx, table }
    }
}

/// Nothing is inherited unless it is asked for; what has a default of the host's is replaced.
fn closed() -> (WasiCtx, ResourceTable) {
    let context = WasiCtx::builder()
        .stdin(io::empty())
        .stdout(io::empty())
        .stderr(io::empty())
        .wall_clock(Stopped)
        .monotonic_clock(Stopped)
        .secure_random(Deterministic::new(vec![0]))
        .insecure_random(Deterministic::new(vec![0]))
        .insecure_random_seed(0)
        .max_random_size(RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build();
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES);
    (context, table)
}

/// Offers WASI to a component that imports some of it.
pub(crate) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let component = component.component_type();
    if !component
        .imports(linker.engine())
        .any(|(name, _)| name.starts_with("wasi:"))
    {
        return Ok(());
    }
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    poll::add_to_linker::<_, HasWaits>(linker, |state| Waits(state.ctx().table))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What calls that could wait are run by. They never do; but finding none, the library would start
/// one with a thread for each processor.
pub(crate) fn executor() -> io::Result<Runtime> {
    Builder::new_current_thread().build()
}

struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Whatever is waited for has happened. A wait would hold a thread of the host, where neither fuel
/// nor the clock on the wall ends it.
struct Waits<'a>(&'a mut ResourceTable);

struct HasWaits;

impl HasData for HasWaits {
    type Data<'a> = Waits<'a>;
}

impl poll::Host for Waits<'_> {
    fn poll(&mut self, waited: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        Ok((0..).take(waited.len()).collect())
    }
}

impl poll::HostPollable for Waits<'_> {
    fn ready(&mut self, _: Resource<DynPollable>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _: Resource<DynPollable>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn drop(&mut self, waited: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::drop(self.0, waited)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::guest::{Guest, question};
    use crate::limits::Limits;
    use crate::{Failure, Host, RulesError};

    const ITEMS: &str = include_str!("closed_wasi/items.wat");
    const CORE_IMPORTS: &str = include_str!("closed_wasi/core_imports.wat");
    const CORE_EXPORTS: &str = include_str!("closed_wasi/core_exports.wat");

    fn judge_by(host: &Host, body: &str) -> Result<(), RulesError> {
        let guest = Guest {
            items: ITEMS,
            core_imports: CORE_IMPORTS,
            core_exports: CORE_EXPORTS,
            body,
            ..Guest::default()
        };
        host.judge(&guest.load().unwrap(), &question()).map(drop)
    }

    fn judge(body: &'static str) -> Result<(), RulesError> {
        judge_by(&Host::new().unwrap(), body)
    }

    #[track_caller]
    fn failure(body: &'static str) -> Failure {
        match judge(body).unwrap_err() {
            RulesError::Failed { failure, .. } => failure,
            error => panic!("{error}"),
        }
    }

    /// Prints and lets go of the stream: the calls that need an executor.
    const PRINTS: &str = "(local.set $i (call $stderr))
        (call $print (local.get $i) (i32.const 0) (i32.const 7) (i32.const 288))
        (if (i32.load8_u (i32.const 288)) (then unreachable))
        (call $drop-stream (local.get $i))
        (call $drop (local.get $s))";

    #[test]
    fn time_and_random_bytes_are_the_same_whenever_they_are_asked_for() {
        let host = Host::new().unwrap();
        for _ in 0..2 {
            judge_by(
                &host,
                "(loop $again
                    (if (i64.ne (call $random) (i64.const 0)) (then unreachable))
                    (if (i64.ne (call $insecure) (i64.const 0)) (then unreachable))
                    (i64.store (i32.const 4096) (i64.const -1))
                    (call $bytes (i64.const 16) (i32.const 200))
                    (if (i32.ne (i32.load (i32.const 204)) (i32.const 16)) (then unreachable))
                    (if (i64.ne (i64.load (i32.load (i32.const 200))) (i64.const 0))
                        (then unreachable))
                    (i64.store (i32.const 208) (i64.const -1))
                    (i64.store (i32.const 216) (i64.const -1))
                    (call $seed (i32.const 208))
                    (if (i64.ne (i64.load (i32.const 208)) (i64.const 0)) (then unreachable))
                    (if (i64.ne (i64.load (i32.const 216)) (i64.const 0)) (then unreachable))
                    (i64.store (i32.const 240) (i64.const -1))
                    (i32.store (i32.const 248) (i32.const -1))
                    (call $now (i32.const 240))
                    (if (i64.ne (i64.load (i32.const 240)) (i64.const 0)) (then unreachable))
                    (if (i32.load (i32.const 248)) (then unreachable))
                    (if (i64.ne (call $instant) (i64.const 0)) (then unreachable))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $i) (i32.const 3))))
                 (call $drop (local.get $s))",
            )
            .unwrap();
        }
    }

    #[test]
    fn there_is_no_variable_and_no_directory() {
        judge(
            "(i32.store (i32.const 260) (i32.const -1))
             (call $environment (i32.const 256))
             (if (i32.load (i32.const 260)) (then unreachable))
             (i32.store (i32.const 260) (i32.const -1))
             (call $directories (i32.const 256))
             (if (i32.load (i32.const 260)) (then unreachable))
             (call $drop (local.get $s))",
        )
        .unwrap();
    }

    #[test]
    fn a_directory_that_was_made_up_cannot_be_opened() {
        for body in [
            "(call $open (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4)
                (i32.const 0) (i32.const 1) (i32.const 300))",
            "(call $open (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 4)
                (i32.const 0) (i32.const 1) (i32.const 300))",
            // Another handle is none of a directory.
            "(call $open (call $stderr) (i32.const 0) (i32.const 0) (i32.const 4)
                (i32.const 0) (i32.const 1) (i32.const 300))",
        ] {
            assert!(matches!(failure(body), Failure::Trapped(_)), "{body}");
        }
    }

    #[test]
    fn every_socket_and_every_name_is_denied() {
        judge(
            "(call $tcp (i32.const 0) (i32.const 320))
             (if (i32.ne (i32.load8_u (i32.const 320)) (i32.const 1)) (then unreachable))
             (if (i32.ne (i32.load8_u (i32.const 324)) (i32.const 1)) (then unreachable))
             (call $udp (i32.const 1) (i32.const 328))
             (if (i32.ne (i32.load8_u (i32.const 328)) (i32.const 1)) (then unreachable))
             (if (i32.ne (i32.load8_u (i32.const 332)) (i32.const 1)) (then unreachable))
             (call $resolve (call $network) (i32.const 0) (i32.const 4) (i32.const 336))
             (if (i32.ne (i32.load8_u (i32.const 336)) (i32.const 1)) (then unreachable))
             (if (i32.eqz (i32.load8_u (i32.const 340))) (then unreachable))
             (call $drop (local.get $s))",
        )
        .unwrap();
    }

    #[test]
    fn who_sleeps_is_awake_at_once() {
        judge(
            "(local.set $i (call $sleep (i64.const -1)))
             (call $block (local.get $i))
             (i32.store (i32.const 300) (local.get $i))
             (i32.store (i32.const 304) (local.get $i))
             (call $poll (i32.const 300) (i32.const 2) (i32.const 308))
             (if (i32.ne (i32.load (i32.const 312)) (i32.const 2)) (then unreachable))
             (call $drop-waited (local.get $i))
             (call $drop (local.get $s))",
        )
        .unwrap();
    }

    #[test]
    fn the_clock_stops_a_guest_that_sleeps_again_and_again() {
        let host = Host::with_limits(Limits {
            fuel: u64::MAX,
            wall: Duration::from_millis(100),
        })
        .unwrap();
        let body = "(local.set $i (call $sleep (i64.const 1000000000000)))
            (loop $again (call $block (local.get $i)) (br $again))";
        let error = judge_by(&host, body).unwrap_err();
        assert!(!error.is_repeatable(), "{error}");
    }

    #[test]
    fn a_call_costs_more_fuel_than_the_instructions_around_it() {
        // 10,000 calls: the loop alone needs a hundredth of this, and the clock should not matter.
        let limits = Limits {
            fuel: 10_000_000,
            wall: Duration::from_secs(60),
        };
        let host = Host::with_limits(limits).unwrap();
        for body in [
            "(drop (call $instant))",
            "(call $bytes (i64.const 256) (i32.const 200))",
            "(call $drop-stream (call $stderr))",
            "(call $drop-waited (call $sleep (i64.const 1)))",
        ] {
            let body = format!(
                "(loop $again {body}
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $i) (i32.const 10000))))
                 (call $drop (local.get $s))"
            );
            let error = judge_by(&host, &body).unwrap_err();
            assert!(
                matches!(
                    error,
                    RulesError::Failed {
                        failure: Failure::OutOfFuel,
                        ..
                    }
                ),
                "{body}: {error}"
            );
        }
    }

    #[test]
    fn what_it_may_hold_and_ask_for_is_limited() {
        for (body, reason) in [
            (
                "(loop $again (drop (call $sleep (i64.const 1))) (br $again))",
                "resource table",
            ),
            (
                "(call $bytes (i64.const 1025) (i32.const 200))",
                "exceeds limit",
            ),
        ] {
            let failure = failure(body).to_string();
            assert!(failure.contains(reason), "{failure}");
        }
    }

    #[test]
    fn leaving_is_a_crash_of_the_guest_alone() {
        assert_eq!(
            failure("(call $exit (i32.const 0))"),
            Failure::Trapped("Exited with i32 exit status 0".into())
        );
    }

    #[test]
    fn it_works_where_the_caller_has_an_executor() {
        judge(PRINTS).unwrap();
        super::executor()
            .unwrap()
            .block_on(async { judge(PRINTS) })
            .unwrap();
    }
}
