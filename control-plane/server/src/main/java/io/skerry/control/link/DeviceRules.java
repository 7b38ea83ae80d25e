package io.skerry.control.link;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.util.Optional;

/** What one device may publish and subscribe to. */
final class DeviceRules {
  static final int STATUS_BYTES_MAX = 1024;
  static final int RECORDS_BYTES_MAX = 256 * 1024;

  private final Optional<Topics.DeviceTopic> self;

  private DeviceRules(Optional<Topics.DeviceTopic> self) {
    this.self = self;
  }

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
  String refusesPublish(String topic, boolean retained, int bytes) {
    boolean own =
        self.filter(device -> Topics.mayPublish(device.tenant(), device.device(), topic))
            .isPresent();
    if (!own) {
      return "a device writes its own topics only";
    }
    boolean status = topic.endsWith("/" + Topics.STATUS);
    if (retained && !status) {
      return "only the status may be retained";
    }
    int max =
        status
            ? STATUS_BYTES_MAX
            : topic.endsWith("/" + Topics.REPORTED)
                ? ReportedDocument.BYTES_MAX
                : RECORDS_BYTES_MAX;
    return bytes > max
        ? "the message has %d bytes, at most %d are allowed".formatted(bytes, max)
        : "";
  }

  boolean allowsSubscribe(String filter) {
    return self.filter(device -> Topics.maySubscribe(device.tenant(), device.device(), filter))
        .isPresent();
  }
}
