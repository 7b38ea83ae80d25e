package io.skerry.packager.measure;

/** Where a candidate's accuracy was proved. */
public sealed interface Proof {
  /** On this machine, which is of the profile. */
  record Here() implements Proof {}

  /**
   * Under emulation of the profile's kind of processor.
   *
   * @param by what was emulated
   * @param quality on as many items as it says
   */
  record Emulated(String by, Quality quality) implements Proof {}

  /** Not on such a processor: this machine's kernels stand in. The reason says why. */
  record Unproved(String reason) implements Proof {}

  /** As files and APIs write it. */
  default String text() {
    return switch (this) {
      case Here here -> "here";
      case Emulated emulated -> "emulated";
      case Unproved unproved -> "none";
    };
  }
}
