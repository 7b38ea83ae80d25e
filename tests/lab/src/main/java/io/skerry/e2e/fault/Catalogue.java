package io.skerry.e2e.fault;

import java.util.List;
import java.util.stream.Stream;

/** Every fault. */
public final class Catalogue {
  private Catalogue() {}

  /**
   * Every fault: those that take long begin, so that none is waited for at the end; those that need
   * the control plane for themselves are the last.
   */
  public static List<Fault> all() {
    List<Fault> all =
        Stream.of(
                AgentFaults.all(),
                FleetFaults.all(),
                LinkFaults.all(),
                BrokerFaults.all(),
                DiskFaults.all(),
                WebFaults.all(),
                ArtifactFaults.all(),
                ClockFaults.all(),
                OrderFaults.all(),
                ModelFaults.all())
            .flatMap(List::stream)
            .toList();
    return Stream.concat(
            all.stream().filter(fault -> !fault.isAlone()), all.stream().filter(Fault::isAlone))
        .toList();
  }
}
