package io.skerry.agent.trust;

import static io.skerry.agent.trust.TrustFixture.NOW;
import static io.skerry.agent.trust.TrustFixture.message;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.skerry.agent.disk.Disk;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The attacks of TUF and Uptane that need a network. */
@Tag("slow")
@DisplayName("Attacks of TUF and Uptane on the way to the device")
class TrustRefreshTest {
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  /** Writes an answer's body. */
  private interface Body {
    void write(OutputStream out) throws IOException;
  }

  @TempDir Path folder;
  private final TrustFixture keys = new TrustFixture();
  private final Map<String, Body> answers = new ConcurrentHashMap<>();
  private final AtomicInteger asked = new AtomicInteger();
  private final List<ErrorCode> refusals = new ArrayList<>();
  private final List<Instant> times = new ArrayList<>();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient http = HttpClient.newHttpClient();
  private HttpServer server;
  private Instant now = NOW;
  private TrustStore store;
  private TrustRefresh refresh;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(
        "/",
        exchange -> {
          asked.incrementAndGet();
          Optional<Body> body =
              Optional.ofNullable(answers.get(exchange.getRequestURI().getPath()));
          try (exchange) {
            exchange.sendResponseHeaders(body.isEmpty() ? 404 : 200, body.isEmpty() ? -1 : 0);
            if (body.isPresent()) {
              body.get().write(exchange.getResponseBody());
            }
          } catch (IOException e) {
            // The device hung up: that is what some of these tests are for.
          }
        });
    server.start();
    store =
        TrustStore.open(
            Disk.local(), folder, keys.fingerprint(), List.of(TrustFixture.json(keys.root(1))));
    refresh =
        new TrustRefresh(
            store,
            URI.create("http://127.0.0.1:" + server.getAddress().getPort()),
            () -> http,
            () -> now,
            times::add,
            refusal -> refusals.add(refusal.code()),
            PATIENCE);
  }

  @AfterEach
  void stop() {
    server.stop(0);
    threads.shutdownNow();
    http.shutdownNow();
  }

  private void answer(String path, DsseEnvelope envelope) {
    answers.put(path, out -> out.write(envelope.toJson()));
  }

  private long rootVersion() {
    return store.get().root().version();
  }

  private long snapshotVersion() {
    return store.get().snapshot().map(snapshot -> snapshot.version()).orElse(0L);
  }

  @Test
  @DisplayName("asks by itself: roots step by step, then the snapshot, and tells the signed time")
  void asks() {
    answer("/v1/roots/2", keys.root(2));
    answer("/v1/roots/3", keys.root(3));
    answer("/v1/snapshot", keys.snapshot(5, 3));

    refresh.tick();

    assertThat(rootVersion()).isEqualTo(3);
    assertThat(snapshotVersion()).isEqualTo(5);
    assertThat(times).containsExactly(NOW);
    assertThat(store.get().isFresh(now)).isTrue();
    int before = asked.get();
    refresh.tick();
    assertThat(asked).hasValue(before);
  }

  @Test
  @DisplayName("takes snapshots from the control topic without asking anybody")
  void takesMessages() {
    answer("/v1/snapshot", keys.snapshot(5, 1));
    refresh.tick();
    int before = asked.get();

    refresh.received(message(keys.snapshot(6, 1)));
    refresh.tick();

    assertThat(snapshotVersion()).isEqualTo(6);
    assertThat(asked).hasValue(before);
  }

  @Test
  @DisplayName("mix-and-match: a snapshot for an unknown root makes the device ask for roots first")
  void mixAndMatch() {
    answer("/v1/snapshot", keys.snapshot(5, 1));
    refresh.tick();
    SigningKey fresh = SigningKey.generate();
    answer("/v1/roots/2", keys.root(2, fresh));

    refresh.received(message(keys.snapshot(6, 2, fresh)));
    refresh.tick();

    assertThat(rootVersion()).isEqualTo(2);
    assertThat(snapshotVersion()).isEqualTo(6);
  }

  @Test
  @DisplayName("endless data: an answer is cut off at its bound, and nothing changes")
  void endlessData() {
    answers.put(
        "/v1/roots/2",
        out -> {
          byte[] block = new byte[64 * 1024];
          while (true) {
            out.write(block);
          }
        });

    refresh.tick();

    assertThat(rootVersion()).isEqualTo(1);
  }

  @Test
  @DisplayName("slow retrieval: an answer that drips is given up, and asked for again later")
  void slowRetrieval() {
    answers.put(
        "/v1/roots/2",
        out -> {
          while (!Thread.currentThread().isInterrupted()) {
            out.write(' ');
            out.flush();
            LockSupport.parkNanos(20_000_000);
          }
        });
    long began = System.nanoTime();

    refresh.tick();

    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(PATIENCE.multipliedBy(10));
    assertThat(rootVersion()).isEqualTo(1);
    answers.clear();
    answer("/v1/snapshot", keys.snapshot(5, 1));
    now = now.plus(TrustRefresh.RETRY_MAX);
    refresh.tick();
    assertThat(snapshotVersion()).isEqualTo(5);
  }

  @Test
  @DisplayName("drop-request: without answers the device goes stale, and recovers by itself")
  void dropRequest() {
    answer("/v1/snapshot", keys.snapshot(5, 1));
    refresh.tick();
    answers.clear();
    now = NOW.plus(Duration.ofDays(8));
    refresh.tick();
    assertThat(store.get().isFresh(now)).isFalse();
    assertThat(snapshotVersion()).isEqualTo(5);

    now = NOW.plus(Duration.ofHours(7));
    answer("/v1/snapshot", keys.snapshot(6, 1));
    refresh.tick();

    assertThat(store.get().isFresh(now)).isTrue();
    assertThat(snapshotVersion()).isEqualTo(6);
  }

  @Test
  @DisplayName("endless roots: one round follows a bounded number, the next goes on")
  void endlessRoots() {
    for (int i = 2; i <= TrustRefresh.ROOTS_PER_ROUND_MAX + 11; i++) {
      answer("/v1/roots/" + i, keys.root(i));
    }

    refresh.tick();
    assertThat(rootVersion()).isEqualTo(TrustRefresh.ROOTS_PER_ROUND_MAX + 1);

    refresh.askSoon();
    refresh.tick();
    assertThat(rootVersion()).isEqualTo(TrustRefresh.ROOTS_PER_ROUND_MAX + 11);
  }

  @Test
  @DisplayName("a refused document is reported once per try, and tries come further apart")
  void reportsRefusals() {
    answer("/v1/roots/2", keys.root(3));

    for (int i = 0; i < 600; i++) {
      refresh.tick();
      now = now.plusSeconds(1);
    }

    assertThat(refusals).containsOnly(ErrorCode.ROOT_INVALID);
    assertThat(refusals).hasSizeBetween(4, 12);
    assertThat(rootVersion()).isEqualTo(1);
  }

  @Test
  @DisplayName("hostile messages on the control topic cannot make a device ask at their rate")
  void hostileMessages() {
    SigningKey thief = SigningKey.generate();
    for (int i = 0; i < 100; i++) {
      refresh.received(message(keys.snapshot(100 + i, 1, thief)));
      refresh.tick();
    }
    refresh.received(new byte[] {1, 2, 3});
    refresh.tick();

    assertThat(asked).hasValueLessThan(10);
    assertThat(snapshotVersion()).isEqualTo(0);
    assertThat(refusals).contains(ErrorCode.SNAPSHOT_INVALID);
  }
}
