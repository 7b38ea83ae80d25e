package io.skerry.control.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.TestControlPlane;
import io.skerry.control.drift.TestIncidents;
import io.skerry.control.sql.Database;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What people judge and what came of it are files, too. */
@Tag("slow")
class LabelFilesTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @Test
  void givesAlertsAndWhatHappenedToACohortAsFiles() {
    assertThat(plane.get("/v1/alerts.csv").body()).startsWith("id,at,kind,object,");
    assertThat(plane.get("/v1/deliveries.csv").body()).startsWith("id,");
    assertThat(plane.get("/v1/silences.csv").body()).startsWith("id,kind,cohort,object,");
    String marks = "?slot=main&model=engine-health&cohort=site%3Dfiles";
    assertThat(plane.get("/v1/drift/marks.csv" + marks).body())
        .startsWith("kind,name,detail,at,until,window,devices,check.answer,");
    assertThat(plane.get("/v1/drift/marks" + marks).body()).contains("\"items\"");
  }

  @Test
  void givesTheTablesOfLabellingAndOfAnIncidentAsFiles() {
    Database database = plane.bean(Database.class);
    long number = TestIncidents.open(database, new Cohort("site", "files"), Stream.Kind.QUALITY);
    String id = "incident-" + number;
    database.run(
        transaction -> {
          transaction.update(
              """
              insert into telemetry_prediction (device, prediction_id, subject, slot, model,
                version, at, stratum, inclusion_probability)
              values ('files', 'p-1', '', 'main', 'm', 1, now(), 'base', 1)
              """);
          transaction.update(
              """
                insert into label_task (device, prediction_id, model, version, at, score,
                  predicted, reason, state, queued_at)
                values ('files', 'p-1', 'm', 1, now(), .5, 1, '=why', 'OPEN', now())
                """);
        });

    assertThat(plane.get("/v1/labels.csv").body())
        .startsWith("id,device,predictionId,model,version,")
        .contains(",files,p-1,m,1,")
        .contains(",'=why,OPEN,");
    assertThat(plane.get("/v1/labels.csv?state=REJECTED").body()).doesNotContain("files");
    assertThat(plane.get("/v1/incidents/" + id + "/retrainings.csv").body())
        .startsWith("incident,run,hypothesis,");
    assertThat(plane.get("/v1/incidents/" + id + "/events.csv").body())
        .startsWith("kind,name,detail,at,until,window,devices,check.answer,");
    database.run(
        transaction -> {
          transaction.update("delete from label_task where device = 'files'");
          transaction.update("delete from telemetry_prediction where device = 'files'");
          transaction.update("delete from incident where number = ?", number);
        });
  }
}
