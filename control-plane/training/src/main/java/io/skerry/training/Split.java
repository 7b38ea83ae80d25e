package io.skerry.training;

/** Which examples are for what. */
enum Split {
  TRAIN(0, "train"),
  VALIDATION(1, "validation"),
  TEST(2, "test");

  private final int number;
  private final String text;

  Split(int number, String text) {
    this.number = number;
    this.text = text;
  }

  /** As {@code split.npy} holds it. */
  int number() {
    return number;
  }

  /** As messages and metrics name it. */
  String text() {
    return text;
  }
}
