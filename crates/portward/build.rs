//! Links the unwinder into the program where the C compiler has it as an archive.
//!
//! A release build aborts on a panic and never unwinds, yet the standard library refers to the unwinder, and
//! loading `libgcc_s.so` for it takes a tenth of a millisecond of every run: as long as reading the sockets.

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
