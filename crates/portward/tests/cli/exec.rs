//! `portward exec`: a program with the project's variables, in the project's own localhost.

use crate::project::{FILE, Shop};

#[test]
fn it_has_the_variables_and_its_own_exit_code() {
    let Some(shop) = Shop::with(FILE) else { return };
    let refused = shop.portward(&["exec", "true"]).expect(125);
    assert!(refused.stderr.contains("is not allowed"), "{refused}");
    let _ = shop.portward(&["allow"]).expect(0);
    let db = shop.port("db");
    let outcome = shop.portward(&["exec", "--", "sh", "-c", "echo $DATABASE_URL; exit 7"]).expect(7);
    assert_eq!(outcome.stdout, format!("postgres://app@localhost:{db}/shop\n"), "{outcome}");
    let own = shop.portward(&["exec", "--service", "web", "sh", "-c", "echo $NODE_ENV $PORT"]).expect(0);
    assert_eq!(own.stdout, "development 3000\n", "{own}");
    let missing = shop.portward(&["exec", "no-such-program"]).expect(125);
    assert!(missing.stderr.contains("no-such-program"), "{missing}");
    let _ = shop.portward(&["exec", "--nonsense"]).expect(125);
    let _ = shop.portward(&["exec", "--service", "nobody", "true"]).expect(125);
}

#[test]
fn it_runs_in_the_projects_own_localhost() {
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let db = shop.port("db");
    let code = "import os,socket; s=socket.socket(); s.bind(('127.0.0.1', 5432)); s.listen(); \
                c=socket.create_connection(('localhost', 5432)); print(c.getpeername()[1]); \
                d=socket.create_connection(('localhost', int(os.environ['DATABASE_URL'].split(':')[2].split('/')[0]))); print('both')";
    let outcome = shop.portward(&["exec", "python3", "-c", code]).expect(0);
    assert!(outcome.stdout.ends_with("both\n"), "{outcome}");
    assert!(outcome.stderr.contains(&format!("localhost:{db}")), "{outcome}");
}

#[test]
fn inside_a_session_it_joins_it() {
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let db = shop.port("db");
    let outcome = shop.portward(&["run", "portward", "exec", "sh", "-c", "echo $DATABASE_URL"]).expect(0);
    assert!(outcome.stdout.contains(&db), "{outcome}");
}
