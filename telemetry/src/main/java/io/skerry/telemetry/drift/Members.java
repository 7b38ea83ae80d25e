package io.skerry.telemetry.drift;

import org.jspecify.annotations.Nullable;

/**
 * The devices that have one value of one attribute. What judges them takes hundreds of kilobytes
 * and is made once they are enough: a label may have another value on every device.
 */
final class Members {
  final Cohort cohort;
  // That are known, in the window or not.
  int devices;
  // In the window under judgement.
  int judged;
  @Nullable CohortState state;

  Members(Cohort cohort, @Nullable CohortState state) {
    this.cohort = cohort;
    this.state = state;
  }
}
