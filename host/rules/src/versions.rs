//! Which versions of the interface are heard, and what the others are told.

use crate::guest::{Guest, manifest, question};
use crate::{Failure, Host, RulesError};

#[test]
fn another_version_of_the_interface_is_refused_by_name() {
    let next = Guest {
        api: "0.2.0",
        manifest: manifest("0.2.0"),
        ..Guest::default()
    };
    assert_eq!(
        next.load().unwrap_err().to_string(),
        "cannot load plugin `guest.wasm`: it was built for vt:rules 0.2.0, this host has 0.1.0"
    );
    // Also where its manifest has keys that nobody knew yet.
    let says_where = Guest {
        manifest: manifest("0.2.0").replacen('{', r#"{"vt":"0.9.0","new-key":{},"#, 1),
        ..next
    };
    assert_eq!(
        says_where.load().unwrap_err().to_string(),
        "cannot load plugin `guest.wasm`: it was built for vt:rules 0.2.0, this host has 0.1.0; \
         vt 0.9.0 or later has it"
    );
    let liar = Guest {
        manifest: manifest("0.1.4"),
        ..Guest::default()
    };
    let error = liar.load().unwrap_err().to_string();
    assert!(
        error.contains("names vt:rules 0.1.4, but it imports 0.1.0"),
        "{error}"
    );
}

#[test]
fn a_later_patch_loads_unless_it_uses_what_is_new() {
    let later = || Guest {
        api: "0.1.9",
        manifest: manifest("0.1.9"),
        ..Guest::default()
    };
    let host = Host::new().unwrap();
    host.judge(&later().load().unwrap(), &question()).unwrap();
    let uses = Guest {
        methods: r#"(export "[method]session.tell-the-time"
            (func (param "self" (borrow $session)) (result u64)))"#,
        ..later()
    };
    assert_eq!(
        uses.load().unwrap_err().to_string(),
        "cannot load plugin `guest.wasm`: it calls `session.tell-the-time` of vt:rules 0.1.9, \
         this host has 0.1.0"
    );
    let says_where = Guest {
        manifest: manifest("0.1.9").replacen('{', r#"{"vt":"0.7.0","new-key":{},"#, 1),
        ..uses
    };
    assert_eq!(
        says_where.load().unwrap_err().to_string(),
        "cannot load plugin `guest.wasm`: it calls `session.tell-the-time` of vt:rules 0.1.9, \
         this host has 0.1.0; vt 0.7.0 or later has it"
    );
}

#[test]
fn a_method_of_another_type_does_not_fit() {
    let other = Guest {
        methods: r#"(export "[method]session.tool"
            (func (param "self" (borrow $session)) (result u64)))"#,
        ..Guest::default()
    };
    let error = Host::new()
        .unwrap()
        .judge(&other.load().unwrap(), &question())
        .unwrap_err();
    assert!(
        matches!(
            error,
            RulesError::Failed {
                failure: Failure::Misfit(_),
                ..
            }
        ),
        "{error}"
    );
}
