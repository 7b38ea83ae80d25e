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
 * @param certificate its newest certificate; null when it has none
 * @param cloned set when two processes spoke under its name at a time: its key was copied
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
    long dropped,
    @Nullable CertificateView certificate,
    @Nullable CloneView cloned) {
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

  /**
   * A certificate.
   *
   * @param serial its serial number in hex
   * @param revokedAt when it was revoked; null when it was not
   */
  public record CertificateView(String serial, Instant expiresAt, @Nullable Instant revokedAt) {}

  /**
   * A copied identity.
   *
   * @param since when it was noticed
   * @param instances the processes that spoke under the one name
   */
  public record CloneView(Instant since, List<String> instances) {
    public CloneView {
      instances = List.copyOf(instances);
    }
  }
}
