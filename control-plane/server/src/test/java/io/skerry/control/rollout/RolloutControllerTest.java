package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.skerry.control.TestControlPlane;
import io.skerry.control.sql.Database;
import io.skerry.protocol.Digest;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("slow")
class RolloutControllerTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @ParameterizedTest
  @CsvSource({"pause,404", "abort,404", "promote,428", "resume,428", "rollback,428", "retry,428"})
  void asksWhichRevisionWasSeenUnlessLessHappensAfterwards(String act, int status) {
    HttpResponse<String> answer = plane.post("/v1/rollouts/nothing/" + act, "{}");

    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
  }

  private HttpResponse<String> ifMatch(String path, String tag) {
    return plane.send(
        plane
            .request(path)
            .header("Authorization", "Bearer " + plane.token())
            .header("Content-Type", "application/json")
            .header("If-Match", tag)
            .POST(HttpRequest.BodyPublishers.ofString("{\"reason\":\"tested\"}")));
  }

  private HttpResponse<String> form(String path, String fields) {
    return plane.send(
        plane
            .request(path)
            .header("Authorization", "Bearer " + plane.token())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(fields)));
  }

  private long revision(String id) {
    return JsonParser.parseString(plane.get("/v1/rollouts/" + id).body())
        .getAsJsonObject()
        .get("revision")
        .getAsLong();
  }

  @Test
  void refusesARevisionThatIsNoneOrOldWithTheField() {
    String id = draftOf("tagged");
    try {
      HttpResponse<String> none = ifMatch("/v1/rollouts/" + id + "/submit", "seven");
      HttpResponse<String> old = ifMatch("/v1/rollouts/" + id + "/submit", "\"0\"");

      assertThat(none.statusCode()).as(none.body()).isEqualTo(400);
      assertThat(none.body()).contains("\"If-Match\"", "is no ETag of a rollout");
      assertThat(old.statusCode()).as(old.body()).isEqualTo(412);
      assertThat(old.body()).contains("\"If-Match\"", "is DRAFT now", "you saw 0: read it again");
      HttpResponse<String> now =
          ifMatch("/v1/rollouts/" + id + "/submit", "\"%d\"".formatted(revision(id)));
      assertThat(now.statusCode()).as(now.body()).isEqualTo(200);
      assertThat(now.headers().firstValue("ETag")).hasValue("\"%d\"".formatted(revision(id)));
    } finally {
      plane.post("/v1/rollouts/" + id + "/abort", "{}");
      sql("delete from device where id = 'tagged'");
    }
  }

  @Test
  void actsFromThePageAndTellsThereWhatWasRefused() {
    String id = draftOf("paged");
    String page = "/rollouts/" + id;
    try {
      HttpResponse<String> impossible =
          form(page, "act=promote&reason=hurry&revision=" + revision(id));
      assertThat(impossible.statusCode()).as(impossible.body()).isEqualTo(409);
      assertThat(impossible.body()).contains("DRAFT cannot be promoted", "value=\"hurry\"");
      HttpResponse<String> old = form(page, "act=submit&reason=hurry&revision=0");
      assertThat(old.statusCode()).as(old.body()).isEqualTo(409);
      assertThat(old.body()).contains("you saw 0: read it again");

      for (String act : List.of("submit", "start", "pause", "resume", "abort")) {
        HttpResponse<String> done =
            form(page, "act=%s&reason=tested&revision=%d".formatted(act, revision(id)));
        assertThat(done.statusCode()).as(act + done.body()).isEqualTo(303);
        assertThat(done.headers().firstValue("Location")).hasValue(page);
      }
      assertThat(plane.get("/v1/rollouts/" + id).body()).contains("\"reason\":\"tested\"");
    } finally {
      sql("delete from device where id = 'paged'");
    }
  }

  @Test
  void namesWhoIsNotEligiblePageByPage() {
    for (String device : List.of("one", "two", "three")) {
      sql(
          """
          insert into device (id, tenant, labels, facts, profile, enrolled_at)
          values (?, 'default', '{}', '{}', null, now())
          """,
          "outside-" + device);
    }
    String id = draftOf("outside");
    try {
      HttpResponse<String> first =
          plane.get("/v1/rollouts/" + id + "/outsiders?pageSize=2&pageToken=outside");

      assertThat(first.statusCode()).as(first.body()).isEqualTo(200);
      assertThat(first.body())
          .contains(
              "{\"device\":\"outside-one\",\"reason\":\"its hardware matches no profile\"}",
              "\"device\":\"outside-three\"",
              "\"nextPageToken\":\"outside-three\"")
          .doesNotContain("outside-two");
      HttpResponse<String> second =
          plane.get("/v1/rollouts/" + id + "/outsiders?pageSize=2&pageToken=outside-three");
      assertThat(second.body())
          .contains("\"device\":\"outside-two\"")
          .doesNotContain("\"outside-one");
      assertThat(plane.get("/v1/rollouts/nothing/outsiders").statusCode()).isEqualTo(404);
      assertThat(plane.get("/v1/rollouts/nothing/devices").statusCode()).isEqualTo(404);
      HttpResponse<String> unknown = plane.get("/v1/rollouts/" + id + "/devices?state=BROKEN");
      assertThat(unknown.statusCode()).as(unknown.body()).isEqualTo(400);
      assertThat(unknown.body()).contains("knows no state 'BROKEN': use one of", "REJECTED");

      HttpResponse<String> page = plane.get("/rollouts/" + id + "/outsiders?after=outside");
      assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
      assertThat(page.body()).contains("outside-one", "its hardware matches no profile");
      assertThat(plane.get("/rollouts/" + id).body())
          .contains("href=\"/rollouts/" + id + "/outsiders\"");
    } finally {
      sql("delete from device where id like 'outside%'");
    }
  }

  // Of a version that the only device of a profile can run.
  private String draftOf(String name) {
    String digest = Digest.of(name.getBytes(StandardCharsets.UTF_8)).toString();
    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values (?, 'default', '{}', '{}', 'x86-64-avx2', now())
        """,
        name);
    sql("insert into device_presence (device, online, boot_epoch) values (?, false, 1)", name);
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values (?, 1, 'import', 'onnx', 'x', now())
        """,
        name);
    sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        values (?, 1, 'x86-64-avx2', 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
        """,
        name,
        digest,
        digest);
    HttpResponse<String> made =
        plane.post(
            "/v1/rollouts", "{\"model\":\"%s\",\"version\":1,\"draft\":true}".formatted(name));
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    return JsonParser.parseString(made.body()).getAsJsonObject().get("id").getAsString();
  }

  @Test
  void tellsWhatLateDevicesChangeInARolloutThatHasEnded() {
    String id = draftOf("late");
    try {
      plane.post("/v1/rollouts/" + id + "/abort", "{}");
      HttpResponse<String> ended = plane.get("/v1/rollouts/" + id);
      String tag = ended.headers().firstValue("ETag").orElseThrow();
      assertThat(ended.body()).contains("\"state\":\"ABORTED\"", "\"committed\":0");

      sql(
          """
          insert into deployment (rollout, device, stage, rank, profile, state, online)
          values (?, 'late', 0, '', 'x86-64-avx2', 'COMMITTED', true)
          """,
          id);
      HttpResponse<String> again =
          plane.send(
              plane
                  .request("/v1/rollouts/" + id)
                  .header("Authorization", "Bearer " + plane.token())
                  .header("If-None-Match", tag)
                  .GET());

      assertThat(again.statusCode()).isEqualTo(200);
      assertThat(again.headers().firstValue("ETag")).hasValue(tag);
      assertThat(again.body()).contains("\"committed\":1");
    } finally {
      sql("delete from device where id = 'late'");
    }
  }

  private void sql(String statement, Object... parameters) {
    plane.bean(Database.class).run(transaction -> transaction.update(statement, parameters));
  }
}
