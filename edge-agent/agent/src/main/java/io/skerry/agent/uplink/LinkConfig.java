package io.skerry.agent.uplink;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.sketch.LineUpkeep;
import java.time.Duration;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/**
 * Where and as whom to connect.
 *
 * @param newest TLS with the device's certificate, asked for at every attempt to connect, so that a
 *     renewed one is used; the broker's must bear its host name
 * @param bootEpoch travels in the status
 * @param instance travels in the status, see {@link io.skerry.protocol.DeviceHealth}
 * @param keepAlive how long a line may be quiet, asked for again and again: a connection is made
 *     anew where it is another by half or more; whole seconds
 */
public record LinkConfig(
    String host,
    int port,
    TenantId tenant,
    DeviceId device,
    Supplier<SSLContext> newest,
    long bootEpoch,
    String instance,
    Supplier<Duration> keepAlive,
    Timing timing) {

  /**
   * How long to wait for what.
   *
   * @param reconnectBase the first wait before another attempt is shorter than this
   * @param reconnectMax no such wait is longer
   * @param stableAfter a connection that stood for so long starts the waits from the beginning
   * @param patience the longest wait for the broker's answer to anything
   * @param willDelay how long the broker waits for the device to come back before it tells that the
   *     device is gone; whole seconds
   * @param takenOverWait the wait after another client took over the session is half of this to
   *     this
   */
  public record Timing(
      Duration reconnectBase,
      Duration reconnectMax,
      Duration stableAfter,
      Duration patience,
      Duration willDelay,
      Duration takenOverWait) {
    /** Suits a fleet. */
    public static final Timing DEFAULTS =
        new Timing(
            Duration.ofMillis(500),
            Duration.ofMinutes(2),
            Duration.ofMinutes(1),
            Duration.ofSeconds(10),
            Duration.ofSeconds(45),
            Duration.ofMinutes(10));

    private static final Duration SESSION_AFTER_WILL = Duration.ofSeconds(30);

    /** How long the broker knows a device that is gone: or the will would be told at once. */
    public Duration session() {
      return willDelay.plus(SESSION_AFTER_WILL);
    }
  }

  /** With waits that suit a fleet. */
  public LinkConfig(
      String host,
      int port,
      TenantId tenant,
      DeviceId device,
      Supplier<SSLContext> newest,
      long bootEpoch,
      String instance) {
    this(
        host,
        port,
        tenant,
        device,
        newest,
        bootEpoch,
        instance,
        () -> LineUpkeep.SHORTEST,
        Timing.DEFAULTS);
  }

  /** The same on a line that may be quiet for as long as this says. */
  public LinkConfig with(Supplier<Duration> quiet) {
    return new LinkConfig(host, port, tenant, device, newest, bootEpoch, instance, quiet, timing);
  }

  /** The same with other waits. */
  public LinkConfig with(Timing other) {
    return new LinkConfig(
        host, port, tenant, device, newest, bootEpoch, instance, keepAlive, other);
  }

  /** Client id and user name. */
  String login() {
    return tenant + "/" + device;
  }

  @Override
  public String toString() {
    return "LinkConfig[%s at %s:%d]".formatted(login(), host, port);
  }
}
