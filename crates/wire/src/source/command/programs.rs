//! Programs as they stand in scripts: how each is told its port, and where it listens otherwise.
//!
//! `portward_checks::program` knows processes and how they are started anew; this table knows the words that people type.

/// A program that listens.
#[derive(Clone, Copy)]
pub(super) struct Known {
    names: &'static [&'static str],
    /// The first words with which it listens; none where it always does.
    verbs: &'static [&'static str],
    /// Its usual port; 0 for none.
    pub(super) usual: u16,
    /// Why that is one.
    pub(super) reason: &'static str,
    /// Its short option for a port.
    pub(super) short: Option<&'static str>,
    /// True where `-b`, `--bind` or `--listen` tell it an address.
    pub(super) binds: bool,
    /// A word that is a port, or an address with one, by where it stands.
    pub(super) takes: Takes,
}

/// Which word is a port by where it stands.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    First,
    Behind(&'static str),
}

/// What is known of a program by its name and its first argument.
pub(super) fn named(name: &str, verb: Option<&str>) -> Option<&'static Known> {
    let verb = verb.filter(|verb| !verb.starts_with('-')).unwrap_or_default();
    let is = |known: &&Known| {
        known.names.contains(&name)
            && (known.verbs.is_empty() || known.verbs.iter().any(|own| *own == verb || own.is_empty() && verb.is_empty()))
    };
    PROGRAMS.iter().find(is)
}

/// True for programs whose `--port` is a server's.
pub(super) fn is_client(name: &str) -> bool {
    const CLIENTS: &[&str] = &[
        "psql",
        "pg_isready",
        "pg_dump",
        "pg_restore",
        "createdb",
        "dropdb",
        "mysql",
        "mysqldump",
        "mysqladmin",
        "mariadb",
        "redis-cli",
        "mongo",
        "mongosh",
        "mongodump",
        "curl",
        "wget",
        "nc",
        "ssh",
        "scp",
        "wait-on",
        "wait-port",
        "wait-for-it.sh",
        "dockerize",
        "kill-port",
        "lsof",
        "fuser",
        "ngrok",
        "cloudflared",
        "cypress",
        "playwright",
        "k6",
        "ab",
        "wrk",
        "valkey-cli",
    ];
    CLIENTS.contains(&name)
}

const fn server(names: &'static [&'static str], verbs: &'static [&'static str], usual: u16, reason: &'static str) -> Known {
    Known { names, verbs, usual, reason, short: None, binds: false, takes: Takes::Nothing }
}

const fn short(short: &'static str, known: Known) -> Known {
    Known { short: Some(short), ..known }
}

const PROGRAMS: &[Known] = &[
    server(&["vite"], &["", "dev", "serve"], 5173, "the usual port of Vite"),
    server(&["vite"], &["preview"], 4173, "the usual port of Vite's preview"),
    short("-p", server(&["next"], &["", "dev", "start"], 3000, "the usual port of Next.js")),
    short("-p", server(&["nuxt", "nuxi"], &["dev", "preview", "start", ""], 3000, "the usual port of Nuxt")),
    server(&["astro"], &["dev", "preview"], 4321, "the usual port of Astro"),
    server(&["ng"], &["serve", "s"], 4200, "the usual port of Angular"),
    server(&["react-scripts", "craco"], &["start"], 3000, "the usual port of Create React App"),
    server(&["vue-cli-service"], &["serve"], 8080, "the usual port of Vue CLI"),
    server(&["webpack"], &["serve"], 8080, "the usual port of webpack's server"),
    server(&["webpack-dev-server"], &[], 8080, "the usual port of webpack's server"),
    short("-p", server(&["gatsby"], &["develop"], 8000, "the usual port of Gatsby")),
    short("-p", server(&["storybook"], &["dev"], 6006, "the usual port of Storybook")),
    short("-p", server(&["start-storybook"], &[], 6006, "the usual port of Storybook")),
    short("-p", server(&["parcel"], &[], 0, "")),
    server(&["remix"], &["vite:dev"], 5173, "the usual port of Vite"),
    server(&["react-router"], &["dev"], 5173, "the usual port of Vite"),
    Known { takes: Takes::Behind("-l"), ..short("-p", server(&["serve"], &[], 3000, "the usual port of serve")) },
    short("-p", server(&["http-server"], &[], 8080, "the usual port of http-server")),
    short("-p", server(&["json-server"], &[], 3000, "the usual port of json-server")),
    short("-p", server(&["live-server"], &[], 8080, "the usual port of live-server")),
    short("-p", server(&["docusaurus"], &["start", "serve"], 3000, "the usual port of Docusaurus")),
    short("-p", server(&["fastify"], &["start"], 3000, "the usual port of Fastify's command line")),
    server(&["strapi"], &["develop", "dev", "start"], 1337, "the usual port of Strapi"),
    server(&["keystone"], &["dev", "start"], 3000, "the usual port of Keystone"),
    server(&["wrangler"], &["dev"], 8787, "the usual port of Wrangler"),
    server(&["expo"], &["start"], 8081, "the usual port of Metro"),
    server(&["react-native"], &["start"], 8081, "the usual port of Metro"),
    short("-p", server(&["ember"], &["serve", "server", "s"], 4200, "the usual port of Ember")),
    server(&["ionic"], &["serve"], 8100, "the usual port of Ionic"),
    short("-p", server(&["vuepress"], &["dev"], 8080, "the usual port of VuePress")),
    server(&["vitepress"], &["dev"], 5173, "the usual port of VitePress"),
    short("-p", server(&["slidev"], &[], 3030, "the usual port of Slidev")),
    short("-p", server(&["eleventy"], &[], 0, "")),
    short("-p", server(&["meteor"], &["run", ""], 3000, "the usual port of Meteor")),
    short("-p", server(&["hexo"], &["server", "s"], 4000, "the usual port of Hexo")),
    server(&["rsbuild"], &["dev"], 3000, "the usual port of Rsbuild"),
    server(&["rspack"], &["serve", "dev", "s"], 8080, "the usual port of Rspack"),
    server(&["vinxi"], &["dev"], 3000, "the usual port of Vinxi"),
    server(&["sanity"], &["dev", "start"], 3333, "the usual port of Sanity"),
    server(&["directus"], &["start"], 8055, "the usual port of Directus"),
    short("-p", server(&["netlify"], &["dev"], 8888, "the usual port of Netlify's command line")),
    server(&["prisma"], &["studio"], 5555, "the usual port of Prisma Studio"),
    server(&["drizzle-kit"], &["studio"], 4983, "the usual port of Drizzle Studio"),
    server(&["streamlit"], &["run"], 8501, "the usual port of Streamlit"),
    server(&["jupyter", "jupyter-lab", "jupyter-notebook"], &["lab", "notebook", "server"], 8888, "the usual port of Jupyter"),
    short("-p", server(&["mlflow"], &["ui", "server"], 5000, "the usual port of MLflow")),
    short("-p", server(&["dagster"], &["dev"], 3000, "the usual port of Dagster")),
    server(&["tensorboard"], &[], 6006, "the usual port of TensorBoard"),
    server(&["sphinx-autobuild"], &[], 8000, "the usual port of sphinx-autobuild"),
    server(&["trunk"], &["serve"], 8080, "the usual port of Trunk"),
    short("-p", server(&["zola"], &["serve"], 1111, "the usual port of Zola")),
    short("-p", server(&["rails", "bin/rails"], &["server", "s"], 3000, "the usual port of Rails")),
    Known { binds: true, ..short("-p", server(&["puma"], &[], 9292, "the usual port of Puma")) },
    short("-p", server(&["rackup"], &[], 9292, "the usual port of rackup")),
    short("-p", server(&["hugo"], &["server", "serve"], 1313, "the usual port of Hugo")),
    short("-P", server(&["jekyll"], &["serve", "s"], 4000, "the usual port of Jekyll")),
    Known { binds: true, ..server(&["mkdocs"], &["serve"], 8000, "the usual port of MkDocs") },
    short("-p", server(&["flask"], &["run"], 5000, "the usual port of Flask")),
    Known {
        takes: Takes::Behind("runserver"),
        ..server(&["manage.py", "manage", "django-admin"], &["runserver"], 8000, "the usual port of Django")
    },
    Known { takes: Takes::First, ..server(&["http.server"], &[], 8000, "the usual port of Python's http.server") },
    server(&["uvicorn"], &[], 8000, "the usual port of Uvicorn"),
    server(&["fastapi"], &["dev", "run"], 8000, "the usual port of FastAPI"),
    Known { binds: true, ..server(&["gunicorn", "hypercorn"], &[], 8000, "the usual port of Gunicorn") },
    Known { binds: true, ..short("-p", server(&["daphne"], &[], 8000, "the usual port of Daphne")) },
    Known { takes: Takes::Behind("-S"), ..server(&["php"], &[], 0, "") },
    server(&["artisan"], &["serve"], 8000, "the usual port of Laravel"),
    server(&["symfony"], &["serve", "server:start"], 8000, "the usual port of Symfony"),
    server(&["mix"], &["phx.server"], 4000, "the usual port of Phoenix"),
    server(&["mvn", "mvnw"], &["spring-boot:run"], 8080, "the usual port of Spring Boot"),
    server(&["mvn", "mvnw"], &["quarkus:dev"], 8080, "the usual port of Quarkus"),
    server(&["gradle", "gradlew"], &["bootRun", ":bootRun"], 8080, "the usual port of Spring Boot"),
    server(&["gradle", "gradlew"], &["quarkusDev"], 8080, "the usual port of Quarkus"),
    Known { binds: true, ..server(&["dotnet"], &["run", "watch"], 0, "") },
    server(&["redis-server", "valkey-server"], &[], 6379, "the usual port of Redis"),
    short("-p", server(&["postgres"], &[], 5432, "the usual port of PostgreSQL")),
    Known { binds: true, ..server(&["etcd"], &[], 2379, "the usual port of etcd") },
    server(&["mongod"], &[], 27017, "the usual port of MongoDB"),
    short("-p", server(&["memcached"], &[], 11211, "the usual port of memcached")),
    short("-p", server(&["nats-server"], &[], 4222, "the usual port of NATS")),
    Known { binds: true, ..server(&["debugpy"], &[], 0, "") },
];
