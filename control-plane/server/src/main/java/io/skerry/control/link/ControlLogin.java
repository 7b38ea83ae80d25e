package io.skerry.control.link;

import io.skerry.control.access.Secrets;
import jakarta.inject.Singleton;

/** The control plane's own login on its broker: a secret made at every start, told to nobody. */
@Singleton
final class ControlLogin {
  static final String NAME = "control";

  private final String secret = Secrets.random();
  private final String hash = Secrets.hash(secret);

  String secret() {
    return secret;
  }

  boolean accepts(String name, String password) {
    return name.equals(NAME) && Secrets.matches(password, hash);
  }
}
