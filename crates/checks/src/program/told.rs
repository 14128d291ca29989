//! How programs are told their port where they do not read `PORT`: a flag, a word in its place, or a socket that is handed to them.
//!
//! What a recipe does is never taken for done: where the program really listens is read from the kernel afterwards.

use portward_model::ShellLine;

use super::{Run, Way, named};

/// A command with the port in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arranged {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// It takes a listening socket as descriptor 3, by `LISTEN_FDS` (`sd_listen_fds(3)`) or by a flag that is in the command.
    pub takes_socket: bool,
}

/// The command as it is to be started; as it is where nothing is known about it.
pub fn arrange(command: &[String], port: u16) -> Arranged {
    let mut command = command.to_vec();
    let mut takes_socket = false;
    let known = tool(&command).and_then(|at| named(base(&command[at])).map(|known| (at, known.told)));
    match known {
        Some((at, Way::Flags(flags))) if !says(&command[at..], flags) => command.extend(filled(flags, port)),
        Some((_, Way::Last(last, word))) if command.last().is_some_and(|own| own == last) => {
            command.extend(filled(&[word], port));
        }
        Some((at, Way::After(flag, word))) => {
            let place = command.iter().skip(at).position(|own| own == flag).map(|place| at + place + 1);
            if let Some(own) = place.and_then(|place| command.get_mut(place)) {
                *own = word.replace("{}", &port.to_string());
            }
        }
        Some((at, Way::Socket(flags))) if !binds_itself(&command[at..]) => {
            command.extend(filled(flags, port));
            takes_socket = true;
        }
        _ => {}
    }
    Arranged { command, takes_socket }
}

/// The words that tell a program its port, by the name that its process goes by.
pub fn flags(name: &str, port: u16) -> Option<ShellLine> {
    match named(base(name))?.told {
        Way::Flags(flags) => Some(filled(flags, port).iter().fold(ShellLine::default(), ShellLine::word)),
        Way::Unknown | Way::Last(..) | Way::After(..) | Way::Socket(_) => None,
    }
}

/// Where in a command the program stands that will listen: behind what only starts it.
pub(super) fn tool(command: &[String]) -> Option<usize> {
    let mut at = 0;
    loop {
        let words: Vec<&str> = command.get(at..)?.iter().map(String::as_str).collect();
        at += match words.as_slice() {
            [first, rest @ ..] if named(base(first)).and_then(|runner| runner.runs(rest.first().copied())) == Some(Run::Tool) => {
                // The word that says so, unless any does.
                1 + usize::from(named(base(first)).is_some_and(|runner| runner.runs(None) != Some(Run::Tool)))
            }
            [first, rest @ ..] if base(first).starts_with("python") => {
                // Its flags, then the module or the script.
                let flags = rest.iter().take_while(|word| word.starts_with('-')).count();
                if flags == rest.len() || rest.iter().take(flags).any(|flag| *flag == "-c") {
                    return None;
                }
                flags + 1
            }
            [] => return None,
            _ => return Some(at),
        };
    }
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// True where the command has the flag already, with its value behind it or in it.
fn says(command: &[String], flags: &[&str]) -> bool {
    let Some(flag) = flags.first() else { return false };
    let long = if *flag == "-p" { "--port" } else { flag };
    command.iter().any(|word| word == flag || word == long || word.strip_prefix(long).is_some_and(|rest| rest.starts_with('=')))
}

/// True where the command names a place of its own to listen at.
fn binds_itself(command: &[String]) -> bool {
    let own = ["-b", "--bind", "--fd", "--uds", "--port", "--host"];
    command
        .iter()
        .any(|word| own.iter().any(|flag| word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))))
}

fn filled(words: &[&str], port: u16) -> Vec<String> {
    words.iter().map(|word| word.replace("{}", &port.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::{arrange, flags};

    fn arranged(command: &str) -> String {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let arranged = arrange(&words, 20300);
        format!("{}{}", arranged.command.join(" "), if arranged.takes_socket { " [socket]" } else { "" })
    }

    #[test]
    fn each_program_is_told_in_its_own_way() {
        for (command, told) in [
            ("vite", "vite --port 20300 --strictPort"),
            ("npx vite dev", "npx vite dev --port 20300 --strictPort"),
            ("./node_modules/.bin/vite", "./node_modules/.bin/vite --port 20300 --strictPort"),
            ("pnpm exec next dev", "pnpm exec next dev -p 20300"),
            ("python3 -m flask run", "python3 -m flask run --port 20300"),
            ("python3 -m http.server", "python3 -m http.server 20300"),
            ("python3 -u -m http.server", "python3 -u -m http.server 20300"),
            ("python manage.py runserver", "python manage.py runserver 127.0.0.1:20300"),
            ("php -S 0.0.0.0:8000 -t public", "php -S localhost:20300 -t public"),
            ("gunicorn app:app", "gunicorn app:app [socket]"),
            ("uv run uvicorn app:app", "uv run uvicorn app:app --fd 3 [socket]"),
        ] {
            assert_eq!(arranged(command), told);
        }
    }

    #[test]
    fn what_says_its_port_itself_or_is_not_known_stays_as_it_is() {
        for command in [
            "vite --port 4000",
            "vite --port=4000",
            "next dev -p 4000",
            "next dev --port 4000",
            "gunicorn -b 127.0.0.1:8000 app:app",
            "uvicorn --port 8000 app:app",
            "python3 -m http.server 9000",
            "python manage.py runserver 9000",
            "python3 -c vite",
            "python3",
            "npm run dev",
            "node server.js",
            "npx",
            "php artisan",
        ] {
            assert_eq!(arranged(command), command);
        }
    }

    #[test]
    fn the_words_for_a_process_that_did_not_listen_where_it_was_told() {
        assert_eq!(flags("vite", 20300).unwrap().line(), "--port 20300 --strictPort");
        assert_eq!(flags("gunicorn", 20300), None);
        assert_eq!(flags("node", 20300), None);
    }
}
