package io.skerry.packager.calibrate;

import java.util.Map;

/** Ranges by tensor name. */
public record Ranges(Map<String, Range> byTensor) {
  public Ranges {
    byTensor = Map.copyOf(byTensor);
  }

  /** The range of a calibrated tensor. */
  public Range of(String tensor) {
    Range range = byTensor.get(tensor);
    if (range == null) {
      throw new IllegalStateException("tensor '%s' was not calibrated".formatted(tensor));
    }
    return range;
  }
}
