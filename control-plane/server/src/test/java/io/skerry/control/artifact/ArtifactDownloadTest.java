package io.skerry.control.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ArtifactDownloadTest {
  private static final String CONTENT = "0123456789".repeat(20_000);

  private final TestControlPlane plane = TestControlPlane.shared();
  private final ArtifactStore store = plane.bean(ArtifactStore.class);
  private final Digest digest = store.put(CONTENT.getBytes(StandardCharsets.US_ASCII));
  private final String path = "/artifacts/sha256/" + digest.hex();
  private final String etag = "\"" + digest + "\"";

  @Test
  void servesTheWholeBlob() {
    HttpResponse<String> answer = plane.get(path);

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo(CONTENT);
    assertThat(answer.headers().firstValue("etag")).contains(etag);
    assertThat(answer.headers().firstValue("content-length")).contains("200000");
  }

  @Test
  void servesTheRestOfABlobToADeviceByItsCertificate() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "mtls-1");

    HttpResponse<String> whole = device.send(device.request(path));
    HttpResponse<String> rest =
        device.send(device.request(path).header("If-Range", etag).header("Range", "bytes=150005-"));
    HttpResponse<String> changed =
        device.send(
            device.request(path).header("If-Range", "\"other\"").header("Range", "bytes=150005-"));
    HttpResponse<String> beyond =
        device.send(device.request(path).header("Range", "bytes=200000-"));
    HttpResponse<String> head =
        device.send(device.request(path).method("HEAD", HttpRequest.BodyPublishers.noBody()));

    assertThat(whole.statusCode()).isEqualTo(200);
    assertThat(whole.body()).isEqualTo(CONTENT);
    assertThat(whole.headers().firstValue("etag")).contains(etag);
    assertThat(rest.statusCode()).isEqualTo(206);
    assertThat(rest.headers().firstValue("content-range")).contains("bytes 150005-199999/200000");
    assertThat(rest.body()).isEqualTo(CONTENT.substring(150_005));
    assertThat(changed.statusCode()).isEqualTo(200);
    assertThat(changed.body()).hasSize(CONTENT.length());
    assertThat(beyond.statusCode()).isEqualTo(416);
    assertThat(head.headers().firstValue("content-length")).contains("200000");
  }

  @Test
  void servesNothingOnTheDevicesPortToWhoShowsNoCertificate() {
    assertThat(EnrolledDevice.get(plane, path).statusCode()).isEqualTo(401);
  }

  @Test
  void servesEverythingWhenTheBeginningIsOfAnotherBlob() {
    HttpResponse<String> answer =
        plane.send(asAdmin().header("If-Range", "\"other\"").header("Range", "bytes=5-"));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).hasSize(CONTENT.length());
  }

  @Test
  void tellsTheSizeWithoutTheContent() {
    HttpResponse<String> answer =
        plane.send(asAdmin().method("HEAD", HttpRequest.BodyPublishers.noBody()));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("content-length")).contains("200000");
    assertThat(answer.body()).isEmpty();
  }

  @Test
  void refusesARangeBeyondTheEnd() {
    HttpResponse<String> answer = plane.send(asAdmin().header("Range", "bytes=200000-"));

    assertThat(answer.statusCode()).isEqualTo(416);
    assertThat(answer.headers().firstValue("content-range")).contains("bytes */200000");
  }

  @Test
  void answersWhatItDoesNotHave() {
    assertThat(plane.get("/artifacts/sha256/" + "0".repeat(64)).statusCode()).isEqualTo(404);
    assertThat(plane.get("/artifacts/sha256/..%2f..%2fkeys").statusCode()).isEqualTo(400);
  }

  @Test
  void storesNothingUnderAWrongDigest(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("blob"), "other content");
    Digest wrong = new Digest("1".repeat(64));

    assertThatThrownBy(() -> store.put(wrong, file))
        .isInstanceOfSatisfying(
            ProblemException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.ARTIFACT_DIGEST_MISMATCH));
    assertThat(store.find(wrong)).isEmpty();
    assertThat(plane.data().resolve("blobs").resolve("sha256"))
        .isDirectoryNotContaining(name -> name.toString().endsWith(".part"));
  }

  private HttpRequest.Builder asAdmin() {
    return plane.request(path).header("Authorization", "Bearer " + plane.token());
  }
}
