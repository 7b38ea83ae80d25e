package io.skerry.control.rollout;

import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.protocol.SamplingRates;
import java.time.Duration;
import java.util.List;

/**
 * What shall be rolled out, checked as far as it can be without the fleet.
 *
 * @param draft whether it is only written down
 */
record RolloutWish(
    List<Part> parts, RolloutPlan plan, Duration window, SamplingRates sampling, boolean draft) {
  RolloutWish {
    parts = List.copyOf(parts);
  }
}
