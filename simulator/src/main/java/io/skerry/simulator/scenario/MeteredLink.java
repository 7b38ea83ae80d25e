package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Artifacts over lines that break off and cost by the byte. */
final class MeteredLink implements Scenario {
  /** No answer is ever whole. */
  private static final int CUT_BYTES = 1_200_000;

  private static final int MODEL_BYTES = 5 * 1024 * 1024 + 7;

  @Override
  public String name() {
    return "metered-link";
  }

  @Override
  public String claim() {
    return "over lines that never carry a large version whole it arrives, goes on where it broke off,"
        + " and costs no device a third more than its bytes";
  }

  @Override
  public int devices() {
    return 12;
  }

  @Override
  public int days() {
    return 5;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.large(2, MODEL_BYTES);
    story.countFetched(Duration.ofDays(1));
    story.artifactsCut(Duration.ofDays(1), CUT_BYTES);
    story.roll(Duration.ofDays(2), 2, List.of(100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices")
            .because(story.phase(2) + " " + story.reason(2)),
        Claim.atMost("most-fetched", 1.3, story.fetchedSince(2), "times the artifact"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
