package io.skerry.simulator.world;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.RolloutEvent;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the last look at a rollout found. As long as nothing changes the next one finds the same,
 * and need not count and judge it again: a rollout is looked at every minute, and waits for months.
 */
final class Looked {
  private long followed = -1;
  private long counted = -1;
  private Census census = Census.NONE;
  private long seen = -1;
  private Evidence evidence = Evidence.NONE;
  private @Nullable Judged judged;

  private record Judged(
      int stage, int rules, Census census, Evidence evidence, List<GateResult> results) {}

  /** Whether there was a change since the devices were followed last; now they are. */
  boolean follows(long changes) {
    boolean isNew = followed != changes;
    followed = changes;
    return isNew;
  }

  Census census(long changes, Supplier<Census> count) {
    if (counted != changes) {
      census = count.get();
      counted = changes;
    }
    return census;
  }

  Evidence evidence(long changes, Supplier<Evidence> see) {
    if (seen != changes) {
      evidence = see.get();
      seen = changes;
    }
    return evidence;
  }

  // The same objects, as kept here: to compare all that they hold is to count it again.
  @SuppressWarnings("ReferenceEquality")
  List<GateResult> judged(
      int stage, RolloutEvent.Observed event, Supplier<List<GateResult>> judge) {
    Judged known = judged;
    if (known == null
        || known.stage != stage
        || known.rules != event.rules()
        || known.census != event.census()
        || known.evidence != event.evidence()) {
      known = new Judged(stage, event.rules(), event.census(), event.evidence(), judge.get());
      judged = known;
    }
    return known.results;
  }
}
