package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.Incident;
import io.skerry.api.Page;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.Stream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** More incidents than a part of the list holds; every other one was resolved. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class IncidentListTest {
  private static final int ALL = 2 * Incidents.LIST_MAX + 10;

  private final TestPlane plane;
  private final Incidents incidents;

  IncidentListTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder);
    incidents = plane.bean(Incidents.class);
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    "insert into telemetry_track values ('main', 'engine-health', 5000)"));
    for (int i = 0; i < ALL; i++) {
      TestIncidents.open(plane, new Cohort("site", "s" + i), Stream.Kind.LOCATION);
    }
    plane
        .database()
        .run(
            transaction ->
                transaction.update("update incident set state = 'RESOLVED' where number % 2 = 0"));
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void tellsOpenOnesFirstAndAllOfThemPartByPart() {
    List<Incident> told = new ArrayList<>();
    Page<Incident> part = incidents.list("", 100);
    told.addAll(part.items());
    while (part.nextPageToken() != null) {
      part = incidents.list(part.nextPageToken(), 100);
      told.addAll(part.items());
    }

    assertThat(told).hasSize(ALL).extracting(Incident::id).doesNotHaveDuplicates();
    assertThat(told.subList(0, ALL / 2)).allMatch(one -> one.state().equals("OPEN"));
    assertThat(told.getFirst().id()).isEqualTo("incident-" + (ALL - 1));
    assertThat(told.getLast().id()).isEqualTo("incident-2");
  }

  @Test
  void writesAllOfThemToAFile() {
    assertThat(incidents.all(ALL + 1)).hasSize(ALL);
    assertThat(incidents.all(ALL - 1)).hasSize(ALL - 1);
  }

  @Test
  void visitsEveryOpenOneOnce() {
    List<String> visited = new ArrayList<>();

    incidents.forEachOpen(one -> visited.add(one.id()));

    assertThat(visited).hasSize(ALL / 2).doesNotHaveDuplicates().startsWith("incident-1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "open-", "open-x", "closed-3", "resolved-99999999999999999999"})
  void refusesATokenThatItNeverTold(String token) {
    assertThatThrownBy(() -> incidents.list(token, 10))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("leave it out");
  }
}
