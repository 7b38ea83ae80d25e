package io.skerry.control.access;

import io.micronaut.http.cookie.Cookie;
import io.micronaut.http.cookie.SameSite;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Optional;

/**
 * Sign-in of browsers: a token, pasted once, moves to a cookie that no script reads and no other
 * site sends.
 */
@Singleton
public final class ConsoleSessions {
  private final Users users;

  ConsoleSessions(Users users) {
    this.users = users;
  }

  /** The cookie of this token; empty when nobody has it. */
  public Optional<Cookie> open(String token) {
    return users.withToken(token).map(user -> cookie(token));
  }

  /** Takes the cookie away. */
  public Cookie closed() {
    return cookie("").maxAge(Duration.ZERO);
  }

  private static Cookie cookie(String value) {
    return Cookie.of(AccessFilter.COOKIE, value).path("/").httpOnly(true).sameSite(SameSite.Strict);
  }
}
