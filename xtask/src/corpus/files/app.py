# What the Python servers of the corpus serve.
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []


async def asgi(scope, receive, send):
    pass


try:
    import flask

    flask_app = flask.Flask("app")
except ImportError:
    flask_app = None
