package io.skerry.api;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A device.
 *
 * @param profile the hardware profile that its facts match best; null when none does
 * @param online whether its connection is up, as its own messages say
 * @param lastSeenAt when its last message came; null before the first
 * @param generation the newest order, for example {@code 1.7}; null when there is none
 * @param observedGeneration the newest order that it has seen
 * @param dropped records that its spool had to drop
 */
public record DeviceView(
    String id,
    String tenant,
    Map<String, String> labels,
    @Nullable String profile,
    boolean online,
    @Nullable Instant lastSeenAt,
    @Nullable String generation,
    @Nullable String observedGeneration,
    List<SlotView> slots,
    long dropped) {
  public DeviceView {
    labels = Map.copyOf(labels);
    slots = List.copyOf(slots);
  }

  /**
   * How one slot stands, as the device told.
   *
   * @param phase name of a {@link io.skerry.protocol.SlotPhase}
   */
  public record SlotView(
      String slot,
      String phase,
      @Nullable String runningModel,
      @Nullable Long runningVersion,
      @Nullable String runningManifest,
      @Nullable String rollout,
      @Nullable String errorCode,
      @Nullable String errorDetail,
      long predictions,
      long predictionsFailed) {}
}
