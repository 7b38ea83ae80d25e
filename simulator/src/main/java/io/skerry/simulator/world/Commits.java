package io.skerry.simulator.world;

import java.util.SplittableRandom;

/** What becomes of what the control plane does with its database. */
final class Commits {
  private double share;
  private SplittableRandom random = new SplittableRandom(0);

  /** What becomes of one transaction. */
  enum Fate {
    DONE,
    /** Nothing of it is there, and who asked is told so. */
    REFUSED,
    /** It is there, and who asked is told that it failed. */
    UNTOLD
  }

  /** From now on so large a share of the transactions fails. */
  void fail(double failing, SplittableRandom chance) {
    share = failing;
    random = chance;
  }

  /** Nothing fails any more. */
  void heal() {
    share = 0;
  }

  Fate next() {
    if (share == 0 || random.nextDouble() >= share) {
      return Fate.DONE;
    }
    return random.nextBoolean() ? Fate.REFUSED : Fate.UNTOLD;
  }
}
