package io.skerry.api;

import java.util.List;

/** Outcomes that are told together: all of them are stored, or none. */
public record OutcomesTold(List<ToldOutcome> outcomes) {
  public OutcomesTold {
    outcomes = List.copyOf(outcomes);
  }
}
