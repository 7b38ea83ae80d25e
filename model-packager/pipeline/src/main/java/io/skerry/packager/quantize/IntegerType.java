package io.skerry.packager.quantize;

/** The integers that activations become. */
public enum IntegerType {
  UINT8(0, 255),
  INT8(-128, 127);

  private final int minimum;
  private final int maximum;

  IntegerType(int minimum, int maximum) {
    this.minimum = minimum;
    this.maximum = maximum;
  }

  public int minimum() {
    return minimum;
  }

  public int maximum() {
    return maximum;
  }
}
