package io.skerry.profile;

/** One way to build a model for a profile, written {@code engine/precision}. */
public record Candidate(Engine engine, Precision precision) {
  @Override
  public String toString() {
    return engine + "/" + precision;
  }
}
