package io.skerry.simulator.scenario;

import java.util.List;
import java.util.Optional;

/** Every scenario there is. */
public final class Library {
  private static final List<Scenario> ALL =
      List.of(
          new Steady(),
          new RolloutDay(),
          new DefaultGates(),
          new BadModelCrash(),
          new BadModelRefused(),
          new BadModelSlow(),
          new BadModelWrong(),
          new BadModelOffline(),
          new OfflineThird(),
          new ReconnectStorm(),
          new BrokerLost(),
          new ControlPlaneKilled(),
          new TwoReplicas(),
          new DriftLocation(),
          new DriftScale(),
          new DriftMissing(),
          new DriftStuck(),
          new DriftUnit(),
          new DriftCorrelation(),
          new DriftPrior(),
          new DriftConcept(),
          new DriftSeasonNull(),
          new ClonedIdentity(),
          new Clock1970(),
          new MeteredLink(),
          new TwoVersionsApart(),
          new NoOutcomes(),
          new SpoolFull(),
          new DamagedDisk(),
          new OpenWindow(),
          new UnitRollout(),
          new AbRollout(),
          new ShadowRollout(),
          new Random(),
          new RandomUnit(),
          new RandomTrial(),
          new RandomBusy());

  private Library() {}

  /** Every scenario, in the order in which they are listed. */
  public static List<Scenario> all() {
    return ALL;
  }

  /** The scenario of this name. */
  public static Optional<Scenario> find(String name) {
    return ALL.stream().filter(scenario -> scenario.name().equals(name)).findFirst();
  }
}
