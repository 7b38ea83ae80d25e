package io.skerry.telemetry.drift;

/** One statistic of one stream that a cohort is judged by. */
public record Stream(String name, Kind kind) implements Comparable<Stream> {
  /** What is compared. Names are wire values. */
  public enum Kind {
    /** Mean position of an input feature. */
    LOCATION,
    /**
     * Mean position of an input feature less what the other features let expect: machines age, and
     * ageing moves all features together; a sensor that is off moves alone.
     */
    CONDITIONAL,
    /** Mean position of a stream that the model makes. */
    OUTPUT
  }

  @Override
  public int compareTo(Stream other) {
    int byKind = kind.compareTo(other.kind);
    return byKind != 0 ? byKind : name.compareTo(other.name);
  }
}
