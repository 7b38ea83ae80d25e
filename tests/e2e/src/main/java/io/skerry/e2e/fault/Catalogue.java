package io.skerry.e2e.fault;

import java.util.List;
import java.util.stream.Stream;

/** Every fault. */
public final class Catalogue {
  private Catalogue() {}

  /** Every fault, those last that need the control plane for themselves. */
  public static List<Fault> all() {
    List<Fault> all =
        Stream.of(
                AgentFaults.all(),
                DiskFaults.all(),
                BrokerFaults.all(),
                LinkFaults.all(),
                WebFaults.all(),
                ClockFaults.all(),
                ArtifactFaults.all(),
                ModelFaults.all(),
                OrderFaults.all(),
                FleetFaults.all())
            .flatMap(List::stream)
            .toList();
    return Stream.concat(
            all.stream().filter(fault -> !fault.isAlone()), all.stream().filter(Fault::isAlone))
        .toList();
  }
}
