package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BlobDownloadTest {
  private static final int CHUNK = Layer.CHUNK_BYTES;
  private static final byte[] BLOB = blob();
  private static final DownloadLimits LIMITS =
      new DownloadLimits(Duration.ofSeconds(20), Duration.ofMillis(400), 64 << 10, 3, 0, 2);

  @TempDir Path folder;
  private FaultyServer server;
  private HttpClient http;
  private final AtomicLong received = new AtomicLong();
  private final AtomicLong kept = new AtomicLong();

  private static byte[] blob() {
    byte[] blob = new byte[2 * CHUNK + 12_345];
    new Random(1).nextBytes(blob);
    return blob;
  }

  private static Layer layer(byte[] content) {
    List<Digest> chunks = new ArrayList<>();
    for (int at = 0; at < content.length; at += CHUNK) {
      chunks.add(Digest.of(Arrays.copyOfRange(content, at, Math.min(content.length, at + CHUNK))));
    }
    return new Layer(
        LayerType.MODEL_ONNX, "model.onnx", Digest.of(content), content.length, chunks);
  }

  @BeforeEach
  void start() throws IOException {
    server = new FaultyServer();
    http = HttpClient.newHttpClient();
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
    http.shutdownNow();
  }

  private void fetch() throws UpdateException {
    fetch(server.base(), 3L * BLOB.length);
  }

  private BlobDownload download() {
    return new BlobDownload(
        new BlobRequest(() -> http, LIMITS.answer()),
        new BlobFolder(Disk.local(), folder),
        LIMITS,
        System::nanoTime);
  }

  private void fetch(URI base, long budget) throws UpdateException {
    fetch(download(), base, budget);
  }

  private void fetch(BlobDownload download, URI base, long budget) throws UpdateException {
    DownloadMeter meter =
        new DownloadMeter(
            0,
            budget,
            (bytes, good) -> {
              received.addAndGet(bytes);
              kept.addAndGet(good);
            },
            () -> false);
    try {
      download.fetch(base, layer(BLOB), meter);
    } finally {
      meter.tell();
    }
  }

  private UpdateException refused() {
    return catchThrowableOfType(UpdateException.class, this::fetch);
  }

  private void assertHere() throws IOException {
    assertThat(Files.readAllBytes(folder.resolve(Digest.of(BLOB).hex()))).isEqualTo(BLOB);
    assertThat(folder.resolve(Digest.of(BLOB).hex() + ".part")).doesNotExist();
  }

  private List<String> ranges() {
    return server.requests().stream().map(fields -> fields.getOrDefault("range", "")).toList();
  }

  @Test
  void fetchesABlob() throws Exception {
    server.then(FaultyServer.whole(BLOB));

    fetch();

    assertHere();
    assertThat(received).hasValue(BLOB.length);
    assertThat(kept).hasPositiveValue();
  }

  @Test
  void fetchesABlobOnceForTwoThatWantIt() throws Exception {
    BlobDownload download = download();
    FutureTask<Void> second =
        new FutureTask<>(
            () -> {
              fetch(download, server.base(), 3L * BLOB.length);
              return null;
            });
    Thread beside = new Thread(second);
    server
        .then(
            (request, target) -> {
              beside.start();
              while (beside.getState() != Thread.State.WAITING && server.requests().size() < 2) {
                Thread.onSpinWait();
              }
              FaultyServer.whole(BLOB).write(request, target);
            })
        .then(FaultyServer.whole(BLOB));

    fetch(download, server.base(), 3L * BLOB.length);
    second.get();

    assertHere();
    assertThat(server.requests()).hasSize(1);
  }

  @Test
  void whoWaitsForABlobCanBeInterrupted() throws Exception {
    BlobDownload download = download();
    FutureTask<UpdateException> second =
        new FutureTask<>(
            () ->
                catchThrowableOfType(
                    UpdateException.class, () -> fetch(download, server.base(), 3L * BLOB.length)));
    Thread beside = new Thread(second);
    server.then(
        (request, target) -> {
          beside.start();
          beside.interrupt();
          try {
            beside.join();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          FaultyServer.whole(BLOB).write(request, target);
        });

    fetch(download, server.base(), 3L * BLOB.length);

    assertThat(second.get().code()).isEqualTo(ErrorCode.SUPERSEDED);
    assertHere();
  }

  @Test
  void goesOnAfterTheLastWholeChunkAlsoAfterARestart() throws Exception {
    server.then(FaultyServer.bytes(BLOB, CHUNK + 1000)).then(FaultyServer.whole(BLOB));

    assertThat(refused().code()).isEqualTo(ErrorCode.DOWNLOAD_FAILED);
    fetch();

    assertHere();
    assertThat(ranges()).containsExactly("", "bytes=%d-".formatted(CHUNK));
  }

  @Test
  void aWrongChunkCostsThatChunk() throws Exception {
    byte[] wrong = BLOB.clone();
    wrong[CHUNK + 5] ^= 1;
    server.then(FaultyServer.whole(wrong)).then(FaultyServer.whole(BLOB));

    fetch();

    assertHere();
    assertThat(ranges()).containsExactly("", "bytes=%d-".formatted(CHUNK));
    assertThat(server.requests().getLast()).containsEntry("if-range", "\"tag\"");
    assertThat(received.get()).isLessThan(2L * BLOB.length);
  }

  @Test
  void givesUpOnAChunkThatIsAlwaysWrong() {
    byte[] wrong = BLOB.clone();
    wrong[CHUNK + 5] ^= 1;
    for (int i = 0; i <= LIMITS.badChunksMax(); i++) {
      server.then(FaultyServer.whole(wrong));
    }

    assertThat(refused().code()).isEqualTo(ErrorCode.ARTIFACT_DIGEST_MISMATCH);
    assertThat(server.requests()).hasSize(LIMITS.badChunksMax() + 1);
  }

  @Test
  void takesAServerWithoutRangesAndStillKeepsWhatItHas() throws Exception {
    server
        .then(FaultyServer.bytes(BLOB, CHUNK))
        .then(
            (request, target) -> {
              FaultyServer.head(target, "200 OK", "Content-Length: " + BLOB.length);
              target.write(BLOB);
            });

    refused();
    fetch();

    assertHere();
  }

  @Test
  void beginsAnewWhenTheServerHasLessThanIsHere() throws Exception {
    server
        .then(FaultyServer.bytes(BLOB, CHUNK))
        .then(FaultyServer.status("416 Range Not Satisfiable", "Content-Length: 0"))
        .then(FaultyServer.whole(BLOB));

    refused();
    fetch();

    assertHere();
    assertThat(ranges()).containsExactly("", "bytes=%d-".formatted(CHUNK), "");
  }

  @Test
  void askingBeyondTheEndTwiceIsAFailure() {
    server
        .then(FaultyServer.bytes(BLOB, CHUNK))
        .then(FaultyServer.status("416 Range Not Satisfiable", "Content-Length: 0"))
        .then(FaultyServer.status("416 Range Not Satisfiable", "Content-Length: 0"));

    refused();

    assertThat(refused().code()).isEqualTo(ErrorCode.DOWNLOAD_FAILED);
  }

  @Test
  void cutsEndlessDataAtTheKnownSize() throws Exception {
    server.then(
        (request, target) -> {
          FaultyServer.head(target, "200 OK");
          target.write(BLOB);
          while (true) {
            target.write(new byte[4096]);
          }
        });

    fetch();

    assertHere();
  }

  @Test
  void endsASlowDrip() {
    server.then(
        (request, target) -> {
          FaultyServer.head(target, "200 OK", "Content-Length: " + BLOB.length);
          target.write(BLOB, 0, 100);
          target.flush();
          // A byte now and then, until the client lets go.
          for (int i = 100; i < CHUNK; i++) {
            target.write(BLOB, i, 1);
            target.flush();
            LockSupport.parkNanos(20_000_000);
          }
        });

    UpdateException refused = refused();

    assertThat(refused.code()).isEqualTo(ErrorCode.DOWNLOAD_FAILED);
    assertThat(refused).hasMessageContaining("at least 65536 are expected");
  }

  @ParameterizedTest
  @CsvSource({
    "404 Not Found, ARTIFACT_NOT_FOUND",
    "410 Gone, ARTIFACT_NOT_FOUND",
    "400 Bad Request, ARTIFACT_NOT_FOUND",
    "451 Unavailable For Legal Reasons, ARTIFACT_NOT_FOUND",
    "302 Found, ARTIFACT_NOT_FOUND",
    // A renewed certificate may be believed.
    "401 Unauthorized, DOWNLOAD_FAILED",
    "403 Forbidden, DOWNLOAD_FAILED",
    "429 Too Many Requests, DOWNLOAD_FAILED",
    "500 Internal Server Error, DOWNLOAD_FAILED",
    "503 Service Unavailable, DOWNLOAD_FAILED",
  })
  void knowsWhatEveryRefusalMeans(String status, ErrorCode code) {
    server.then(
        FaultyServer.status(
            status,
            "Content-Length: 0",
            "WWW-Authenticate: Bearer",
            "Location: http://127.0.0.1:1/"));

    assertThat(refused().code()).isEqualTo(code);
    assertThat(server.requests()).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({
    "7, 7",
    "999999, 999999",
    "Fri 31 Dec 2999, 0",
    "99999999999999999, 0",
  })
  void honoursTheWaitThatABusyServerAsksFor(String asked, long seconds) {
    server.then(
        FaultyServer.status(
            "503 Service Unavailable", "Content-Length: 0", "Retry-After: " + asked));

    assertThat(refused().retryAfter()).contains(Duration.ofSeconds(seconds));
  }

  @Test
  void refusesAnAnswerFromAnotherPlaceThanAsked() {
    server
        .then(FaultyServer.bytes(BLOB, CHUNK))
        .then(
            FaultyServer.status(
                "206 Partial Content", "Content-Range: bytes 5-9/10", "Content-Length: 0"));

    refused();

    assertThat(refused()).hasMessageContaining("bytes 5-9/10");
  }

  @Test
  void spendsNoMoreThanItsBudget() {
    server.then(FaultyServer.whole(BLOB));

    UpdateException refused =
        catchThrowableOfType(UpdateException.class, () -> fetch(server.base(), CHUNK));

    assertThat(refused.code()).isEqualTo(ErrorCode.DOWNLOAD_BUDGET_SPENT);
    assertThat(received.get()).isLessThan(2L * CHUNK);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "file:///etc/passwd",
        "ftp://127.0.0.1/artifacts",
        "http://user:word@127.0.0.1/artifacts",
        "http://127.0.0.1/artifacts?to=elsewhere",
        "artifacts"
      })
  void asksPlainHttpAddressesOnly(String base) {
    UpdateException refused =
        catchThrowableOfType(UpdateException.class, () -> fetch(URI.create(base), BLOB.length));

    assertThat(refused.code()).isEqualTo(ErrorCode.DESIRED_UNSUPPORTED);
  }

  @ParameterizedTest
  @DisplayName("eavesdrop: nothing is fetched over a network without TLS")
  @ValueSource(
      strings = {
        "http://artifacts.example.org/artifacts",
        "http://192.0.2.1/artifacts",
        "http://127.0.0.1.example.org/artifacts"
      })
  void fetchesOverNoNetworkWithoutTls(String base) {
    UpdateException refused =
        catchThrowableOfType(UpdateException.class, () -> fetch(URI.create(base), BLOB.length));

    assertThat(refused.code()).isEqualTo(ErrorCode.DESIRED_UNSUPPORTED);
    assertThat(refused).hasMessageContaining("https");
  }

  @Test
  void aServerThatIsNotThereIsAskedAgainLater() throws IOException {
    server.close();

    assertThat(refused().code()).isEqualTo(ErrorCode.DOWNLOAD_FAILED);
  }
}
