package io.skerry.control.alert;

import java.time.Instant;
import java.util.Optional;

/**
 * Where alerts go.
 *
 * @param url {@code https://host/path}, or {@code smtp://user@host:587?to=a@b&from=c@d}
 * @param secret of the signature, the password or the bearer token
 * @param from the lowest severity that goes there
 */
record Route(
    String name,
    Kind kind,
    String url,
    Optional<String> secret,
    Severity from,
    String createdBy,
    Instant createdAt) {
  /** What is spoken there. Names are wire values. */
  enum Kind {
    WEBHOOK,
    MAIL,
    ALERTMANAGER
  }
}
