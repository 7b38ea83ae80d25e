package io.skerry.fleet.rollout;

/**
 * What a rollout does with the version on a device.
 *
 * <p>On trial, the version lives in a slot of its own beside the active one, and the same device
 * compares both; in the end it is promoted to the active slot or dropped.
 */
public sealed interface RolloutKind {
  /** The version takes the slot over. */
  record Replace() implements RolloutKind {}

  /**
   * The version answers a share of the predictions beside the active one.
   *
   * @param share of the predictions, above 0 and below 1
   * @param promote whether a good verdict makes it active everywhere, or only tells
   */
  record Split(double share, boolean promote) implements RolloutKind {
    /**
     * Checks the share.
     *
     * @throws InvalidFieldException if it is outside
     */
    public Split {
      if (!(share > 0 && share < 1)) {
        throw new InvalidFieldException("share", share + " must be above 0 and below 1");
      }
    }
  }

  /**
   * The version predicts beside the active one, and nobody gets its answers.
   *
   * @param promote whether a good verdict makes it active everywhere, or only tells
   */
  record Shadow(boolean promote) implements RolloutKind {}

  /** Whether the version is beside another one that stays active. */
  default boolean isTrial() {
    return !(this instanceof Replace);
  }

  /** Whether a good verdict makes a trial's version active everywhere. */
  default boolean promotes() {
    return switch (this) {
      case Replace() -> false;
      case Split split -> split.promote();
      case Shadow shadow -> shadow.promote();
    };
  }

  /** The wire name: REPLACE, AB or SHADOW. */
  default String code() {
    return switch (this) {
      case Replace() -> "REPLACE";
      case Split _ -> "AB";
      case Shadow _ -> "SHADOW";
    };
  }
}
