//! Tests of the crate as a whole: trees that come back, archives that lie, disks that break.

mod bench;
mod crash;
mod damage;
mod deferred;
mod disk;
mod evil;
mod index;
mod modes;
mod mutated;
mod old_file;
mod refused;
mod restore;
mod round_trip;
mod shared;
