package io.skerry.profile;

import java.util.Optional;

/** What a model calculates in; its text is what files and APIs hold. */
public enum Precision {
  FP32("fp32"),
  FP16("fp16"),
  /** Weights and activations. */
  INT8("int8"),
  /** Weights only: stored as int8, calculated with as floats. */
  INT8_WEIGHTS("int8-weights");

  private final String text;

  Precision(String text) {
    this.text = text;
  }

  /** The precision of this text. */
  public static Optional<Precision> parse(String text) {
    for (Precision precision : values()) {
      if (precision.text.equals(text)) {
        return Optional.of(precision);
      }
    }
    return Optional.empty();
  }

  /** As files and APIs write it. */
  public String text() {
    return text;
  }

  @Override
  public String toString() {
    return text;
  }
}
