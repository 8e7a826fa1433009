//! The WASI of a component that was compiled for one: it loads, and finds every door closed.
//!
//! There is no environment, no argument and no directory; what it prints goes nowhere, random
//! numbers and clocks stand at zero. Whatever else it calls traps. Nothing is switched off here,
//! since nothing that could be switched on was built in.

use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, Linker, Resource, ResourceType, Val};

use crate::engine::State;
use crate::error::Failure;
use crate::limits;
use crate::since_0_1_0::charge;

/// Interfaces whose functions all answer with the empty value of their type.
const EMPTY: [&str; 12] = [
    "wasi:cli/environment",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// What every resource of this WASI is: nothing.
enum Door {}

/// Offers what the component imports of WASI, and nothing it does not.
pub(crate) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (interface, item) in component.component_type().imports(&engine) {
        if !interface.starts_with("wasi:") {
            continue;
        }
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        let mut offered = linker.instance(interface)?;
        for (name, item) in instance.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let call = Call::new(interface, name);
                    offered.func_new(name, move |store, ty, arguments, results| {
                        call.answer(store, ty.results(), arguments, results)
                    })?;
                }
                ComponentItem::Resource(_) => {
                    offered.resource(name, ResourceType::host::<Door>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// How a function answers.
#[derive(Clone, Copy)]
enum Manner {
    /// With the empty value of each result.
    Empty,
    /// With as many zeros as are asked for.
    Zeros,
    /// It takes everything and keeps nothing.
    Swallows,
    /// It is at its end.
    AtEnd,
    /// Whatever is waited for has happened.
    Ready,
    /// Not at all.
    Closed,
}

struct Call {
    name: String,
    manner: Manner,
}

impl Call {
    fn new(interface: &str, function: &str) -> Self {
        let interface = interface.split('@').next().unwrap_or(interface);
        let manner = match (interface, function) {
            (_, "get-random-bytes" | "get-insecure-random-bytes") => Manner::Zeros,
            ("wasi:clocks/monotonic-clock", "now" | "resolution") => Manner::Empty,
            ("wasi:io/streams", function) => match function.split_once('.') {
                Some((_, "subscribe")) => Manner::Empty,
                Some(("[method]output-stream", "splice" | "blocking-splice")) => Manner::Closed,
                Some(("[method]output-stream", _)) => Manner::Swallows,
                Some((_, "read" | "blocking-read" | "skip" | "blocking-skip")) => Manner::AtEnd,
                _ => Manner::Closed,
            },
            // Only streams hand out what can be waited for, and they never block.
            ("wasi:io/poll", _) => Manner::Ready,
            _ if EMPTY.contains(&interface) => Manner::Empty,
            _ => Manner::Closed,
        };
        Self {
            name: format!("{interface}#{function}"),
            manner,
        }
    }

    fn answer(
        &self,
        mut store: StoreContextMut<'_, State>,
        types: impl Iterator<Item = Type>,
        arguments: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        charge(&mut store, 0)?;
        for (result, ty) in results.iter_mut().zip(types) {
            let value = match self.manner {
                Manner::Empty => empty(&mut store, &ty)?,
                Manner::Zeros => zeros(arguments),
                Manner::Swallows => swallowed(&ty),
                Manner::AtEnd => Some(at_end()),
                Manner::Ready => Some(ready(arguments)),
                Manner::Closed => None,
            };
            *result = value.ok_or_else(|| Failure::Closed(self.name.clone()))?;
        }
        arguments
            .iter()
            .try_for_each(|argument| give_back(&mut store, argument))?;
        match self.manner {
            // A function without a result is called for its effect.
            Manner::Closed => Err(Failure::Closed(self.name.clone()).into()),
            _ => Ok(()),
        }
    }
}

/// The empty value of a type, if it has one.
fn empty(store: &mut StoreContextMut<'_, State>, ty: &Type) -> wasmtime::Result<Option<Val>> {
    Ok(Some(match ty {
        Type::U8 => Val::U8(0),
        Type::U32 => Val::U32(0),
        Type::U64 => Val::U64(0),
        Type::String => Val::String(String::new()),
        Type::List(_) => Val::List(Vec::new()),
        Type::Option(_) => Val::Option(None),
        Type::Own(_) => Val::Resource(Resource::<Door>::new_own(0).try_into_resource_any(store)?),
        Type::Tuple(tuple) => {
            let mut values = Vec::new();
            for ty in tuple.types() {
                let Some(value) = empty(store, &ty)? else {
                    return Ok(None);
                };
                values.push(value);
            }
            Val::Tuple(values)
        }
        Type::Record(record) => {
            let mut values = Vec::new();
            for field in record.fields() {
                let Some(value) = empty(store, &field.ty)? else {
                    return Ok(None);
                };
                values.push((field.name.to_owned(), value));
            }
            Val::Record(values)
        }
        _ => return Ok(None),
    }))
}

/// Drops the resources in an argument: what was lent to the host has to be given back.
fn give_back(store: &mut StoreContextMut<'_, State>, argument: &Val) -> wasmtime::Result<()> {
    match argument {
        Val::Resource(resource) => resource.resource_drop(store),
        Val::List(values) => values.iter().try_for_each(|value| give_back(store, value)),
        _ => Ok(()),
    }
}

/// All of a list is ready; so is a single one.
fn ready(arguments: &[Val]) -> Val {
    match arguments {
        [Val::List(waited)] => Val::List((0..).take(waited.len()).map(Val::U32).collect()),
        _ => Val::Bool(true),
    }
}

fn zeros(arguments: &[Val]) -> Option<Val> {
    let [Val::U64(count)] = arguments else {
        return None;
    };
    let count = usize::try_from(*count)
        .ok()
        .filter(|count| *count <= limits::CALL)?;
    Some(Val::List(vec![Val::U8(0); count]))
}

/// Success; where it says how much may be written next, a page.
fn swallowed(ty: &Type) -> Option<Val> {
    let Type::Result(result) = ty else {
        return None;
    };
    let room = result.ok().map(|_| Box::new(Val::U64(4096)));
    Some(Val::Result(Ok(room)))
}

fn at_end() -> Val {
    Val::Result(Err(Some(Box::new(Val::Variant("closed".into(), None)))))
}

#[cfg(test)]
mod tests {
    use crate::guest::{Guest, question};
    use crate::{Failure, Host, RulesError};

    const ITEMS: &str = r#"
        (import "wasi:random/random@0.2.6" (instance $random
            (export "get-random-u64" (func (result u64)))
            (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (import "wasi:clocks/wall-clock@0.2.6" (instance $clock
            (type $record (record (field "seconds" u64) (field "nanoseconds" u32)))
            (export "datetime" (type $datetime (eq $record)))
            (export "now" (func (result $datetime)))))
        (import "wasi:cli/environment@0.2.6" (instance $environment
            (export "get-environment" (func (result (list (tuple string string)))))))
        (import "wasi:io/poll@0.2.6" (instance $poll
            (export "pollable" (type $pollable (sub resource)))
            (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:io/streams@0.2.6" (instance $streams
            (export "output-stream" (type $output (sub resource)))
            (alias outer 1 $pollable (type $p))
            (export "pollable" (type $waiting (eq $p)))
            (export "[method]output-stream.subscribe"
                (func (param "self" (borrow $output)) (result (own $waiting))))
            (type $v (variant (case "closed")))
            (export "stream-error" (type $error (eq $v)))
            (export "[method]output-stream.check-write"
                (func (param "self" (borrow $output)) (result (result u64 (error $error)))))
            (export "[method]output-stream.write" (func (param "self" (borrow $output))
                (param "contents" (list u8)) (result (result (error $error)))))))
        (alias export $streams "output-stream" (type $output))
        (import "wasi:cli/stderr@0.2.6" (instance $stderr
            (alias outer 1 $output (type $o))
            (export "output-stream" (type $stream (eq $o)))
            (export "get-stderr" (func (result (own $stream))))))
        (import "wasi:cli/exit@0.2.6" (instance $exit
            (export "subscribe" (func $subscribe))
        (export "poll" (func $poll))
        (export "exit" (func (param "status" (result))))))
        (import "wasi:sockets/instance-network@0.2.6" (instance $network
            (export "network" (type $n (sub resource)))
            (export "instance-network" (func (result (own $n))))))
        (core func $random (canon lower (func $random "get-random-u64")))
        (core func $bytes (canon lower (func $random "get-random-bytes")
            (memory $memory) (realloc (core func $realloc))))
        (core func $now (canon lower (func $clock "now") (memory $memory)))
        (core func $environment (canon lower (func $environment "get-environment")
            (memory $memory) (realloc (core func $realloc))))
        (core func $stderr (canon lower (func $stderr "get-stderr")))
        (core func $room (canon lower (func $streams "[method]output-stream.check-write")
            (memory $memory)))
        (core func $write (canon lower (func $streams "[method]output-stream.write")
            (memory $memory)))
        (core func $subscribe (canon lower
            (func $streams "[method]output-stream.subscribe")))
        (core func $poll (canon lower (func $poll "poll")
            (memory $memory) (realloc (core func $realloc))))
        (core func $exit (canon lower (func $exit "exit")))
        (core func $network (canon lower (func $network "instance-network")))"#;

    const IMPORTS: &str = r#"
        (import "" "random" (func $random (result i64)))
        (import "" "bytes" (func $bytes (param i64 i32)))
        (import "" "now" (func $now (param i32)))
        (import "" "environment" (func $environment (param i32)))
        (import "" "stderr" (func $stderr (result i32)))
        (import "" "room" (func $room (param i32 i32)))
        (import "" "write" (func $write (param i32 i32 i32 i32)))
        (import "" "subscribe" (func $subscribe (param i32) (result i32)))
        (import "" "poll" (func $poll (param i32 i32 i32)))
        (import "" "exit" (func $exit (param i32)))
        (import "" "network" (func $network (result i32)))"#;

    const EXPORTS: &str = r#"
        (export "random" (func $random))
        (export "bytes" (func $bytes))
        (export "now" (func $now))
        (export "environment" (func $environment))
        (export "stderr" (func $stderr))
        (export "room" (func $room))
        (export "write" (func $write))
        (export "subscribe" (func $subscribe))
        (export "poll" (func $poll))
        (export "exit" (func $exit))
        (export "network" (func $network))"#;

    fn judge(body: &'static str) -> Result<(), RulesError> {
        let guest = Guest {
            items: ITEMS,
            core_imports: IMPORTS,
            core_exports: EXPORTS,
            body,
            ..Guest::default()
        };
        let component = guest.load().unwrap();
        Host::new()
            .unwrap()
            .judge(&component, &question())
            .map(drop)
    }

    #[test]
    fn it_stands_still_and_is_empty() {
        judge(
            "(if (i64.ne (call $random) (i64.const 0)) (then unreachable))
             (call $bytes (i64.const 16) (i32.const 200))
             (if (i32.ne (i32.load (i32.const 204)) (i32.const 16)) (then unreachable))
             (i64.store (i32.const 240) (i64.const -1))
             (call $now (i32.const 240))
             (if (i64.ne (i64.load (i32.const 240)) (i64.const 0)) (then unreachable))
             (i32.store (i32.const 260) (i32.const -1))
             (call $environment (i32.const 256))
             (if (i32.load (i32.const 260)) (then unreachable))
             (local.set $i (call $stderr))
             (call $room (local.get $i) (i32.const 272))
             (if (i32.load8_u (i32.const 272)) (then unreachable))
             (if (i64.ne (i64.load (i32.const 280)) (i64.const 4096)) (then unreachable))
             (call $write (local.get $i) (i32.const 0) (i32.const 7) (i32.const 288))
             (if (i32.load8_u (i32.const 288)) (then unreachable))
             (i32.store (i32.const 300) (call $subscribe (local.get $i)))
             (call $poll (i32.const 300) (i32.const 1) (i32.const 304))
             (if (i32.ne (i32.load (i32.const 308)) (i32.const 1)) (then unreachable))
             (if (i32.load (i32.load (i32.const 304))) (then unreachable))
             (call $drop (local.get $s))",
        )
        .unwrap();
    }

    #[test]
    fn every_door_is_closed() {
        for (body, door) in [
            ("(call $exit (i32.const 0))", "wasi:cli/exit#exit"),
            (
                "(drop (call $network))",
                "wasi:sockets/instance-network#instance-network",
            ),
            (
                "(call $bytes (i64.const 1000000000) (i32.const 200))",
                "wasi:random/random#get-random-bytes",
            ),
        ] {
            let error = judge(body).unwrap_err();
            let RulesError::Failed { failure, .. } = error else {
                panic!("{error}")
            };
            assert_eq!(failure, Failure::Closed(door.into()));
        }
    }
}
