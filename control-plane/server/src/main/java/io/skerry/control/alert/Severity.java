package io.skerry.control.alert;

import java.util.Optional;

/** How soon somebody must act. Names are wire values. */
enum Severity {
  /** For the record. */
  NOTE,
  /** In working hours: inputs moved, and it is not known whether that hurts. */
  TICKET,
  /** Now: it hurts. */
  PAGE;

  boolean covers(Severity other) {
    return compareTo(other) <= 0;
  }

  static Optional<Severity> named(String name) {
    for (Severity severity : values()) {
      if (severity.name().equalsIgnoreCase(name)) {
        return Optional.of(severity);
      }
    }
    return Optional.empty();
  }
}
