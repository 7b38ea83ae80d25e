package io.skerry.telemetry.drift;

/** One statistic of one stream that a cohort is judged by. */
public record Stream(String name, Kind kind) implements Comparable<Stream> {
  /** What is compared: one number a device-window. Names are wire values. */
  public enum Kind {
    /** Mean position of an input feature on the scale of the training data, 0 to 1. */
    LOCATION,
    /**
     * Mean position of an input feature less what the other features let expect: machines age, and
     * ageing moves all features together; a sensor that is off moves alone.
     */
    CONDITIONAL,
    /** Mean distance of positions from the middle, 0 to 1. */
    SCALE,
    /** Share of values that are missing, NaN, infinite, out of range or unseen. */
    QUALITY,
    /** Share of values that are bit-equal to the one before. */
    STUCK,
    /** Share of one category among the known values of an input feature. */
    CATEGORY,
    /** Mean position of a stream that the model makes: score, confidence, residual. */
    OUTPUT,
    /** Share of a class among predictions or among actual outcomes. */
    SHARE,
    /** Share of wrong predictions among those whose outcome is known. */
    ERROR;

    /** Whether it tells of the input, whatever model looks at it. */
    public boolean isInput() {
      return this == LOCATION
          || this == CONDITIONAL
          || this == SCALE
          || this == QUALITY
          || this == STUCK
          || this == CATEGORY;
    }

    /** Whether more of it is worse, whatever it is of: a share that is missing, stuck or wrong. */
    public boolean isWorseAbove() {
      return this == QUALITY || this == STUCK || this == ERROR;
    }
  }

  /** The stream whose counts it is made of: all categories or classes of the share of one. */
  public String counted() {
    int end = name.lastIndexOf(':');
    boolean ofPart = kind == Kind.CATEGORY || kind == Kind.SHARE;
    return ofPart && end > 0 ? name.substring(0, end) : name;
  }

  @Override
  public int compareTo(Stream other) {
    int byKind = kind.compareTo(other.kind);
    return byKind != 0 ? byKind : name.compareTo(other.name);
  }
}
