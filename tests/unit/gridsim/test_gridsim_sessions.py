"""Logins with basic auth or a cookie."""

import base64
from http import HTTPStatus

from gridsim.http.sessions import COOKIE, Sessions, Verdict


def basic(password: str = "infoblox") -> str:
    return "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()


class Visit:
    """A client with a clock of its own."""

    def __init__(self) -> None:
        self.sessions = Sessions("admin", "infoblox")
        self.now_s = 1000.0
        self.lockout_after = 0

    def check(
        self, authorization: str | None = None, cookie: str | None = None, client: str = "10.0.0.1"
    ) -> Verdict:
        return self.sessions.check(
            client=client,
            authorization=authorization,
            cookies=f'other=1; {COOKIE}="{cookie}"' if cookie else None,
            now_s=self.now_s,
            timeout_s=600,
            lockout_after=self.lockout_after,
            signature=f"sign{self.now_s}",
        )


def test_basic_auth_opens_a_session_that_replaces_it() -> None:
    visit = Visit()
    first = visit.check(basic())
    assert first.is_login
    assert "user=admin" in str(first.cookie)
    again = visit.check(cookie=first.cookie)
    assert (again.user, again.is_login, again.refused) == ("admin", False, None)


def test_a_session_lives_as_long_as_it_is_used() -> None:
    visit = Visit()
    cookie = visit.check(basic()).cookie
    for _ in range(3):
        visit.now_s += 590
        assert visit.check(cookie=cookie).refused is None
    visit.now_s += 601
    assert visit.check(cookie=cookie).refused == HTTPStatus.UNAUTHORIZED
    assert visit.check(basic(), cookie).is_login


def test_no_credentials_or_a_forged_cookie_are_refused() -> None:
    visit = Visit()
    assert visit.check().refused == HTTPStatus.UNAUTHORIZED
    assert visit.check(cookie="user=admin,forged").refused == HTTPStatus.UNAUTHORIZED
    assert visit.check("Bearer x").refused == HTTPStatus.UNAUTHORIZED


def test_a_logout_or_an_expiry_of_all_ends_sessions() -> None:
    visit = Visit()
    first = visit.check(basic())
    visit.sessions.log_out(first.session)
    assert visit.check(cookie=first.cookie).refused == HTTPStatus.UNAUTHORIZED
    second = visit.check(basic())
    visit.sessions.expire_all()
    assert visit.check(cookie=second.cookie).refused == HTTPStatus.UNAUTHORIZED


def test_wrong_passwords_lock_the_client_address_out_good_credentials_included() -> None:
    visit = Visit()
    visit.lockout_after = 3
    assert [visit.check(basic("wrong")).refused for _ in range(4)] == [HTTPStatus.UNAUTHORIZED] * 3 + [403]
    assert visit.check(basic()).refused == HTTPStatus.FORBIDDEN
    assert visit.check(basic(), client="10.0.0.2").refused is None
    visit.sessions.forgive_all()
    assert visit.check(basic()).refused is None


def test_a_right_password_forgives_the_wrong_ones_before() -> None:
    visit = Visit()
    visit.lockout_after = 2
    for password in ("wrong", "infoblox", "wrong", "infoblox"):
        assert visit.check(basic(password)).refused != HTTPStatus.FORBIDDEN
