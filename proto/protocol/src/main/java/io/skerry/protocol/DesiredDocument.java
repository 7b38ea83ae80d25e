package io.skerry.protocol;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a device shall run: always the whole of it. Travels as the payload of a signed envelope.
 *
 * <p>A document without slots means <em>no order</em>, never <em>remove everything</em>.
 *
 * @param expiresAt from then on no device begins what it orders: a copy that somebody kept is worth
 *     nothing for long. What a device has taken before, it runs on
 */
public record DesiredDocument(
    TenantId tenant,
    DeviceId device,
    Generation generation,
    Instant issuedAt,
    Optional<Instant> expiresAt,
    List<DesiredSlot> slots) {
  /** DSSE payload type of an encoded desired document. */
  public static final String PAYLOAD_TYPE = "application/vnd.skerry.desired.v1+protobuf";

  /** The largest encoded document that a device accepts. */
  public static final int BYTES_MAX = 32 * 1024;

  /** Slots a device can have. */
  public static final int SLOTS_MAX = 32;

  public DesiredDocument {
    slots = List.copyOf(slots);
  }

  /** A document that does not expire. */
  public DesiredDocument(
      TenantId tenant,
      DeviceId device,
      Generation generation,
      Instant issuedAt,
      List<DesiredSlot> slots) {
    this(tenant, device, generation, issuedAt, Optional.empty(), slots);
  }

  /** Whether it is too late to begin what it orders. */
  public boolean isExpired(Instant now) {
    return expiresAt.filter(end -> !now.isBefore(end)).isPresent();
  }

  /** The order for this slot, if there is one. */
  public Optional<DesiredSlot> slot(SlotId id) {
    return slots.stream().filter(slot -> slot.slot().equals(id)).findFirst();
  }
}
