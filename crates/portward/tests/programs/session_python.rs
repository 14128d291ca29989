//! Python's servers in a private localhost.

use crate::session::{BOTH, Served, Twins, V4, http};

#[test]
fn http_server() {
    let Some(twins) = Twins::of(&["python3", "curl"]) else { return };
    twins.file("index.html", "hello from @NAME@\n");
    twins.start(&["python3", "-m", "http.server", "8000"]);
    twins.live_and_end(Served { port: 8000, at: V4, client: &http });
}

#[test]
fn flask_with_its_reloader() {
    let Some(twins) = Twins::with_modules(&["flask"], &["curl"]) else { return };
    let app = "import flask\napp = flask.Flask(__name__)\n@app.get('/')\ndef hello():\n    return 'hello from @NAME@'\n";
    twins.file("app.py", app);
    twins.start(&["python3", "-m", "flask", "--debug", "run", "--host", "0.0.0.0"]);
    let served = Served { port: 5000, at: V4, client: &http };
    twins.prove(served);
    twins.unseen_from_outside();
    twins.file("app.py", &app.replace("hello from", "edited in"));
    twins.come_to_say(served, "edited in");
    twins.end(served);
}

#[test]
fn django_with_its_reloader() {
    let Some(twins) = Twins::with_modules(&["django"], &["curl"]) else { return };
    twins.file("shop.py", DJANGO);
    twins.start(&["python3", "shop.py", "runserver", "[::]:8000"]);
    let served = Served { port: 8000, at: BOTH, client: &http };
    twins.prove(served);
    twins.unseen_from_outside();
    twins.file("shop.py", &DJANGO.replace("hello from", "edited in"));
    twins.come_to_say(served, "edited in");
    twins.end(served);
}

#[test]
fn gunicorn_with_two_workers() {
    let Some(twins) = Twins::with_modules(&["gunicorn"], &["curl"]) else { return };
    let app = "def app(environ, start):\n    start('200 OK', [])\n    return [b'hello from @NAME@']\n";
    twins.file("app.py", app);
    twins.start(&["python3", "-m", "gunicorn", "--workers", "2", "--bind", "0.0.0.0:8000", "--bind", "[::1]:8000", "app:app"]);
    let served = Served { port: 8000, at: BOTH, client: &http };
    twins.prove(served);
    twins.each(|project| assert_eq!(twins.holders(project, 8000), 3, "a master and two workers"));
    twins.unseen_from_outside();
    twins.end(served);
}

#[test]
fn uvicorn() {
    let Some(twins) = Twins::with_modules(&["uvicorn"], &["curl"]) else { return };
    twins.file("app.py", ASGI);
    twins.start(&["python3", "-m", "uvicorn", "--host", "0.0.0.0", "app:app"]);
    twins.live_and_end(Served { port: 8000, at: V4, client: &http });
}

/// A site in one file.
const DJANGO: &str = r#"
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path

settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of no worth")
urlpatterns = [path("", lambda request: HttpResponse("hello from @NAME@"))]
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"#;

const ASGI: &str = r#"
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello from @NAME@"})
"#;
