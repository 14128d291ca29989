//! A session starts from a process that has several threads: its supervisor is a process of its own, here this very test.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test ends where something unexpected is.

use std::{process::ExitCode, sync::mpsc, thread};

use portward_keeper::{Duty, Start, entrance};
use portward_session::{Ended, Program, Rules};
use portward_sys::this_caller;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(code) = entrance(&arguments, |_, _| Ok(None)) {
        return code;
    }
    // What runs tests may ask which there are.
    if arguments.iter().any(|word| word == "--list") {
        if !arguments.iter().any(|word| word == "--ignored") {
            println!("a_process_with_several_threads_starts_a_session: test");
        }
        return ExitCode::SUCCESS;
    }
    let home = tempfile::tempdir().unwrap();
    let mut caller = this_caller();
    caller.environment.insert("XDG_STATE_HOME".to_owned(), portward_sys::text_of(home.path()));
    // They live as long as this end does.
    let (busy, idle) = mpsc::channel::<()>();
    let idle = std::sync::Arc::new(std::sync::Mutex::new(idle));
    for _ in 0..3 {
        let idle = std::sync::Arc::clone(&idle);
        thread::spawn(move || {
            let _ = idle.lock().map(|idle| idle.recv());
        });
    }
    let code =
        "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(); sys.exit(s.getsockname()[1] == 3000)";
    let program = Program { name: "python3".into(), arguments: ["-c", code].map(Into::into).to_vec(), environment: Vec::new() };
    for duty in [Duty::Guard(Rules::default(), portward_session::Manner::default()), Duty::Watch { port: 3000 }] {
        let mut told = Vec::new();
        let start = Start { caller: caller.clone(), name: Some("web".to_owned()), duty, kept: None };
        let ended = start.run(&program, None, &mut |ran| {
            told.push(ran);
            true
        });
        match duty {
            // The port has moved, and the front is told so.
            Duty::Guard(..) => {
                assert_eq!(ended.unwrap(), Ended::Code(0));
                assert!(
                    told.iter().any(|ran| ran.listener.as_ref().is_some_and(|listener| listener.service == "web")),
                    "{told:?}"
                );
            }
            Duty::Watch { .. } => assert!(matches!(ended.unwrap(), Ended::Code(0 | 1))),
        }
    }
    drop(busy);
    println!("test a_process_with_several_threads_starts_a_session ... ok");
    ExitCode::SUCCESS
}
