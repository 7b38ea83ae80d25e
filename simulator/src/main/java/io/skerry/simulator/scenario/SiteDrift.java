package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** Something goes wrong at one site and stays so: one incident, at that site. */
abstract class SiteDrift implements Scenario {
  private static final String SITE = "site-b";
  private static final Duration FROM = Duration.ofDays(5);

  /** A day. */
  private static final long WINDOWS_MAX = 4;

  private final String name;
  private final String claim;
  private final Wrong wrong;
  private final int sensor;
  private final double amount;
  private final String feature;

  /**
   * Creates it.
   *
   * @param sensor on which it goes wrong, from 0
   * @param amount how much, as {@link Wrong} counts it
   * @param feature that the incident has to name
   */
  SiteDrift(String name, String claim, Wrong wrong, int sensor, double amount, String feature) {
    this.name = name;
    this.claim = claim;
    this.wrong = wrong;
    this.sensor = sensor;
    this.amount = amount;
    this.feature = feature;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String claim() {
    return claim;
  }

  @Override
  public final int devices() {
    return 60;
  }

  @Override
  public final int days() {
    return 14;
  }

  @Override
  public final void tell(Story story) {
    story.everybodyRuns(1);
    story.wrong(FROM, SITE, wrong, sensor, amount);
  }

  @Override
  public final List<Claim> judge(Story story) {
    List<String> incidents = story.incidents();
    boolean one =
        incidents.size() == 1
            && incidents.getFirst().startsWith("site=" + SITE + " ")
            && incidents.getFirst().endsWith(" " + feature);
    long windows = one ? story.windowsUntilFound(FROM).getFirst() : -1;
    return List.of(
        Claim.holds("one-incident-at-the-site", one, incidents.toString()),
        Claim.atLeast("windows-until-found", 1, windows, "windows"),
        Claim.atMost("windows-until-found-at-most", WINDOWS_MAX, windows, "windows"));
  }
}
