//! Asks a component a question.
//!
//! Each question gets an instance of its own, with nothing in it but the session, so that no
//! answer can depend on an earlier one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use vt_base::{Digest, Program};
use vt_precompiled::Precompiled;
use wasmtime::component::{self, Linker, Resource};
use wasmtime::{CallHook, Config, Engine, OptLevel, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::claim::Tool;
use crate::closed_wasi::{self, ClosedWasi};
use crate::error::Failure;
use crate::limits::{self, Limits, Memory};
use crate::since_0_1_0::{self as api, Mark};
use crate::{Answer, Component, Directive, Question, RulesError};

/// Runs components. Making one costs milliseconds, so it is made on the first memo miss only;
/// compiled components stay in memory as long as it lives.
pub struct Host {
    engine: Engine,
    limits: Limits,
    precompiled: Option<Precompiled>,
    compiled: Mutex<BTreeMap<Digest, component::Component>>,
}

impl Host {
    /// Makes the engine.
    ///
    /// # Errors
    /// When this machine cannot run compiled WebAssembly.
    pub fn new() -> Result<Self, RulesError> {
        Self::with_limits(Limits::default())
    }

    /// Makes the engine; compiled components are kept in a directory as well.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn with_precompiled(precompiled: Precompiled) -> Result<Self, RulesError> {
        Ok(Self {
            precompiled: Some(precompiled),
            ..Self::new()?
        })
    }

    pub(crate) fn with_limits(limits: Limits) -> Result<Self, RulesError> {
        let engine = Engine::new(&config()).map_err(|error| RulesError::Engine {
            reason: plain(&error),
        })?;
        Ok(Self {
            engine,
            limits,
            precompiled: None,
            compiled: Mutex::default(),
        })
    }

    /// Asks a component about a step. What it says is not validated yet.
    ///
    /// # Errors
    /// When it crashes, lies about its interface, or goes over a limit. Whether the same would
    /// happen again is what [`RulesError::is_repeatable`] says.
    pub fn judge(&self, component: &Component, question: &Question) -> Result<Answer, RulesError> {
        self.measure(component, question)
            .map(|measured| measured.answer)
    }

    /// Asks as [`judge`](Self::judge) does, and says what the answer took. That is the same for the
    /// same question on every machine, however busy.
    ///
    /// # Errors
    /// As [`judge`](Self::judge).
    pub fn measure(
        &self,
        component: &Component,
        question: &Question,
    ) -> Result<Measured, RulesError> {
        let failed = |failure, log| RulesError::Failed {
            plugin: component.id().to_owned(),
            version: component.version().to_owned(),
            failure,
            log,
        };
        let misfit = |error: wasmtime::Error| failed(Failure::Misfit(causes(&error)), Vec::new());
        let compiled = self.compile(component).map_err(misfit)?;
        let mut linker = Linker::new(&self.engine);
        api::link(&mut linker).map_err(misfit)?;
        closed_wasi::link(&mut linker, &compiled).map_err(misfit)?;
        let ready = linker.instantiate_pre(&compiled).map_err(misfit)?;

        let mut store = self.store(question).map_err(misfit)?;
        let executor = closed_wasi::executor().map_err(|error| RulesError::Engine {
            reason: error.to_string(),
        })?;
        let result = limits::watched(&self.engine, self.limits.wall, || {
            // Moved here: the thread that asks may have an executor of its own.
            let executor = executor;
            let _entered = executor.enter();
            let instance = ready.instantiate(&mut store)?;
            let judge = instance
                .get_typed_func::<(Resource<Mark>,), ()>(&mut store, "judge")
                .map_err(|error| Failure::Misfit(causes(&error)))?;
            judge.call(&mut store, (Resource::new_borrow(0),))
        });
        let left = store.get_fuel().unwrap_or_default();
        let state = store.into_data();
        match result {
            Ok(()) => Ok(Measured {
                fuel: self.limits.fuel.saturating_sub(left),
                memory: state.memory.taken(),
                answer: state.answer,
            }),
            Err(error) => Err(failed(explain(&error, &state.memory), state.answer.log)),
        }
    }

    fn compile(&self, component: &Component) -> wasmtime::Result<component::Component> {
        let known = |compiled: &BTreeMap<_, _>| compiled.get(component.digest()).cloned();
        if let Some(known) = known(&self.compiled.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(known);
        }
        let fresh = match &self.precompiled {
            Some(kept) => kept.component(&self.engine, component.digest(), component.bytes()),
            None => component::Component::from_binary(&self.engine, component.bytes()),
        }?;
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(compiled.entry(*component.digest()).or_insert(fresh).clone())
    }

    fn store(&self, question: &Question) -> wasmtime::Result<Store<State>> {
        let mut store = Store::new(&self.engine, State::new(question.clone()));
        store.limiter(|state| &mut state.memory);
        store.set_fuel(self.limits.fuel)?;
        store.set_hostcall_fuel(limits::CALL);
        // A loop of calls, whose work is not counted, ends at the same point on every machine.
        store.call_hook(|mut store, hook| match hook {
            CallHook::CallingHost => charge(&mut store, limits::CALL_FUEL),
            _ => Ok(()),
        });
        // The engine may tick for another store that is watched too.
        let (started, wall) = (Instant::now(), self.limits.wall);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            if started.elapsed() < wall {
                return Ok(UpdateDeadline::Continue(1));
            }
            Err(Failure::TimedOut.into())
        });
        Ok(store)
    }
}

/// An answer, and what it took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measured {
    /// What was said; not validated yet.
    pub answer: Answer,
    /// Roughly, instructions.
    pub fuel: u64,
    /// Linear memory and tables, in bytes.
    pub memory: usize,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Host")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The same code and the same counts on every machine, and no signal handler of ours in the
/// process that also watches over the user's tools.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::STACK)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        .cranelift_nan_canonicalization(true)
        // A rule runs for microseconds; what is felt is the time to compile it.
        .cranelift_opt_level(OptLevel::None)
        .signals_based_traps(false)
        .memory_reservation(limits::MEMORY as u64)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0);
    config
}

/// What belongs to one instance: what it is shown and what it has said.
pub(crate) struct State {
    pub(crate) question: Question,
    pub(crate) tool: Tool,
    answer: Answer,
    said: usize,
    memory: Memory,
    pub(crate) wasi: ClosedWasi,
}

impl State {
    fn new(question: Question) -> Self {
        let tool = question.tool();
        Self {
            question,
            tool,
            answer: Answer::default(),
            said: 0,
            memory: Memory::new(),
            wasi: ClosedWasi::default(),
        }
    }

    pub(crate) fn program(&self) -> &str {
        match &self.question.program {
            Program::Direct(text) | Program::Shell(text) => text,
        }
    }

    pub(crate) fn say(&mut self, directive: Directive) -> Result<(), Failure> {
        self.said += directive
            .texts()
            .iter()
            .map(|text| text.len())
            .sum::<usize>();
        if self.answer.directives.len() == limits::DIRECTIVES {
            return Err(Failure::TooMuch {
                limit: "1,000 directives",
            });
        }
        if self.said > limits::DIRECTIVE_BYTES {
            return Err(Failure::TooMuch {
                limit: "64 KiB of directives",
            });
        }
        self.answer.directives.push(directive);
        Ok(())
    }

    pub(crate) fn log(&mut self, line: &str) -> Result<(), Failure> {
        if self.answer.log.len() == limits::LOG_LINES {
            return Err(Failure::TooMuch {
                limit: "64 log lines",
            });
        }
        if line.len() > limits::LOG_LINE {
            return Err(Failure::TooMuch {
                limit: "2 KiB in a log line",
            });
        }
        self.answer.log.push(printable(line));
        Ok(())
    }
}

/// Takes fuel out of the tank.
pub(crate) fn charge(store: &mut StoreContextMut<'_, State>, fuel: u64) -> wasmtime::Result<()> {
    let left = store.get_fuel()?;
    store.set_fuel(left.saturating_sub(fuel))
}

fn explain(error: &wasmtime::Error, memory: &Memory) -> Failure {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::OutOfFuel,
        Some(Trap::StackOverflow) => Failure::StackOverflow,
        Some(Trap::Interrupt) => Failure::TimedOut,
        _ if memory.refused() => Failure::OutOfMemory,
        _ => match plain(error) {
            // The library has no type for it.
            reason if reason.contains(COPIED_TOO_MUCH) => Failure::TooMuch {
                limit: "64 KiB in one statement",
            },
            reason => Failure::Trapped(reason),
        },
    }
}

/// Part of what the engine says when a call hands over more than [`limits::CALL`].
const COPIED_TOO_MUCH: &str = "fuel allocated for hostcalls";

/// The innermost cause, on one line. The outer ones talk about the engine.
fn plain(error: &wasmtime::Error) -> String {
    printable(&error.root_cause().to_string())
        .chars()
        .take(300)
        .collect()
}

/// All causes, on one line: only the outer ones name what does not fit.
fn causes(error: &wasmtime::Error) -> String {
    printable(&format!("{error:#}")).chars().take(600).collect()
}

/// What a guest wrote may end up on a terminal.
fn printable(text: &str) -> String {
    text.trim_end()
        .chars()
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect()
}
