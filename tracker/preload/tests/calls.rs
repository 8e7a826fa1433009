//! Functions that look at one file by its name: what they write down, and that they do what they do
//! without us.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use support::calls::{each, room, written};

#[test]
fn opening_for_reading_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("open,-,ROOT/file,0", "Open ROOT/file [] 0"),
            ("open,-,file,0", "Open ROOT/file [ROOT] 0"),
            ("open64,-,file,0", "Open ROOT/file [ROOT] 0"),
            ("openat,d,inner,0", "Open ROOT/d/inner [ROOT/d] 0"),
            (
                "openat64,-,d/../file,0x80000",
                "Open ROOT/d/../file [ROOT] 0",
            ),
            ("openat,d,ROOT/file,0", "Open ROOT/file [] 0"),
            ("__open_2,-,link,0", "Open ROOT/link [ROOT] 0"),
            ("__open64_2,-,link,0x20000", "Open ROOT/link [ROOT] 40"),
            ("__openat_2,dlink,inner,0", "Open ROOT/d/inner [ROOT/d] 0"),
            ("__openat64_2,-,./nothing,0", "Open ROOT/./nothing [ROOT] 2"),
            ("open,-,file/x,0", "Open ROOT/file/x [ROOT] 20"),
            ("open,-,loop,0", "Open ROOT/loop [ROOT] 40"),
            ("open,-,d,0", "Open ROOT/d [ROOT] 0"),
            ("open,-,file,0x10000", "Open ROOT/file [ROOT] 20"),
            ("SYS_open,-,file,0", "Open ROOT/file [ROOT] 0"),
            ("SYS_openat,d,inner,0", "Open ROOT/d/inner [ROOT/d] 0"),
            ("SYS_openat,d,nothing,0", "Open ROOT/d/nothing [ROOT/d] 2"),
        ],
    );
}

#[test]
fn opening_for_anything_else_is_left_to_the_kernel() {
    let room = room();
    // To write, to do both, to make, to cut, for the path alone, without a name.
    for flags in ["1", "2", "0x40", "0x200", "0x200000", "0x410002"] {
        let call = format!(
            "open,-,{},{flags}",
            if flags == "0x410002" { "d" } else { "file" }
        );
        assert_eq!(written(&room, &[&call]), [""; 0], "{call}");
        room.write("file", "content");
    }
    each(
        &room,
        &[
            ("open,-,,0", ""),
            ("openat,file,,0", ""),
            ("openat,nothing,inner,0", ""),
            ("open,-,/dev/null,0", ""),
            ("open,-,/dev/null,2", ""),
            ("open,-,/proc/self/status,0", ""),
            ("open,-,//proc/self/status,0", ""),
            ("openat,/proc/self,comm,0", ""),
            ("open,-,/usr/../proc/self/comm,0", ""),
        ],
    );
}

#[test]
fn streams_to_read_are_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("fopen,-,file,r", "Open ROOT/file [ROOT] 0"),
            ("fopen,-,file,rb", "Open ROOT/file [ROOT] 0"),
            ("fopen64,-,file,re", "Open ROOT/file [ROOT] 0"),
            ("fopen64,-,nothing,r", "Open ROOT/nothing [ROOT] 2"),
            ("fopen,-,d,r", "Open ROOT/d [ROOT] 0"),
            ("fopen,-,file,rm", ""),
            ("fopen,-,file,rce", ""),
            ("fopen,-,file,r+", ""),
            ("fopen,-,file,r+e", ""),
            ("fopen,-,file,a", ""),
            ("fopen,-,new,w", ""),
            ("fopen,-,file,wx", ""),
            ("fopen,-,file,x", ""),
            ("fopen,-,file,", ""),
            ("fopen,-,,r", ""),
        ],
    );
}

#[test]
fn asking_for_attributes_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("stat,-,link", "Probe ROOT/link [ROOT] 0"),
            ("stat64,-,/", "Probe / [] 0"),
            ("stat,-,broken", "Probe ROOT/broken [ROOT] 2"),
            ("lstat,-,broken", "ProbeKept ROOT/broken [ROOT] 0"),
            ("lstat64,-,link", "ProbeKept ROOT/link [ROOT] 0"),
            ("fstatat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("fstatat64,-,link,0x100", "ProbeKept ROOT/link [ROOT] 0"),
            ("fstatat,-,link,0x900", "ProbeKept ROOT/link [ROOT] 0"),
            ("fstatat,d,,0x1000", ""),
            ("fstatat,-,,0x1000", ""),
            ("fstatat,d,inner,0x1000", ""),
            ("fstatat,-,file,0x8000000", ""),
            ("__xstat,-,link,1", "Probe ROOT/link [ROOT] 0"),
            ("__xstat,-,link,0", "Probe ROOT/link [ROOT] 0"),
            ("__xstat,-,link,9", ""),
            ("__lxstat64,-,link,1", "ProbeKept ROOT/link [ROOT] 0"),
            ("__fxstatat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("statx,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("statx,-,link,0x100", "ProbeKept ROOT/link [ROOT] 0"),
            ("statx,-,link,0x4000", "Probe ROOT/link [ROOT] 0"),
            ("statx_little,-,link,0", "Probe ROOT/link [ROOT] 0"),
            ("statx,-,nothing,0", "Probe ROOT/nothing [ROOT] 2"),
            ("statx,d,,0x1000", ""),
            ("statx,-,,0x1000", ""),
            ("SYS_stat,-,link", "Probe ROOT/link [ROOT] 0"),
            ("SYS_lstat,-,link", "ProbeKept ROOT/link [ROOT] 0"),
            ("SYS_newfstatat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("SYS_newfstatat,d,,0x1000", ""),
            ("SYS_statx,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("SYS_statx,-,file/,0", "Probe ROOT/file/ [ROOT] 20"),
        ],
    );
}

#[test]
fn asking_for_permissions_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("access,-,file,4", "Probe ROOT/file [ROOT] 0"),
            ("access,-,nothing,0", "Probe ROOT/nothing [ROOT] 2"),
            ("access,-,file,1", "Probe ROOT/file [ROOT] 13"),
            ("access,-,file,99", "Probe ROOT/file [ROOT] 22"),
            ("faccessat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("faccessat,-,broken,0x100", "ProbeKept ROOT/broken [ROOT] 0"),
            ("faccessat,-,link,0x200", "Probe ROOT/link [ROOT] 0"),
            ("faccessat,-,link,0x4000", ""),
            ("euidaccess,-,link,4", "Probe ROOT/link [ROOT] 0"),
            ("eaccess,-,nothing,4", "Probe ROOT/nothing [ROOT] 2"),
            ("SYS_access,-,file,0", "Probe ROOT/file [ROOT] 0"),
            ("SYS_faccessat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            (
                "SYS_faccessat2,d,inner,0x100",
                "ProbeKept ROOT/d/inner [ROOT/d] 0",
            ),
        ],
    );
}

#[test]
fn reading_links_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("readlink,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlink_short,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlink,-,file", "ReadLink ROOT/file [ROOT] 22"),
            ("readlink,-,nothing", "ReadLink ROOT/nothing [ROOT] 2"),
            ("readlinkat,ROOT,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlinkat,ROOT,", ""),
            ("__readlink_chk,-,link", "ReadLink ROOT/link [ROOT] 0"),
            (
                "__readlinkat_chk,d,../link",
                "ReadLink ROOT/d/../link [ROOT/d] 0",
            ),
            ("SYS_readlink,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("SYS_readlinkat,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlink,-,/proc/self/cwd", ""),
        ],
    );
}
