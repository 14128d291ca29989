//! Spares every run what linking can spare it.
//!
//! A release build aborts on a panic and never unwinds, yet the standard library refers to the unwinder, and
//! loading `libgcc_s.so` for it takes a tenth of a millisecond of every run: as long as reading the sockets. So it is
//! linked in, where the C compiler has it as an archive. And the places of the program's 13,000 pointers, which every start
//! writes anew, are packed from 320 kB into 5 (`DT_RELR`), where this machine's C library reads that: another tenth.

use std::{path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let is_gnu_linux = std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu");
    let is_native = std::env::var("HOST").ok() == std::env::var("TARGET").ok();
    let is_release = std::env::var("PROFILE").as_deref() == Ok("release");
    if !(is_gnu_linux && is_native && is_release) {
        return;
    }
    if packs_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    // A compiler that does not know the file answers with its bare name.
    let Ok(answer) = Command::new(compiler).arg("-print-file-name=libgcc_eh.a").output() else { return };
    let answer = String::from_utf8_lossy(&answer.stdout);
    let archive = Path::new(answer.trim());
    #[expect(clippy::disallowed_methods, reason = "a build looks for the compiler's files")]
    if let Some(folder) = archive.parent().filter(|_| archive.is_absolute() && archive.exists()) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// True from glibc 2.36 on, and no program that is built against that starts on an older one anyway.
fn packs_relocations() -> bool {
    let Ok(answer) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let version = answer.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let number = |text: &str| text.split('.').next().and_then(|text| text.parse::<u32>().ok());
    version.is_some_and(|(major, minor)| (number(major), number(minor)) >= (Some(2), Some(36)))
}
