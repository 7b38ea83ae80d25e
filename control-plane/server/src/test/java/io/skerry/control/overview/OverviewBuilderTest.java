package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.skerry.api.Attention;
import io.skerry.api.DeviceOverview;
import io.skerry.api.DeviceView;
import io.skerry.api.IncidentOverview;
import io.skerry.api.Overview;
import io.skerry.api.RolloutOverview;
import io.skerry.api.Share;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OverviewBuilderTest {
  private static final Instant NOW = Instant.parse("2026-11-20T10:30:00Z");

  private final OverviewBuilder builder = new OverviewBuilder(NOW);

  @Test
  void nothingNeedsAttentionInACalmFleet() {
    builder.devices(List.of(device("a", true, "COMMITTED"), device("b", true, "COMMITTED")));

    assertThat(builder.build().attention()).isEmpty();
  }

  @Test
  void putsWhatHurtsBeforeWhatMay() {
    builder.devices(List.of(device("a", false, "COMMITTED")));
    builder.incidents(List.of(incident("OPEN"), incident("RESOLVED")));
    builder.rollouts(List.of(rollout(3, "ROLLED_BACK"), rollout(2, "ROLLED_BACK")));

    assertThat(builder.build().attention())
        .extracting(Attention::level, Attention::title)
        .containsExactly(
            tuple("bad", "s11 drifted on site=b"),
            tuple("bad", "Rollout of m@3 rolled back"),
            tuple("warn", "1 device offline"));
  }

  @Test
  void showsTheGateThatStoppedARollout() {
    builder.rollouts(List.of(rollout(3, "ROLLED_BACK")));

    assertThat(builder.build().attention().getFirst().detail())
        .isEqualTo("feedback (pooled): accuracy 0.5 against 0.9");
  }

  @Test
  void countsDevicesAndShowsTroubledOnesFirst() {
    builder.devices(
        List.of(
            device("a", true, "COMMITTED"),
            device("b", true, "DOWNLOADING"),
            device("c", true, "ROLLED_BACK"),
            device("d", false, "COMMITTED")));

    Overview overview = builder.build();

    assertThat(overview.fleet().online()).isEqualTo(3);
    assertThat(overview.fleet().byPhase()).first().isEqualTo(new Share("COMMITTED", 2));
    assertThat(overview.fleet().lines())
        .extracting(DeviceOverview::id)
        .containsExactly("c", "d", "b", "a");
  }

  @Test
  void boundsItsLists() {
    List<DeviceView> many = new ArrayList<>();
    List<IncidentOverview> incidents = new ArrayList<>();
    for (int i = 0; i < 2 * OverviewBuilder.LINES_MAX; i++) {
      many.add(device("d" + i, true, "COMMITTED"));
      incidents.add(incident("OPEN"));
    }
    builder.devices(many);
    builder.incidents(incidents);

    Overview overview = builder.build();

    assertThat(overview.fleet().lines()).hasSize(OverviewBuilder.LINES_MAX);
    assertThat(overview.fleet().devices()).isEqualTo(many.size());
    assertThat(overview.attention()).hasSize(OverviewBuilder.ATTENTION_MAX);
  }

  private static DeviceView device(String id, boolean online, String phase) {
    DeviceView.SlotView slot =
        new DeviceView.SlotView("main", phase, "m", 1L, null, null, null, null, 10, 0);
    return new DeviceView(
        id,
        "default",
        Map.of("site", "b"),
        "arm64-neon",
        online,
        NOW,
        null,
        null,
        List.of(slot),
        0,
        null,
        null);
  }

  private static IncidentOverview incident(String state) {
    return new IncidentOverview(
        "i", state, "m", 1, "site=b", "s11", NOW, 1, 3, 2.0, "+2.0 σ", 0.5, 9, null, null, null,
        null, null);
  }

  private static RolloutOverview rollout(long version, String state) {
    return new RolloutOverview(
        "r-" + version,
        state,
        "m",
        version,
        6,
        "feedback (pooled) FAIL: accuracy 0.5 against 0.9",
        List.of());
  }
}
