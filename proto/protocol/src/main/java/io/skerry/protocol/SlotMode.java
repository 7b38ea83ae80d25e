package io.skerry.protocol;

import java.util.Optional;

/**
 * What the version in a slot is for. A version on trial has a slot of its own beside the one whose
 * requests it shares: its own download, acceptance, probation and report.
 */
public sealed interface SlotMode {
  /** Answers its model's requests. */
  record Active() implements SlotMode {}

  /** Answers a share of the requests of the slot beside it. */
  record Ab(Trial on) implements SlotMode {}

  /** Gets a copy of a share of the requests of the slot beside it, and answers nobody. */
  record Shadow(Trial on) implements SlotMode {}

  /** Nothing answers in the slot: what the order names is unloaded. */
  record Off() implements SlotMode {}

  /**
   * Whose requests are shared.
   *
   * @param beside an active slot
   * @param share of its requests, 0 to 1
   */
  record Trial(SlotId beside, double share) {
    /**
     * Checks the share.
     *
     * @throws IllegalArgumentException if it is outside 0 to 1
     */
    public Trial {
      if (!(share >= 0 && share <= 1)) {
        throw new IllegalArgumentException(
            "share %s of slot '%s' must be between 0 and 1".formatted(share, beside));
      }
    }
  }

  /** Whose requests this version shares, when it is on trial. */
  default Optional<Trial> trial() {
    return switch (this) {
      case Ab(Trial on) -> Optional.of(on);
      case Shadow(Trial on) -> Optional.of(on);
      case Active _, Off _ -> Optional.empty();
    };
  }
}
