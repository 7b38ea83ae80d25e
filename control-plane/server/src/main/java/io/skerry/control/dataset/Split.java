package io.skerry.control.dataset;

/** What a device's examples are used for. The code is what training reads. */
public enum Split {
  TRAIN(0),
  VALIDATION(1),
  TEST(2);

  private final byte code;

  Split(int code) {
    this.code = (byte) code;
  }

  /** 0 train, 1 validation, 2 test. */
  public byte code() {
    return code;
  }

  static Split ofCode(int code) {
    return switch (code) {
      case 0 -> TRAIN;
      case 1 -> VALIDATION;
      case 2 -> TEST;
      default -> throw new IllegalArgumentException("no split has code " + code);
    };
  }
}
