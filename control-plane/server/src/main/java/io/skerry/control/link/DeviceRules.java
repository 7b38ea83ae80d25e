package io.skerry.control.link;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.util.Optional;

/**
 * What one device may publish and subscribe to, whatever it asks for. Pure.
 *
 * <pre>
 * publish   reported, status, samples, windows, feedback, events of its own; QoS 0 or 1
 * retained  status
 * will      status, within {@link #WILL_DELAY_SECONDS_MAX}
 * subscribe desired, committed of its own and the tenant's control/state; these names only,
 *           so no wildcard and no shared subscription
 * payload   status 1 KiB, reported 32 KiB, records 256 KiB
 * </pre>
 */
final class DeviceRules {
  static final int STATUS_BYTES_MAX = 1024;
  static final int RECORDS_BYTES_MAX = 256 * 1024;
  static final long WILL_DELAY_SECONDS_MAX = 300;
  static final int USER_PROPERTIES_MAX = 8;

  private final Optional<Topics.DeviceTopic> self;

  private DeviceRules(Optional<Topics.DeviceTopic> self) {
    this.self = self;
  }

  /** What is to be published; {@code topic} after any alias was replaced. */
  record Message(String topic, boolean retained, int qos, int payloadBytes, int userProperties) {}

  /** The rules of a client id {@code <tenant>/<device>}; any other id may do nothing. */
  static DeviceRules of(String clientId) {
    int slash = clientId.indexOf('/');
    if (slash < 0) {
      return new DeviceRules(Optional.empty());
    }
    try {
      return new DeviceRules(
          Optional.of(
              new Topics.DeviceTopic(
                  new TenantId(clientId.substring(0, slash)),
                  new DeviceId(clientId.substring(slash + 1)),
                  "")));
    } catch (IllegalArgumentException e) {
      return new DeviceRules(Optional.empty());
    }
  }

  /** Why this message is refused; empty when it is allowed. */
  Optional<String> refusesPublish(Message message) {
    if (self.filter(device -> Topics.mayPublish(device.tenant(), device.device(), message.topic()))
        .isEmpty()) {
      return Optional.of("a device writes its own topics only");
    }
    boolean status = message.topic().endsWith("/" + Topics.STATUS);
    if (message.retained() && !status) {
      return Optional.of("only the status may be retained");
    }
    if (message.qos() > 1) {
      return Optional.of("QoS %d: at most 1 is allowed".formatted(message.qos()));
    }
    if (message.userProperties() > USER_PROPERTIES_MAX) {
      return Optional.of(
          "the message has %d user properties, at most %d are allowed"
              .formatted(message.userProperties(), USER_PROPERTIES_MAX));
    }
    int max =
        status
            ? STATUS_BYTES_MAX
            : message.topic().endsWith("/" + Topics.REPORTED)
                ? ReportedDocument.BYTES_MAX
                : RECORDS_BYTES_MAX;
    return message.payloadBytes() > max
        ? Optional.of(
            "the message has %d bytes, at most %d are allowed"
                .formatted(message.payloadBytes(), max))
        : Optional.empty();
  }

  /** Why this Will is refused; empty when it is allowed. */
  Optional<String> refusesWill(Message will, long delaySeconds) {
    if (!will.topic().endsWith("/" + Topics.STATUS)) {
      return Optional.of("a device's Will goes to its own status");
    }
    if (delaySeconds > WILL_DELAY_SECONDS_MAX) {
      return Optional.of(
          "the Will's delay is %d s, at most %d are allowed"
              .formatted(delaySeconds, WILL_DELAY_SECONDS_MAX));
    }
    return refusesPublish(will);
  }

  /** Why this subscription is refused; empty when it is allowed. */
  Optional<String> refusesSubscribe(String filter) {
    return self.filter(device -> Topics.maySubscribe(device.tenant(), device.device(), filter))
            .isPresent()
        ? Optional.empty()
        : Optional.of("a device reads its own topics only");
  }
}
