//! A disk that refuses one thing: the first, the second, and so on until all is asked for. The store
//! fails or does not need it; it never panics, takes its own trouble for damage, or loses what it
//! had.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use rustix::io::Errno;

use super::bench::{Bench, file, tree};
use crate::failpoint::{self, Point};
use crate::{Judgement, Store, StoreError, Table};

/// Makes the disk refuse the request with this number. Gives back how many there were so far.
fn refuse(number: u64, with: Errno) -> Rc<Cell<u64>> {
    let asked = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asked);
    failpoint::set(move |point| {
        if point != Point::Disk {
            return Ok(());
        }
        counted.set(counted.get() + 1);
        if counted.get() == number {
            return Err(io::Error::from(with));
        }
        Ok(())
    });
    asked
}

/// Everything a run does with the store.
fn script(bench: &Bench) -> Result<(), StoreError> {
    let store = Store::open(bench.store.directory())?;
    store.recover(&bench.root)?;
    let lock = store.lock_step(b"app#build/0")?;
    if let Some(snapshot) = store.read()? {
        snapshot.get(Table::Entries, b"kept")?;
    }
    let output = store.put_bytes(b"new output")?;
    let files = [super::bench::rel("a.js"), super::bench::rel("b.js")];
    let packed = store.pack(&bench.root, &files)?;
    store.write_or_defer(|writer| {
        writer.put(Table::Entries, b"new", &output.0)?;
        writer.put(Table::Steps, b"new", b"too")
    })?;
    store.get_bytes(&output, 100)?;
    let wanted = files.iter().cloned().collect();
    store.restore(
        &bench.root,
        packed.blob.as_ref(),
        &packed.manifest,
        &wanted,
        &[],
        &Judgement::new(),
    )?;
    store.note_use(&output);
    drop(lock);
    Ok(())
}

#[test]
fn whatever_the_disk_refuses_is_an_error_and_loses_nothing() {
    for errno in [Errno::NOSPC, Errno::ACCESS, Errno::IO, Errno::MFILE] {
        for begins_empty in [true, false] {
            refuse_each(errno, begins_empty);
        }
    }
}

fn refuse_each(errno: Errno, begins_empty: bool) {
    let sources = tree(&[("a.js", file("a")), ("b.js", file("b"))]);
    let mut number = 0;
    loop {
        number += 1;
        let bench = Bench::in_memory();
        bench.set_tree(&sources);
        let mut kept = None;
        if !begins_empty {
            let put = |writer: &mut crate::Writer<'_>| writer.put(Table::Entries, b"kept", b"1");
            bench.store.write(put).unwrap();
            kept = Some(bench.store.put_bytes(b"kept").unwrap());
        }
        let asked = refuse(number, errno);
        let outcome = script(&bench);
        failpoint::clear();
        let place = format!("{errno}, request {number}");
        if let Err(error) = &outcome {
            assert!(matches!(error, StoreError::Io { .. }), "{place}: {error}");
        }
        assert_eq!(bench.tree(), sources, "{place}");
        let store = Store::open(bench.store.directory()).unwrap();
        store.recover(&bench.root).unwrap();
        if let Some(kept) = kept {
            let snapshot = store.read().unwrap().unwrap();
            assert_eq!(
                snapshot.get(Table::Entries, b"kept").unwrap().unwrap(),
                b"1",
                "{place}"
            );
            let both = (
                snapshot.get(Table::Entries, b"new").unwrap().is_some(),
                snapshot.get(Table::Steps, b"new").unwrap().is_some(),
            );
            assert_eq!(both.0, both.1, "{place}: half a transaction");
            assert_eq!(store.get_bytes(&kept, 100).unwrap(), b"kept", "{place}");
        }
        assert_eq!(store.take_notices(), [], "{place}: it is no damage");
        script(&bench).unwrap_or_else(|error| panic!("{place}, afterwards: {error}"));
        if asked.get() < number {
            assert!(outcome.is_ok(), "{place}: nothing was refused");
            assert!(number > 15, "only {number} requests were seen");
            return;
        }
    }
}
