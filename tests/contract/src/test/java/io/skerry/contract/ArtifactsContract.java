package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.update.Downloads;
import io.skerry.agent.update.Downloads.Attempt;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.simulator.disk.MemoryDisk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a device is given of a blob: all of it or the part it asks for, over a line that breaks. */
interface ArtifactsContract {
  int SIZE = 2 * Layer.CHUNK_BYTES + 700_000;
  byte[] CONTENT = content(7);
  Digest DIGEST = Digest.of(CONTENT);
  Layer LAYER = layer(CONTENT);
  String TAG = "\"" + DIGEST + "\"";

  /** The same one throughout a test, whole when it begins. */
  ServedArtifacts artifacts();

  private static byte[] content(int seed) {
    byte[] content = new byte[SIZE];
    new Random(seed).nextBytes(content);
    return content;
  }

  private static Layer layer(byte[] content) {
    List<Digest> chunks = new ArrayList<>();
    for (int from = 0; from < content.length; from += Layer.CHUNK_BYTES) {
      int to = Math.min(content.length, from + Layer.CHUNK_BYTES);
      chunks.add(Digest.of(Arrays.copyOfRange(content, from, to)));
    }
    return new Layer(
        LayerType.MODEL_ONNX, "model.onnx", Digest.of(content), content.length, chunks);
  }

  @BeforeEach
  default void serve() throws Exception {
    artifacts().serve(DIGEST, CONTENT);
  }

  @AfterEach
  default void mend() {
    artifacts().mend();
  }

  private <T> HttpResponse<T> get(
      String name, HttpResponse.BodyHandler<T> handler, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(artifacts().base() + "/sha256/" + name)).GET();
    if (headers.length > 0) {
      request.headers(headers);
    }
    return artifacts().http().send(request.build(), handler);
  }

  private HttpResponse<byte[]> get(String... headers) throws Exception {
    return get(DIGEST.hex(), BodyHandlers.ofByteArray(), headers);
  }

  private static void isWhole(HttpResponse<byte[]> answer) {
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("ETag")).contains(TAG);
    assertThat(answer.headers().firstValue("Accept-Ranges")).contains("bytes");
    assertThat(answer.headers().firstValue("Content-Range")).isEmpty();
    assertThat(answer.headers().firstValueAsLong("Content-Length")).hasValue(SIZE);
    assertThat(answer.body()).isEqualTo(CONTENT);
  }

  private static void isPart(HttpResponse<byte[]> answer, int first, int last) {
    assertThat(answer.statusCode()).isEqualTo(206);
    assertThat(answer.headers().firstValue("ETag")).contains(TAG);
    assertThat(answer.headers().firstValue("Content-Range"))
        .contains("bytes %d-%d/%d".formatted(first, last, SIZE));
    assertThat(answer.headers().firstValueAsLong("Content-Length")).hasValue(last + 1 - first);
    assertThat(answer.body()).isEqualTo(Arrays.copyOfRange(CONTENT, first, last + 1));
  }

  private static void isNothing(HttpResponse<byte[]> answer, int size) {
    assertThat(answer.statusCode()).isEqualTo(416);
    assertThat(answer.headers().firstValue("Content-Range")).contains("bytes */" + size);
  }

  @Test
  default void theWholeIsGivenWithItsDigestForATag() throws Exception {
    isWhole(get());
  }

  @Test
  default void theRestIsGivenFromAnyPlaceOn() throws Exception {
    for (int from : new int[] {0, 1, Layer.CHUNK_BYTES, SIZE - 1}) {
      isPart(get("Range", "bytes=" + from + "-"), from, SIZE - 1);
    }
  }

  @Test
  default void aPartIsGivenAsFarAsItIsThere() throws Exception {
    isPart(get("Range", "bytes=3-7"), 3, 7);
    isPart(get("Range", "bytes=5-" + 2 * SIZE), 5, SIZE - 1);
    isPart(get("Range", "bytes=-9"), SIZE - 9, SIZE - 1);
    isPart(get("Range", "bytes=-" + 2 * SIZE), 0, SIZE - 1);
  }

  @Test
  default void nothingIsGivenFromBeyondTheEnd() throws Exception {
    isNothing(get("Range", "bytes=" + SIZE + "-"), SIZE);
    isNothing(get("Range", "bytes=" + SIZE + "-" + 2 * SIZE), SIZE);
    isNothing(get("Range", "bytes=-0"), SIZE);
  }

  @Test
  default void aRangeThatNobodyUnderstandsIsNone() throws Exception {
    for (String range :
        List.of("bytes=7-3", "bytes=-", "bytes=x-", "bytes=1-2,5-6", "lines=1-", "nonsense")) {
      isWhole(get("Range", range));
    }
  }

  @Test
  default void theRestIsGivenOnlyOfTheBlobThatTheDeviceHasTheBeginningOf() throws Exception {
    isPart(get("Range", "bytes=9-", "If-Range", TAG), 9, SIZE - 1);
    isWhole(get("Range", "bytes=9-", "If-Range", "\"another\""));
  }

  @Test
  default void anEmptyBlobHasNoParts() throws Exception {
    Digest empty = Digest.of(new byte[0]);
    artifacts().serve(empty, new byte[0]);

    HttpResponse<byte[]> whole = get(empty.hex(), BodyHandlers.ofByteArray());
    HttpResponse<byte[]> part = get(empty.hex(), BodyHandlers.ofByteArray(), "Range", "bytes=0-");

    assertThat(whole.statusCode()).isEqualTo(200);
    assertThat(whole.body()).isEmpty();
    isNothing(part, 0);
  }

  @Test
  default void whatIsNotThereIsSaidToBeMissing() throws Exception {
    assertThat(get("0".repeat(64), BodyHandlers.discarding()).statusCode()).isEqualTo(404);
    assertThat(get("0".repeat(64), BodyHandlers.discarding(), "Range", "bytes=5-").statusCode())
        .isEqualTo(404);
    assertThat(get("no-digest", BodyHandlers.discarding()).statusCode()).isEqualTo(400);
  }

  /** An answer that only ended too soon could be taken for a blob. */
  @Test
  default void anAnswerWhoseLineBreaksFails() throws Exception {
    artifacts().breakAfter(Layer.CHUNK_BYTES);
    ByteArrayOutputStream came = new ByteArrayOutputStream();

    assertThatThrownBy(
            () -> {
              try (InputStream body = get(DIGEST.hex(), BodyHandlers.ofInputStream()).body()) {
                body.transferTo(came);
              }
            })
        .isInstanceOf(IOException.class);

    byte[] begun = came.toByteArray();
    assertThat(begun.length).isLessThan(SIZE);
    assertThat(begun).isEqualTo(Arrays.copyOf(CONTENT, begun.length));
  }

  @Test
  default void wholeAnswersFailWithTheirLine() {
    artifacts().breakAfter(Layer.CHUNK_BYTES);

    assertThatThrownBy(this::get).isInstanceOf(IOException.class);
  }

  @Test
  default void nobodyAnswersOverALineThatTakesNothing() throws Exception {
    artifacts().refuse();

    assertThatThrownBy(this::get).isInstanceOf(IOException.class);

    artifacts().mend();
    isWhole(get());
  }

  private Downloads downloads() {
    return new Downloads(artifacts().http(), new MemoryDisk(), Path.of("/blobs"));
  }

  @Test
  default void aDeviceHasWhatItFetched() throws Exception {
    Downloads downloads = downloads();

    Attempt attempt = downloads.fetch(artifacts().base(), LAYER);

    assertThat(attempt.failure()).isEmpty();
    assertThat(attempt.received()).isEqualTo(SIZE);
    assertThat(downloads.content(DIGEST)).isEqualTo(CONTENT);
  }

  @Test
  default void aDeviceGoesOnAfterWhatItChecked() throws Exception {
    Downloads downloads = downloads();
    artifacts().breakAfter(Layer.CHUNK_BYTES + 500_000);

    Attempt broken = downloads.fetch(artifacts().base(), LAYER);
    Attempt refused = downloads.fetch(artifacts().base(), LAYER);
    artifacts().mend();
    Attempt rest = downloads.fetch(artifacts().base(), LAYER);

    assertThat(broken.failure()).contains(ErrorCode.DOWNLOAD_FAILED);
    assertThat(refused.failure()).contains(ErrorCode.DOWNLOAD_FAILED);
    assertThat(rest.failure()).isEmpty();
    assertThat(rest.received()).isEqualTo(SIZE - Layer.CHUNK_BYTES);
    assertThat(downloads.content(DIGEST)).isEqualTo(CONTENT);
  }

  @Test
  default void aDeviceTakesNothingThatHasAnotherDigest() throws Exception {
    byte[] damaged = CONTENT.clone();
    damaged[SIZE / 2] ^= 1;
    artifacts().serve(DIGEST, damaged);
    Downloads downloads = downloads();

    assertThat(downloads.fetch(artifacts().base(), LAYER).failure())
        .contains(ErrorCode.ARTIFACT_DIGEST_MISMATCH);

    assertThat(downloads.has(DIGEST)).isFalse();
  }

  @Test
  default void aDeviceIsToldThatABlobIsMissing() {
    Layer missing = layer(content(8));

    assertThat(downloads().fetch(artifacts().base(), missing).failure())
        .contains(ErrorCode.ARTIFACT_NOT_FOUND);
  }
}
