"""Access control: who may use the page, and what a browser may do with it."""

import hmac
import ipaddress
import secrets
import time
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

SHORTEST_PASSWORD = 8  # characters

# Nothing is loaded from elsewhere, no scripts run but those in our own files, and no other site can
# show our pages in a frame.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a server that listens there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def guard(app: Flask, *, local_only: bool, password: str | None) -> None:
    """Protect ``app`` against access by others, and give it the templates that pages share.

    A template of the application's own has its ``page.css``; ``message.html`` leads back to its
    endpoint ``start``.

    Args:
        app: to be protected; before it is used.
        local_only: refuse requests for other host names, through which a page on another site could
            reach a server on this machine (DNS rebinding).
        password: what a browser must send once; ``None`` if nothing.
    """
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        # Cookies ignore ports: servers on the same machine need different names.
        SESSION_COOKIE_NAME=f"page_{secrets.token_hex(4)}",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=2**16,
    )

    app.register_blueprint(Blueprint("shared", __name__, template_folder="templates"))

    @app.before_request
    def check_source() -> None:
        if local_only and not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            abort(403, "This page can be used only on the machine that it runs on.")
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
            abort(403, "This form was sent by another site.")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        # After "back", a browser must reload the page: what was saved may have changed since.
        if response.mimetype == "text/html":
            response.headers["Cache-Control"] = "no-store"
        return response

    if password is not None:
        _ask_for(app, password)


def _ask_for(app: Flask, password: str) -> None:
    @app.before_request
    def check_password() -> AnyResponse | None:
        if session.get("may_enter") or request.endpoint in ("enter_password", "static"):
            return None
        return redirect(url_for("enter_password", next=request.path), 303)

    @app.route("/password", methods=["GET", "POST"])
    def enter_password() -> AnyResponse | tuple[str, int] | str:
        if request.method == "GET":
            return render_template("password.html", wrong=False)
        if not hmac.compare_digest(request.form.get("password", "").encode(), password.encode()):
            time.sleep(1)  # each of the server's few threads checks one guess per second
            return render_template("password.html", wrong=True), 403
        session["may_enter"] = True
        target = request.args.get("next", "/")
        # Only paths on this server: "//elsewhere" and "/\elsewhere" name another one.
        is_own = target.startswith("/") and not target.startswith(("//", "/\\"))
        return redirect(target if is_own else "/", 303)
