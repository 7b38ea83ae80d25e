package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LookingRoomsTest {
  private final LookingRooms rooms = new LookingRooms(plan());

  private static MonitoringPlan plan() {
    try {
      return MonitoringPlan.of(
          MonitoringManifests.fromReference(
              "input",
              List.of(new MonitoringManifests.Feature("a", 0)),
              new float[][] {{0}, {1}, {2}, {3}},
              "score",
              new float[4],
              .5));
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void givesToTheNextOneWhatWasGivenBack() {
    LookingRooms.Room first = rooms.take();
    LookingRooms.Room second = rooms.take();
    assertThat(second).isNotSameAs(first);

    rooms.giveBack(second);
    assertThat(rooms.take()).isSameAs(second);
    assertThat(first.view(3)).hasSize(3).isSameAs(first.view(2));
  }

  @Test
  void keepsABoundedNumber() {
    List<LookingRooms.Room> taken = new ArrayList<>();
    for (int i = 0; i <= LookingRooms.KEPT_MAX; i++) {
      taken.add(rooms.take());
    }
    taken.forEach(rooms::giveBack);

    List<LookingRooms.Room> again = new ArrayList<>();
    for (int i = 0; i <= LookingRooms.KEPT_MAX; i++) {
      again.add(rooms.take());
    }

    assertThat(taken).containsAll(again.subList(0, LookingRooms.KEPT_MAX));
    assertThat(again.getLast()).isNotIn(taken);
    again.forEach(rooms::giveBack);
    rooms.clear();
    assertThat(rooms.take()).isNotIn(again);
  }
}
