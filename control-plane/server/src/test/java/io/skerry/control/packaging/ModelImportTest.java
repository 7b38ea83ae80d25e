package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.control.TestControlPlane;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ModelImportTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  @TempDir private Path folder;

  @Test
  void refusesInputsThatAreTooFewToBothCalibrateAndJudge() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    NpyArray.ofFloats(new float[19], 19, 1).write(inputs);

    HttpResponse<String> answer = bring("inputs.npy", Files.readAllBytes(inputs));

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains("'inputs.npy' holds 19 items, at least 20 are needed");
    assertThat(plane.get("/v1/models/tiny").statusCode()).isEqualTo(404);
  }

  @Test
  void refusesCalibrationDataOfAnotherKind() throws Exception {
    assertThat(bring("inputs.csv", new byte[8]).body())
        .contains("'inputs.csv' is neither an .npy file of inputs nor a .zip");
  }

  private HttpResponse<String> bring(String name, byte[] calibration) throws Exception {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    part(body, "file", "tiny.onnx", new byte[] {8, 8, 0, 0, 0, 0, 0, 0});
    part(body, "calibration", name, calibration);
    body.writeBytes("--edge--\r\n".getBytes(StandardCharsets.US_ASCII));
    return plane.send(
        plane
            .request("/v1/models/tiny/import")
            .header("Authorization", "Bearer " + plane.token())
            .header("Content-Type", "multipart/form-data; boundary=edge")
            .PUT(BodyPublishers.ofByteArray(body.toByteArray())));
  }

  private static void part(ByteArrayOutputStream body, String name, String file, byte[] content) {
    String head =
        "--edge\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n\r\n"
            .formatted(name, file);
    body.writeBytes(head.getBytes(StandardCharsets.US_ASCII));
    body.writeBytes(content);
    body.writeBytes("\r\n".getBytes(StandardCharsets.US_ASCII));
  }
}
