use std::fs;

use proptest::prelude::*;

use super::*;

fn digest(text: &str, pointers: &[&str]) -> Option<Digest> {
    let pointers: Vec<String> = pointers.iter().map(|one| (*one).to_owned()).collect();
    left(text.as_bytes(), &pointers)
}

#[test]
fn only_what_a_pointer_names_does_not_count() {
    let text = r#"{ "a": 1, "b": { "c": [true, {"d~/e": "x\"}"}, null] } }"#;
    for (pointer, from, to) in [
        ("/a", "1", "-2.5e3"),
        ("/a", "1", r#"{"x":[]}"#),
        ("/b/c", "[true,", "[false,"),
        ("/b/c/0", "true", "\"true\""),
        ("/b/c/1/d~0~1e", r#""x\"}""#, r#""y\\""#),
        ("/b/c/2", "null", "0"),
        ("/b", "true", "7"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text);
        let both = [digest(text, &[pointer]), digest(&other, &[pointer])];
        assert!(both[0].is_some(), "{pointer}");
        assert_eq!(both[0], both[1], "{pointer}: {other}");
        assert_ne!(digest(text, &[]), digest(&other, &[]));
    }
    let redacted = digest(text, &["/b/c/1"]);
    for (from, to) in [
        ("1", "2"),
        ("true", "false"),
        ("{ \"a", "{\"a"),
        ("null", "1"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(redacted, digest(&other, &["/b/c/1"]), "{other}");
    }
}

#[test]
fn that_a_part_comes_or_goes_counts() {
    let with = digest(r#"{"a":1,"b":2}"#, &["/b"]);
    assert_ne!(with, digest(r#"{"a":1}"#, &["/b"]));
    let elements = digest("[1,2]", &["/1"]);
    assert_eq!(elements, digest("[1,3]", &["/1"]));
    assert_ne!(elements, digest("[1,2,3]", &["/1"]));
    assert_ne!(elements, digest("[1]", &["/1"]));
}

#[test]
fn pointers_that_lead_nowhere_take_nothing_away() {
    let text = r#"{"a":[1,2],"b":"x"}"#;
    for pointer in [
        "/c", "/a/2", "/a/-", "/a/01", "/a/+1", "/b/0", "/a/0/0", "/",
    ] {
        assert_eq!(digest(text, &[pointer]), digest(text, &[]), "{pointer}");
    }
    assert_eq!(digest(text, &["/a", "/a/0"]), digest(text, &["/a"]));
    assert_eq!(digest(text, &["/a/0", "/a"]), digest(text, &["/a"]));
    assert_eq!(digest(r#"{"":1}"#, &["/"]), digest(r#"{"":2}"#, &["/"]));
    assert_eq!(digest("1", &["/a"]), digest("1", &[]));
}

#[test]
fn a_text_of_which_it_is_not_certain_what_the_parts_are_is_left_alone() {
    for text in [
        "",
        "{",
        "{} {}",
        "// JSON with comments\n{}",
        "{'a':1}",
        "a: 1",
        "\u{feff}{}",
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
    ] {
        assert_eq!(digest(text, &["/a"]), None, "{text}");
    }
    // It is said once in each of two objects.
    let twice = r#"{"a":{"b":1},"c":{"b":2}}"#;
    assert!(digest(twice, &["/a/b"]).is_some());
}

#[test]
fn deep_and_odd_texts_are_taken_as_they_are() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(digest(&deep, &["/0/0"]).is_some());
    assert!(digest(" \t\r\n{ } \n", &["/a"]).is_some());
    assert!(digest(" [ ] ", &["/0"]).is_some());
}

#[test]
fn what_is_left_of_a_file_is_never_taken_for_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    fs::write(&path, r#"{"at":1,"b":2}"#).unwrap();
    // As long ago as it takes for the identity to be trusted.
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(40));
    let row = || StatRow::of(&fs::symlink_metadata(&path).unwrap());
    let (rows, redacted) = (StatRows::default(), Redacted::default());
    let state = |pointer: &str| {
        let pointers = [pointer.to_owned()];
        redacted.state(&path, row(), &pointers, &rows).unwrap().0
    };
    let State::Redacted { digest: left, .. } = state("/at") else {
        panic!("it is JSON");
    };
    let whole = rows.digest(&path, row()).unwrap();
    assert_eq!(whole, Digest::of(&fs::read(&path).unwrap()));
    assert_ne!(left, whole);
    // Other parts of the same file, under the same identity.
    assert_ne!(state("/b"), state("/at"));
    fs::write(&path, "no JSON").unwrap();
    let whole = State::File {
        digest: Digest::of(b"no JSON"),
        executable: false,
    };
    assert_eq!(state("/at"), whole);
}

proptest! {
    #[test]
    fn a_part_is_found_where_a_parser_finds_it(
        value in json(), others in json(), path in prop::collection::vec("[a-c]|[0-2]|", 1..4),
    ) {
        let pointer: String = path.iter().map(|name| format!("/{name}")).collect();
        let mut document = value;
        let text = document.to_string();
        let before = digest(&text, &[&pointer]);
        prop_assert!(before.is_some());
        match document.pointer_mut(&pointer) {
            None => prop_assert_eq!(before, digest(&text, &[])),
            Some(part) => {
                *part = others;
                prop_assert_eq!(before, digest(&document.to_string(), &[&pointer]));
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[\[\]{}",:a0\\ ]{0,24}"#) {
        let _ = digest(&text, &["/a/0", "/0", "/a"]);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        r#"["\\a/{}\[\]: é]{0,5}"#.prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-c]|", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
