//! Databases, queues and other engines that a project may have as a service of its own, one entry each: what starts one in a folder of
//! its own, who may enter it, how it is reached, and how what it holds is saved and brought back.
//!
//! Every function here makes values: what is to be written and run. Nothing is, here. An engine is a file and its name in the list.

pub use portward_model::work::{Input, Order, Step};

macro_rules! engines {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// Every engine.
        pub const ENGINES: &[Engine] = &[$($name::ENGINE),*];
    };
}

engines! {
    postgres,
    mariadb,
    redis,
    valkey,
    memcached,
    mongodb,
    rabbitmq,
    nats,
    etcd,
    mailpit,
    minio,
}

/// What is known of one engine.
#[derive(Clone, Copy)]
pub struct Engine {
    /// Its name, as `use = "postgres"` has it.
    pub name: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// The protocol that it speaks at its first port, by its name.
    pub protocol: &'static str,
    /// The ports that it asks for, the first one without a name.
    pub ports: &'static [(&'static str, u16)],
    /// Its server.
    pub server: &'static str,
    /// Its other programs that it cannot do without.
    pub needs: &'static [&'static str],
    /// Folders besides those of `PATH` in which its programs are; a star stands for any name, the last in order is looked into first.
    pub folders: &'static [&'static str],
    /// The packages that bring it, in a sentence's words.
    pub package: &'static str,
    /// What its server prints its version for.
    pub version: &'static [&'static str],
    /// Whether data of one major version may be served by another.
    pub ages: Ages,
    /// Why it does not serve as root; `None` where it does.
    pub never_root: Option<&'static str>,
    /// What makes its data, once. The folder is empty, and becomes the data when all of it was done.
    pub make: fn(&Site) -> Vec<Step>,
    /// What is done before each start.
    pub prepare: fn(&Site) -> Vec<Step>,
    /// What serves.
    pub serve: fn(&Site) -> Order,
    /// What the project's programs are told: variables, with `{host}` and `{port}` for where they dial; further ports by their names.
    pub tells: fn(&Site) -> Vec<(&'static str, String)>,
    /// A client at the terminal.
    pub shell: Option<fn(&Site) -> Order>,
    /// How what it holds is saved in a file, and brought back.
    pub copy: Copying,
}

/// Whether data of one major version may be served by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ages {
    /// By any.
    Freely,
    /// By a newer one, never by an older.
    Upwards,
    /// By its own alone; the words say what brings it to another, to be put after `to bring it to VERSION, `.
    Never(&'static str),
}

/// How what an engine holds is saved.
#[derive(Clone, Copy)]
pub enum Copying {
    /// It runs, and its own programs write a file and read it.
    Dump {
        /// Writes the file to standard output, or where it says.
        save: fn(&Site, &str) -> Vec<Step>,
        /// Reads it, into an engine whose data was made anew.
        restore: fn(&Site, &str) -> Vec<Step>,
    },
    /// It is stopped, and its folder copied.
    Stopped,
    /// It holds nothing that outlasts it.
    Nothing,
}

/// A place of an engine's own: one for each service of each project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The folder of its data, absolute. It is the engine's alone.
    pub data: String,
    /// A folder for its sockets and passing files, absolute and short: the path of a Unix socket has 107 bytes (`sun_path`, unix(7)).
    pub run: String,
    /// The folder of its programs, with `/` at the end; empty where those of `PATH` are meant.
    pub programs: String,
    /// The database's name: the project's, in letters, digits and underscores.
    pub database: String,
    /// Its user's name.
    pub user: String,
    /// Its user's password: letters and digits.
    pub password: String,
    /// The ports that it asks for, in the order of [`Engine::ports`].
    pub asked: Vec<u16>,
    /// The ports that it serves, in the same order: what it tells others to dial.
    pub serves: Vec<u16>,
    /// True where root runs it.
    pub is_root: bool,
}

/// The engine of this name.
pub fn engine(name: &str) -> Option<&'static Engine> {
    ENGINES.iter().find(|engine| engine.name == name || engine.aliases.contains(&name))
}

/// The major version in what a server printed: the first number with a point behind it, or the first number at all.
pub fn major_version(printed: &str) -> Option<u32> {
    let words =
        printed.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let words: Vec<&str> = words.collect();
    let chosen = words.iter().find(|word| word.contains('.')).or(words.first())?;
    chosen.split('.').next()?.parse().ok()
}

/// A name that every engine takes for a database or a user.
pub fn plain_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).take(LONGEST_NAME).collect();
    let plain = plain.trim_matches('_');
    match plain.chars().next() {
        None => "app".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("db_{plain}"),
        Some(_) => plain.to_owned(),
    }
}

impl Engine {
    /// What is wrong with serving data of one major version by a server of another, in a sentence; nothing where that is well.
    pub fn mismatch(&self, data: u32, server: u32) -> Option<String> {
        let title = self.title;
        match self.ages {
            _ if data == server => None,
            Ages::Freely => None,
            Ages::Upwards if data < server => None,
            Ages::Upwards => {
                Some(format!("The data is of {title} {data}, and {title} {server} here is older and cannot read it."))
            }
            Ages::Never(step) => Some(format!(
                "The data is of {title} {data}, and {title} {server} is here, which does not read it. To bring it to {title} {server}, {step}."
            )),
        }
    }
}

impl Site {
    /// A place in words, for what an engine's texts are made of: `USER`, `PASSWORD` and `DATABASE` stand where those do.
    pub(crate) fn sample() -> Self {
        let word = str::to_owned;
        Self { database: word("DATABASE"), user: word("USER"), password: word("PASSWORD"), ..Self::default() }
    }

    /// A program of the engine's.
    fn order(&self, words: &[&str]) -> Order {
        let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        if let Some(first) = words.first_mut() {
            first.insert_str(0, &self.programs);
        }
        Order { words, ..Order::default() }
    }

    /// A file of its data.
    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.data)
    }

    /// A passing file.
    fn passing(&self, name: &str) -> String {
        format!("{}/{name}", self.run)
    }

    fn asked(&self, position: usize) -> String {
        self.asked.get(position).map(ToString::to_string).unwrap_or_default()
    }

    fn serves(&self, position: usize) -> String {
        self.serves.get(position).map(ToString::to_string).unwrap_or_default()
    }
}

/// No step.
fn nothing(_: &Site) -> Vec<Step> {
    Vec::new()
}

/// Databases of `PostgreSQL` have names of up to 63 bytes, users of `MariaDB` of up to 80.
const LONGEST_NAME: usize = 48;

#[cfg(test)]
mod tests {
    use portward_wire::protocol::PROTOCOLS;

    use super::{Ages, Copying, ENGINES, Site, Step, engine, major_version, plain_name};

    fn site(ports: usize) -> Site {
        let ports = |first: u16| (first..).take(ports).collect();
        Site {
            data: "/s/data".to_owned(),
            run: "/r".to_owned(),
            database: "shop".to_owned(),
            user: "app".to_owned(),
            password: "topsecret".to_owned(),
            asked: ports(5000),
            serves: ports(29000),
            ..Site::default()
        }
    }

    #[test]
    fn every_engine_is_whole() {
        for entry in ENGINES {
            assert!(engine(entry.name).is_some_and(|found| found.name == entry.name), "{}", entry.name);
            assert!(PROTOCOLS.iter().any(|protocol| protocol.name == entry.protocol), "{} speaks {}", entry.name, entry.protocol);
            assert!(entry.ports.first().is_some_and(|(name, _)| name.is_empty()), "{}", entry.name);
            assert!(!entry.package.is_empty() && !entry.version.is_empty(), "{}", entry.name);
            assert_eq!(ENGINES.iter().filter(|other| other.aliases.contains(&entry.name) || other.name == entry.name).count(), 1);
        }
    }

    #[test]
    fn no_secret_is_in_arguments_and_every_path_is_its_own() {
        for entry in ENGINES {
            let site = site(entry.ports.len());
            let mut steps = [(entry.make)(&site), (entry.prepare)(&site)].concat();
            steps.push(Step::Run((entry.serve)(&site)));
            steps.extend(entry.shell.map(|shell| Step::Run(shell(&site))));
            if let Copying::Dump { save, restore } = entry.copy {
                steps.extend([save(&site, "/s/saved"), restore(&site, "/s/saved")].concat());
            }
            for step in steps {
                match step {
                    Step::Run(order) => {
                        assert!(!order.words.iter().any(|word| word.contains("topsecret")), "{}: {order:?}", entry.name);
                        assert!(order.output.is_none_or(|path| path == "/s/saved"), "{}", entry.name);
                    }
                    Step::Folder(path) | Step::Write(path, _) => {
                        assert!(path.starts_with("/s/data") || path.starts_with("/r/"), "{}: {path}", entry.name);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_told_names_where_it_is_dialled() {
        for entry in ENGINES {
            let told = (entry.tells)(&site(entry.ports.len()));
            assert!(told.iter().any(|(_, value)| value.contains("{port}") || value.contains(":{port}")), "{}", entry.name);
            assert!(told.iter().all(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')), "{}", entry.name);
        }
    }

    #[test]
    fn versions_are_read_from_what_servers_print() {
        for (printed, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)", Some(10)),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0", Some(7)),
            ("nats-server: v2.9.10", Some(2)),
            ("etcd Version: 3.4.23\nGit SHA: Not provided", Some(3)),
            ("db version v6.0.5\nBuild Info: {", Some(6)),
            ("memcached 1.6.18", Some(1)),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(major_version(printed), major, "{printed}");
        }
    }

    #[test]
    fn data_of_another_version_is_refused_with_the_step() {
        let postgres = engine("postgresql").unwrap();
        assert!(matches!(postgres.ages, Ages::Never(_)));
        let said = postgres.mismatch(14, 15).unwrap();
        assert!(said.starts_with("The data is of PostgreSQL 14, and PostgreSQL 15 is here") && said.contains("save"), "{said}");
        assert_eq!(postgres.mismatch(15, 15), None);
        let mariadb = engine("mariadb").unwrap();
        assert_eq!(mariadb.mismatch(10, 11), None);
        assert!(mariadb.mismatch(11, 10).unwrap().contains("older"));
    }

    #[test]
    fn names_are_such_as_every_engine_takes() {
        for (name, plain) in [
            ("shop", "shop"),
            ("My Shop!", "my_shop"),
            ("42", "db_42"),
            ("größe", "gr__e"),
            ("--", "app"),
            ("", "app"),
            ("fix-42", "fix_42"),
        ] {
            assert_eq!(plain_name(name), plain, "{name}");
        }
        assert_eq!(plain_name(&"x".repeat(200)).len(), 48);
    }
}
