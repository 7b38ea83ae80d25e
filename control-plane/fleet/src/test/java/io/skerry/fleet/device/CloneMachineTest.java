package io.skerry.fleet.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CloneMachineTest {
  private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");

  static Stream<Arguments> stories() {
    return Stream.of(
        Arguments.of("nothing", List.of(), List.of()),
        Arguments.of("one process", List.of(born("a", 1, 1), reported("a", 1, 2)), List.of()),
        Arguments.of("reconnects", List.of(born("a", 1, 1), born("a", 1, 9)), List.of()),
        Arguments.of("started again", List.of(born("a", 1, 1), born("b", 2, 2)), List.of()),
        Arguments.of(
            "A, B, A",
            List.of(born("a", 1, 1), born("b", 2, 2), born("a", 1, 3)),
            List.of("b", "a")),
        Arguments.of(
            "one boot epoch in two processes",
            List.of(born("a", 7, 1), born("b", 7, 2)),
            List.of("a", "b")),
        Arguments.of(
            "one boot epoch, told by a report",
            List.of(born("a", 7, 1), reported("b", 7, 2)),
            List.of("a", "b")),
        Arguments.of(
            "both births come twice",
            List.of(born("a", 1, 1), born("b", 2, 2), born("a", 1, 1), born("b", 2, 2)),
            List.of()),
        Arguments.of(
            "several births of one process come twice",
            List.of(
                born("a", 1, 1),
                born("a", 1, 2),
                born("b", 2, 3),
                born("a", 1, 1),
                born("a", 1, 2)),
            List.of()),
        Arguments.of(
            "a report of the process before comes late",
            List.of(born("a", 1, 1), born("b", 2, 5), reported("a", 1, 4)),
            List.of()),
        Arguments.of(
            "an agent that tells no instance",
            List.of(born("", 1, 1), born("", 2, 2), born("", 1, 3)),
            List.of()),
        Arguments.of(
            "three machines",
            List.of(
                born("a", 1, 1),
                born("b", 2, 2),
                born("a", 1, 3),
                born("c", 3, 4),
                born("b", 2, 5)),
            List.of("b", "a", "c")),
        Arguments.of(
            "acknowledged",
            List.of(
                born("a", 1, 1),
                born("b", 2, 2),
                born("a", 1, 3),
                new InstanceEvent.Acknowledged(),
                born("c", 3, 4)),
            List.of()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("stories")
  void tellsACopiedIdentityFromARestart(
      String story, List<InstanceEvent> events, List<String> alarmed) {
    Instances instances = Instances.NONE;
    for (InstanceEvent event : events) {
      instances = CloneMachine.after(instances, event, NOW);
    }

    assertThat(instances.alarm().map(Instances.Alarm::instances).orElse(List.of()))
        .as(story)
        .isEqualTo(alarmed);
  }

  @Test
  void keepsTheMomentOfTheFirstAlarm() {
    Instances instances = Instances.NONE;
    List<InstanceEvent> events =
        List.of(born("a", 1, 1), born("b", 2, 2), born("a", 1, 3), born("b", 2, 4));
    for (int i = 0; i < events.size(); i++) {
      instances = CloneMachine.after(instances, events.get(i), NOW.plusSeconds(i));
    }

    assertThat(instances.alarm().orElseThrow().since()).isEqualTo(NOW.plusSeconds(2));
  }

  @Test
  void remembersAtMostSomeProcessesAndTheLatestOfThem() {
    Instances instances = Instances.NONE;
    for (int i = 1; i <= 3 * CloneMachine.INSTANCES_MAX; i++) {
      instances = CloneMachine.after(instances, born("p" + i, i, i), NOW);
    }

    assertThat(instances.seen()).hasSize(CloneMachine.INSTANCES_MAX);
    assertThat(instances.seen().getLast().instance()).isEqualTo("p48");
    assertThat(instances.alarm()).isEmpty();
  }

  @Test
  void namesAtMostSomeProcessesInAnAlarm() {
    Instances instances = Instances.NONE;
    for (int i = 1; i <= 3 * CloneMachine.INSTANCES_MAX; i++) {
      instances = CloneMachine.after(instances, born("p" + i, 7, i), NOW);
    }

    assertThat(instances.alarm().orElseThrow().instances()).hasSize(CloneMachine.INSTANCES_MAX);
  }

  private static InstanceEvent born(String instance, long epoch, int second) {
    return new InstanceEvent.Born(instance, epoch, NOW.plusSeconds(second));
  }

  private static InstanceEvent reported(String instance, long epoch, int second) {
    return new InstanceEvent.Reported(instance, epoch, NOW.plusSeconds(second));
  }
}
