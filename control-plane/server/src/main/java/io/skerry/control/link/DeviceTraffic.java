package io.skerry.control.link;

import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * What each device has sent lately, also over its reconnects. Thread-safe.
 *
 * <p>Bounded: the device that was heard of longest ago is forgotten first, which refills its
 * buckets. Only devices whose identity was proved come in, so nobody can push others out.
 */
@Singleton
final class DeviceTraffic {
  static final int DEVICES_MAX = 100_000;

  private final TrafficMachine machine;
  private final LongSupplier nanos;
  private final Map<String, TrafficMachine.State> states = new LinkedHashMap<>(16, 0.75f, true);

  @jakarta.inject.Inject
  DeviceTraffic(BrokerConfig config) {
    this(config.limits(), System::nanoTime);
  }

  DeviceTraffic(DeviceLimits limits, LongSupplier nanos) {
    this.machine = new TrafficMachine(limits);
    this.nanos = nanos;
  }

  TrafficMachine.Answer connect(String device) {
    synchronized (states) {
      long now = nanos.getAsLong();
      return keep(device, machine.connect(of(device, now), now));
    }
  }

  TrafficMachine.Answer publish(String device, int bytes) {
    synchronized (states) {
      long now = nanos.getAsLong();
      return keep(device, machine.publish(of(device, now), bytes, now));
    }
  }

  int devices() {
    synchronized (states) {
      return states.size();
    }
  }

  private TrafficMachine.State of(String device, long now) {
    TrafficMachine.State known = states.get(device);
    return known == null ? machine.start(now) : known;
  }

  private TrafficMachine.Answer keep(String device, TrafficMachine.Decision decision) {
    states.put(device, decision.state());
    if (states.size() > DEVICES_MAX) {
      states.remove(states.keySet().iterator().next());
    }
    return decision.answer();
  }
}
