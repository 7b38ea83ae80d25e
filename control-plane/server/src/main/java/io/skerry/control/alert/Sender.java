package io.skerry.control.alert;

import java.util.List;

/** Tells alerts to one kind of receiver. Thread-safe; throws nothing. */
interface Sender {
  /** Whether several alerts that wait go out as one message. */
  default boolean isGrouping() {
    return false;
  }

  /** Tells one alert, or all that wait. */
  Routing.Answer send(Route route, List<Alert> alerts);
}
