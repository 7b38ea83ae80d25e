package io.skerry.protocol;

import java.util.List;
import java.util.Optional;

/**
 * MQTT topics.
 *
 * <pre>
 * skerry/v1/{tenant}/devices/{device}/desired|committed            to the device
 * skerry/v1/{tenant}/devices/{device}/reported|status              from the device
 * skerry/v1/{tenant}/devices/{device}/samples|windows|feedback|events
 * skerry/v1/{tenant}/control/state                                 to every device
 * </pre>
 */
public final class Topics {
  public static final String DESIRED = "desired";
  public static final String COMMITTED = "committed";
  public static final String REPORTED = "reported";
  public static final String STATUS = "status";

  private static final String ROOT = "skerry/v1/";
  private static final List<String> FROM_DEVICE =
      List.of(REPORTED, STATUS, "samples", "windows", "feedback", "events");
  private static final List<String> TO_DEVICE = List.of(DESIRED, COMMITTED);

  private Topics() {}

  /** A topic of one device; {@code kind} is one of the names above. */
  public static String device(TenantId tenant, DeviceId device, String kind) {
    return ROOT + tenant + "/devices/" + device + "/" + kind;
  }

  /** Where a device's records of one stream go. */
  public static String records(TenantId tenant, DeviceId device, RecordStream stream) {
    return device(tenant, device, stream.wireName());
  }

  /** The control plane's own state, readable by every device of the tenant. */
  public static String controlState(TenantId tenant) {
    return ROOT + tenant + "/control/state";
  }

  /** The filter that matches one kind of every device of every tenant. */
  public static String everyDevice(String kind) {
    return ROOT + "+/devices/+/" + kind;
  }

  /** Whether a device may publish on this topic. */
  public static boolean mayPublish(TenantId tenant, DeviceId device, String topic) {
    return FROM_DEVICE.stream().anyMatch(kind -> topic.equals(device(tenant, device, kind)));
  }

  /** Whether a device may subscribe to this filter; wildcards never match. */
  public static boolean maySubscribe(TenantId tenant, DeviceId device, String filter) {
    return filter.equals(controlState(tenant))
        || TO_DEVICE.stream().anyMatch(kind -> filter.equals(device(tenant, device, kind)));
  }

  /** Takes a device topic apart; empty when it is none. */
  public static Optional<DeviceTopic> parse(String topic) {
    String[] parts = topic.split("/", -1);
    if (!topic.startsWith(ROOT) || parts.length != 6 || !parts[3].equals("devices")) {
      return Optional.empty();
    }
    try {
      return Optional.of(new DeviceTopic(new TenantId(parts[2]), new DeviceId(parts[4]), parts[5]));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** A device topic's parts. */
  public record DeviceTopic(TenantId tenant, DeviceId device, String kind) {}
}
