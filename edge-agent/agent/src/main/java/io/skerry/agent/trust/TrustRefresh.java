package io.skerry.agent.trust;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what a device believes fresh: takes snapshots from the control topic, asks for newer roots
 * when one names them, and asks for both by itself when none came for long.
 *
 * <p>Every answer has a largest size and a longest time, every round a largest number of roots, and
 * rounds that fail come further and further apart. {@link #tick} may block, {@link #received} never
 * does. Thread-safe.
 */
public final class TrustRefresh {
  /** Roots that one round follows; the next round goes on from there. */
  public static final int ROOTS_PER_ROUND_MAX = 256;

  /** How long one answer may take, to its last byte. */
  static final Duration ANSWER_PATIENCE = Duration.ofSeconds(30);

  /** How long a device that hears nothing waits before it asks. */
  static final Duration ASK_EVERY = Duration.ofHours(6);

  static final Duration RETRY_FIRST = Duration.ofSeconds(5);
  static final Duration RETRY_MAX = Duration.ofMinutes(15);

  private static final Logger log = LoggerFactory.getLogger(TrustRefresh.class);
  private static final int OK = 200;
  private static final int NOT_FOUND = 404;

  private final TrustStore store;
  private final URI controlBase;
  private final Supplier<HttpClient> http;
  private final InstantSource clock;
  private final Consumer<Instant> signedTime;
  private final Consumer<TrustException> refusals;
  private final Duration patience;
  private final RandomGenerator random = RandomGenerator.getDefault();
  // Only the newest message counts: one waits, and a newer one takes its place.
  private final AtomicReference<Optional<byte[]>> waiting = new AtomicReference<>(Optional.empty());
  private Instant askAt = Instant.MIN;
  private Duration retry = RETRY_FIRST;

  /**
   * Makes a refresher that does nothing until it is ticked.
   *
   * @param controlBase where {@code /v1/roots} and {@code /v1/snapshot} are
   * @param http the client of the moment
   * @param clock never behind the last signed time
   * @param signedTime is told the time that every taken snapshot signed
   * @param refusals is told of every document that is refused
   */
  public TrustRefresh(
      TrustStore store,
      URI controlBase,
      Supplier<HttpClient> http,
      InstantSource clock,
      Consumer<Instant> signedTime,
      Consumer<TrustException> refusals) {
    this(store, controlBase, http, clock, signedTime, refusals, ANSWER_PATIENCE);
  }

  TrustRefresh(
      TrustStore store,
      URI controlBase,
      Supplier<HttpClient> http,
      InstantSource clock,
      Consumer<Instant> signedTime,
      Consumer<TrustException> refusals,
      Duration patience) {
    this.store = store;
    this.controlBase = controlBase;
    this.http = http;
    this.clock = clock;
    this.signedTime = signedTime;
    this.refusals = refusals;
    this.patience = patience;
  }

  /** Takes a message of the control topic; it is looked into at the next tick. */
  public void received(byte[] message) {
    if (message.length > 0) {
      waiting.set(Optional.of(message));
    }
  }

  /** Asks at the next tick, whatever the last answer was. */
  public synchronized void askSoon() {
    askAt = Instant.MIN;
  }

  /** Looks into what came, and asks when it is time. Call about once a second; may block. */
  public synchronized void tick() {
    Instant began = clock.instant();
    Optional<byte[]> message = waiting.getAndSet(Optional.empty());
    boolean due = !began.isBefore(askAt) || askAt.isAfter(began.plus(ASK_EVERY));
    try {
      if (message.isPresent() && take(message.get(), began, due)) {
        succeeded(began);
      } else if (due) {
        followRoots();
        Optional<DsseEnvelope> snapshot = asked("/v1/snapshot", Snapshot.BYTES_MAX);
        if (snapshot.isPresent()) {
          accept(snapshot.get(), began);
        }
        succeeded(began);
      }
    } catch (TrustException e) {
      failed(began);
      log.atWarn()
          .addKeyValue("code", e.code())
          .addKeyValue("cause", String.valueOf(e.getMessage()))
          .log("trust document refused");
      refusals.accept(e);
    } catch (IOException e) {
      failed(began);
      log.atInfo()
          .addKeyValue("cause", String.valueOf(e.getMessage()))
          .log("trust not refreshed yet");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Whether the message could be judged; if not, newer roots have to be asked for first, and it is
   * not time to.
   */
  private boolean take(byte[] message, Instant began, boolean mayAsk)
      throws IOException, InterruptedException {
    DsseEnvelope envelope;
    try {
      envelope = WireEnvelope.parse(message, Snapshot.BYTES_MAX);
    } catch (MalformedDocumentException e) {
      throw new TrustException(ErrorCode.SNAPSHOT_INVALID, String.valueOf(e.getMessage()), e);
    }
    if (store.get().needsNewerRoot(envelope)) {
      if (!mayAsk && retry.compareTo(RETRY_FIRST) > 0) {
        // Whoever can publish here must not be able to make every device ask at any rate.
        return false;
      }
      followRoots();
    }
    accept(envelope, began);
    return true;
  }

  private void accept(DsseEnvelope snapshot, Instant began) throws IOException {
    signedTime.accept(store.acceptSnapshot(snapshot, began));
  }

  private void followRoots() throws IOException, InterruptedException {
    for (int step = 0; step < ROOTS_PER_ROUND_MAX; step++) {
      long next = store.get().root().version() + 1;
      Optional<DsseEnvelope> root = asked("/v1/roots/" + next, RootDocument.BYTES_MAX);
      if (root.isEmpty()) {
        return;
      }
      store.acceptRoot(root.get());
    }
  }

  private void succeeded(Instant began) {
    retry = RETRY_FIRST;
    boolean fresh = store.get().isFresh(began);
    askAt = began.plus(fresh ? ASK_EVERY : RETRY_MAX);
  }

  private void failed(Instant began) {
    // Many devices fail at the same moment: they shall not come back at the same moment.
    askAt = began.plusMillis(random.nextLong(retry.toMillis() / 2, retry.toMillis()));
    Duration doubled = retry.multipliedBy(2);
    retry = doubled.compareTo(RETRY_MAX) > 0 ? RETRY_MAX : doubled;
  }

  private Optional<DsseEnvelope> asked(String path, int bytesMax)
      throws IOException, InterruptedException {
    URI uri = URI.create(controlBase.toString().replaceAll("/+$", "") + path);
    CompletableFuture<HttpResponse<byte[]>> answer =
        http.get()
            .sendAsync(
                HttpRequest.newBuilder(uri).timeout(patience).build(),
                HttpResponse.BodyHandlers.limiting(
                    HttpResponse.BodyHandlers.ofByteArray(), bytesMax));
    try {
      HttpResponse<byte[]> response = answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      if (response.statusCode() == NOT_FOUND) {
        return Optional.empty();
      }
      if (response.statusCode() != OK) {
        throw new IOException("%s answered %d".formatted(uri, response.statusCode()));
      }
      return Optional.of(DsseEnvelope.parseJson(response.body()));
    } catch (TimeoutException e) {
      throw new IOException("%s did not answer within %s".formatted(uri, patience), e);
    } catch (ExecutionException e) {
      throw new IOException("%s: %s".formatted(uri, e.getCause()), e);
    } catch (SignatureInvalidException e) {
      throw new IOException("%s answered no envelope".formatted(uri), e);
    } finally {
      answer.cancel(true);
    }
  }
}
