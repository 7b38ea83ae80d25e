package io.skerry.control.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.drift.TestIncidents;
import io.skerry.control.sql.TestPlane;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.Stream;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class RetrainingLoopTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"fleet", "site=b", "line=1 & site=b"})
  void doubtsASourceOfWhichMuchIsQuarantined(String cohort) throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      device(plane);
      sql(
          plane,
          "insert into telemetry_quarantine (at, device, stream, reason)"
              + " values (now(), 'cam-1', 'windows', 'unreadable')");

      assertThat(plane.bean(RetrainingLoop.class).quality(cohort))
          .hasValueSatisfying(
              doubt -> assertThat(doubt).contains("1 records of " + cohort + " in a day"));
    }
  }

  @Test
  void trustsAFleetOfWhichNothingIsQuarantined() throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      device(plane);

      assertThat(plane.bean(RetrainingLoop.class).quality("fleet")).isEmpty();
    }
  }

  @Test
  void waitsWhileAnOpenIncidentDoubtsTheSameDevicesData() throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      device(plane);
      sql(plane, "insert into telemetry_track values ('main', 'engine-health', 5000)");
      TestIncidents.open(plane, new Cohort("site", "b"), Stream.Kind.ERROR);
      TestIncidents.open(plane, new Cohort("line", "1"), Stream.Kind.STUCK);
      // Of devices elsewhere.
      TestIncidents.open(plane, new Cohort("line", "2"), Stream.Kind.QUALITY);
      sql(plane, "update incident set confirmations = 2");
      RetrainingLoop loop = plane.bean(RetrainingLoop.class);

      loop.look();

      assertThat(loop.proposal("incident-1"))
          .hasValueSatisfying(
              proposal ->
                  assertThat(proposal.reason()).startsWith("incident-2, about f0 of line=1, says"));
      sql(plane, "update incident set state = 'RESOLVED' where number = 2");
      loop.look();
      // Wrong predictions are harm; that they are, need not be confirmed once more.
      assertThat(loop.proposal("incident-1"))
          .hasValueSatisfying(
              proposal -> assertThat(proposal.reason()).startsWith("0 predictions of the cohort"));
    }
  }

  private static void device(TestPlane plane) {
    sql(
        plane,
        "insert into device (id, tenant, labels, facts, enrolled_at)"
            + " values ('cam-1', 'default', '{\"site\":\"b\",\"line\":\"1\"}', '{}', now())");
  }

  private static void sql(TestPlane plane, String statement) {
    plane.database().run(transaction -> transaction.update(statement));
  }
}
