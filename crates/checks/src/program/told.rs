//! How programs are told their port where they do not read `PORT`: a flag, a word in its place, or a socket that is handed to them.
//!
//! What a recipe does is never taken for done: where the program really listens is read from the kernel afterwards.

use portward_model::{Grammar, Runs, ShellLine};

use super::{Way, named};

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
    let known = tool(&command).and_then(|(at, name)| named(name).map(|known| (at, known.told)));
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

/// Where in a command the program stands that will listen, behind what only starts it, and by which name.
pub(super) fn tool(command: &[String]) -> Option<(usize, &str)> {
    let mut at = 0;
    loop {
        let left: Vec<&[u8]> = command.get(at..)?.iter().map(String::as_bytes).collect();
        let first = command.get(at)?;
        match Grammar::of(first.as_bytes()).filter(|grammar| grammar.starts_others()).map(|grammar| grammar.runs(&left)) {
            Some(Runs::Program { at: step, name }) => {
                at += step;
                // Of `-mflask` the module is not all of the argument, and nothing is behind it.
                if left.get(step).is_some_and(|word| word.len() != name.len()) {
                    let word = command.get(at)?;
                    return Some((at, base(word.get(word.len() - name.len()..)?)));
                }
            }
            Some(Runs::Code | Runs::Nothing) => return None,
            Some(Runs::Itself) | None => return Some((at, base(first))),
        }
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
            ("npx --yes -p vite@5 vite dev", "npx --yes -p vite@5 vite dev --port 20300 --strictPort"),
            ("env -u HOST NODE_ENV=x nice -n 5 npx vite", "env -u HOST NODE_ENV=x nice -n 5 npx vite --port 20300 --strictPort"),
            (
                "tini -s -- node -C dev node_modules/.bin/vite",
                "tini -s -- node -C dev node_modules/.bin/vite --port 20300 --strictPort",
            ),
            (
                "timeout -k 1 60 python3 -W ignore -X utf8 -mflask run",
                "timeout -k 1 60 python3 -W ignore -X utf8 -mflask run --port 20300",
            ),
            ("uv run --with x -p 3.12 -m flask run", "uv run --with x -p 3.12 -m flask run --port 20300"),
            ("poetry -C api run flask run", "poetry -C api run flask run --port 20300"),
            ("sudo -u ana -E python3 -Wi manage.py runserver", "sudo -u ana -E python3 -Wi manage.py runserver 127.0.0.1:20300"),
            (
                "deno run -A --ext ts node_modules/.bin/vite",
                "deno run -A --ext ts node_modules/.bin/vite --port 20300 --strictPort",
            ),
            ("php -d memory_limit=1G -S 0.0.0.0:8000", "php -d memory_limit=1G -S localhost:20300"),
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
            "php -d x=-S artisan",
            "npm --prefix vite run dev",
            "python3 -W ignore -c vite",
            "sh -c vite",
            "deno task vite",
            "timeout 5",
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
