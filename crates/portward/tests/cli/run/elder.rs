//! 32-bit programs: they call by numbers of their own, and of x86 by one call for all.

use super::Stage;

impl Stage {
    /// The 32-bit program; `None` where none is made or run here.
    fn elder(&self) -> Option<String> {
        if std::env::consts::ARCH != "x86_64" {
            portward_testkit::skip("the 32-bit table of x86");
            return None;
        }
        let _ = portward_testkit::program("cc")?;
        let program = self.one.join("elder").to_str().unwrap().to_owned();
        let source = self.world.file("elder.c", include_bytes!("elder.c"));
        let words = ["-m32", "-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie", "-fno-stack-protector"];
        let made = self.world.run(&[&["cc"], &words[..], &["-o", &program, source.to_str().unwrap()]].concat());
        if made.code != Some(0) || self.world.run(&[&program, "direct", "wrong"]).code != Some(0) {
            portward_testkit::skip("32-bit programs on this machine");
            return None;
        }
        Some(program)
    }
}

#[test]
fn a_32_bit_program_is_served_as_any_other() {
    let Some(stage) = Stage::new() else { return };
    let Some(elder) = stage.elder() else { return };
    for way in ["direct", "socketcall"] {
        for stranger in [true, false] {
            let project = if stranger { &stage.one } else { &stage.two };
            let entry = || {
                let entry = stage.inside(project).env("XDG_STATE_HOME", project.join("state"));
                if stranger { entry.stranger() } else { entry }
            };
            let mut server = entry().start_portward(&["run", &elder, way, "tcp"]);
            assert_eq!(server.line(), "0 0 0 lo", "{}", server.stderr());
            assert!(Stage::told(&server, "asked").contains("asked 0.0.0.0:3000   serves http://localhost:"));
            server.tell("end");
            server.end();
            let mut datagrams = entry().start_portward(&["run", &elder, way, "udp"]);
            assert_eq!(datagrams.line(), "0 11 fenced", "{}", datagrams.stderr());
            datagrams.tell("end");
            datagrams.end();
            let _ = std::fs::remove_file(project.join("elder.sock"));
            let path = entry().portward(&["run", &elder, way, "unix"]).expect(0);
            assert_eq!((path.stdout.as_str(), path.stderr.as_str()), ("0 0 ", ""));
            let _ = std::fs::remove_file(project.join("elder.sock"));
            let wrong = entry().portward(&["run", &elder, way, "wrong"]).expect(0);
            assert_eq!(wrong.stdout, "-14 -9 -14 -22 -9 -38 ", "{wrong}");
        }
        let mut own = stage.server(&stage.one, &[], "own", &["tcp", "127.0.0.1", "3000"]);
        let dialled = stage.portward(&stage.one, &["run", &elder, way, "dial"]).expect(0);
        assert!(dialled.stdout.starts_with("0 own"), "{dialled}");
        // Inside a session of another program, too.
        let nested = stage.portward(&stage.one, &["run", "sh", "-c", &format!("{elder} {way} dial")]).expect(0);
        assert!(nested.stdout.starts_with("0 own"), "{nested}");
        // The next one, of another store, may be leased the same port.
        let _ = stage.portward(&stage.one, &["stop", "--all"]).expect(0);
        own.end();
    }
}
