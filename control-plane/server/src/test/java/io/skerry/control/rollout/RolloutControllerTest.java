package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.skerry.control.TestControlPlane;
import io.skerry.control.sql.Database;
import io.skerry.protocol.Digest;
import java.net.http.HttpResponse;
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

  @Test
  void tellsWhatLateDevicesChangeInARolloutThatHasEnded() {
    String digest = Digest.of(new byte[] {1}).toString();
    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values ('late', 'default', '{}', '{}', 'x86-64-avx2', now())
        """);
    sql("insert into device_presence (device, online, boot_epoch) values ('late', false, 1)");
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values ('late', 1, 'import', 'onnx', 'x', now())
        """);
    sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        values ('late', 1, 'x86-64-avx2', 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
        """,
        digest,
        digest);
    try {
      HttpResponse<String> made =
          plane.post("/v1/rollouts", "{\"model\":\"late\",\"version\":1,\"draft\":true}");
      assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
      String id = JsonParser.parseString(made.body()).getAsJsonObject().get("id").getAsString();
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
